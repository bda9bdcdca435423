// Runs the CDK on the app of this package.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { APP } from './own-files';
import { runProgram } from './run-program';

/** The release of the CDK's command line that is used where the project has none: the one that the tests use. */
export const AWS_CDK = '2.1148.1';

/** The commands that are passed on, with what they do here. */
export const CDK_COMMANDS: { readonly [name: string]: string } = {
  bootstrap: 'prepares an account and region for the first deployment',
  deploy: 'builds the server and deploys it',
  watch: 'deploys again whenever a file changes',
  diff: 'what a deployment would change',
  synth: 'writes the CloudFormation template to cdk.out',
  list: 'the names of the stacks',
  destroy: 'deletes the stack; the table of state is retained',
};

/** The libraries that the app shares with a CDK app of the user. */
const PEERS = ['aws-cdk-lib', 'constructs'];

export function runCdk(command: string, args: string[]): number | Promise<number> {
  const missing = PEERS.filter(name => find(`${name}/package.json`, __dirname) === undefined);
  if (missing.length > 0) {
    console.error(`mcp-lambda-server: ${missing.join(' and ')} is not installed; run 'npm install ${missing.join(' ')}'`);
    return 1;
  }
  const own = ownApp() ? [] : ['--app', `node "${APP}"`, '--no-version-reporting'];
  const cli = find('aws-cdk/bin/cdk', process.cwd());
  if (cli !== undefined) return runProgram(process.execPath, [cli, command, ...own, ...args]);
  console.error(`aws-cdk is not installed here: using aws-cdk@${AWS_CDK} from npm ('npm install --save-dev aws-cdk' keeps it)`);
  return runProgram('npm', ['exec', '--yes', `--package=aws-cdk@${AWS_CDK}`, '--', 'cdk', command, ...own, ...args]);
}

/** Whether the project's cdk.json names an app. */
function ownApp(): boolean {
  const file = resolve('cdk.json');
  if (!existsSync(file)) return false;
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { app?: unknown }).app !== undefined;
  } catch {
    // The CDK itself says what is wrong with the file.
    return true;
  }
}

/** The path of a package's file, as a program in the folder would find it. */
function find(file: string, folder: string): string | undefined {
  try {
    const { resolve: lookUp } = createRequire(join(folder, 'index.js'));
    if (!file.startsWith('aws-cdk/')) return lookUp(file);
    return join(dirname(lookUp('aws-cdk/package.json')), 'bin', 'cdk');
  } catch {
    return undefined;
  }
}
