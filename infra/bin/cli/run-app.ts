// `mcp-lambda-server app FILE`, for "app" of a cdk.json: a CDK app of the user, on a machine that is prepared to build its server, and
// with errors of the construct in one sentence.
import { existsSync } from 'node:fs';
import { prepareToBuild } from '../cargo-lambda';
import { runProgram } from './run-program';

/** The trace of an error of the construct is of the construct; the message has what is to be done. */
const SENTENCES = `process.on('uncaughtException', error => {
  console.error(error?.constructor?.name === 'PropertyError' ? error.message : error);
  process.exit(1);
});`;

export function runApp(file: string): number | Promise<number> {
  if (!existsSync(file)) {
    console.error(`mcp-lambda-server: there is no file ${file} with a CDK app`);
    return 2;
  }
  if (builds() && existsSync('Cargo.toml')) prepareToBuild();
  const loaders = ['--import', `data:text/javascript,${encodeURIComponent(SENTENCES)}`];
  if (file.endsWith('.ts')) loaders.push('--import', 'tsx');
  return runProgram(process.execPath, [...loaders, file]);
}

/** Whether the CDK builds anything: not for `cdk destroy` and `cdk list`, which name no stack to build for. */
function builds(): boolean {
  try {
    const context = JSON.parse(process.env['CDK_CONTEXT_JSON'] ?? '{}') as { [name: string]: unknown };
    const stacks = context['aws:cdk:bundling-stacks'];
    return !Array.isArray(stacks) || stacks.length > 0;
  } catch {
    return true;
  }
}
