#!/usr/bin/env node
// `npm create mcp-lambda`: `mcp-lambda-server init` in a package of its own, which does not bring the CDK.
import { init } from './init/main';

void init(process.argv.slice(2)).then(code => {
  process.exitCode = code;
});
