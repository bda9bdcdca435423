// The commands of the program. Each is one entry here, and one file if it is more than a call.
import { init } from '../init/main';
import { CDK_COMMANDS, runCdk } from './cdk';
import type * as cloudformation from '../cloudformation';
import { runCost } from '../cost';
import { APP, OPERATE } from './own-files';
import { runApp } from './run-app';
import { runProgram } from './run-program';

/** A command of `mcp-lambda-server`. */
export interface Command {
  /** The arguments, as the list of commands shows them. */
  readonly args: string;
  readonly summary: string;
  /** Runs it, and returns the exit code of the process. */
  run(args: string[]): number | Promise<number>;
}

const cdk = Object.entries(CDK_COMMANDS).map(([name, summary]): [string, Command] => [
  name,
  { args: '[OPTION...]', summary, run: args => runCdk(name, args) },
]);

/** Loads the CDK, which takes a second: only where it is used. */
const converter = () => Promise.resolve((require('../deploy-toml/cargo-pmcp') as typeof import('../deploy-toml/cargo-pmcp')).convertCargoPmcp);

/** By name, in the order of the list. */
export const COMMANDS: { readonly [name: string]: Command } = {
  init: {
    args: '[FOLDER]',
    summary: 'writes a new project; --here: adds what an existing one lacks; --help: its options',
    run: args => init(args, { converter }),
  },
  ...Object.fromEntries(cdk),
  operate: {
    args: 'COMMAND...',
    summary: 'logs, metrics, traces, rollback and secrets of a deployed stack',
    run: args => runProgram('sh', [OPERATE, ...args]),
  },
  cost: {
    args: '[OPTION...]',
    summary: 'what a month of a server costs; --help lists the options',
    run: args => runCost(args),
  },
  template: {
    args: '[--config FILE]',
    summary: 'prints the template of deploy.toml, for a deployment without the CDK',
    // The CDK is loaded for this command only.
    run: args => (require('../cloudformation') as typeof cloudformation).runTemplate(args),
  },
  app: {
    args: '[FILE]',
    summary: 'the CDK app itself, for "app" of a cdk.json, or a file with an app of your own',
    run: ([file]) => {
      if (file !== undefined) return runApp(file);
      require(APP);
      return Number(process.exitCode ?? 0);
    },
  },
};

/** The text of `--help`. */
export function usage(): string {
  const rows = Object.entries(COMMANDS).map(([name, { args, summary }]) => [`${name} ${args}`.trim(), summary] as const);
  const width = Math.max(...rows.map(([row]) => row.length));
  return [
    'mcp-lambda-server: MCP servers on AWS Lambda, from deploy.toml or servers.yaml',
    '',
    ...rows.map(([row, summary]) => `    ${row.padEnd(width)}  ${summary}`),
    '',
    'Options are those of the CDK: -c lambda.memory_size=512 overrides a key of deploy.toml, -c config=FILE and -c servers=FILE',
    'name another file. A cdk.json that names an app of your own is used as it is.',
  ].join('\n');
}
