#!/usr/bin/env node
// The program `mcp-lambda-server` of the npm package: deploys a project that has a deploy.toml or a servers.yaml, and operates
// what it has deployed.
import { COMMANDS, usage } from './cli/commands';
import { packageVersion } from './cli/own-files';
import { suggestion } from './nearest';

function main([name = '--help', ...args]: string[]): number | Promise<number> {
  switch (name) {
    case '--help':
    case '-h':
    case 'help':
      console.log(usage());
      return 0;
    case '--version':
    case '-V':
      console.log(packageVersion());
      return 0;
  }
  const command = COMMANDS[name];
  if (command) return command.run(args);
  console.error(`mcp-lambda-server: there is no command '${name}'; ${suggestion(name, Object.keys(COMMANDS))}`);
  return 2;
}

void Promise.resolve(main(process.argv.slice(2))).then(code => {
  process.exitCode = code;
});
