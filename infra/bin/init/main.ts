// `npx mcp-lambda-server init`: writes a new project, or what an existing one lacks.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Asking, withDefaults, type Terminal } from './ask';
import type { Choices } from './choices';
import { InitError } from './error';
import { completeProject } from './here';
import { USAGE, nameOf, readArgs, type Given } from './options';
import { projectFiles } from './template';
import { writeFiles } from './write';

/** Exit codes: of a command line that cannot be used, and of a project that cannot be written. */
const UNUSABLE = 2;

/** Converts a deploy.toml of cargo-pmcp: its text, and what the converted one does not have. */
export type Converter = (text: string, name: string) => {
  readonly text: string;
  readonly dropped: readonly { readonly key: string; readonly reason: string }[];
};

export interface InitOptions {
  readonly terminal?: Terminal;
  /** Loaded for `--from` only: it needs the CDK, which takes a second. A program without it has no `--from`. */
  readonly converter?: () => Promise<Converter>;
}

/** Runs the command and returns its exit code. */
export async function init(args: string[], options: InitOptions = {}): Promise<number> {
  const { terminal = { input: process.stdin, output: process.stdout } } = options;
  const say = (line: string) => terminal.output.write(`${line}\n`);
  try {
    const given = readArgs(args);
    if (given.help) {
      say(USAGE);
      return 0;
    }
    if (given.from !== undefined) convert(given, say, await options.converter?.());
    else if (given.here) complete(given, say);
    else await create(given, terminal, say);
    return 0;
  } catch (error) {
    if (!(error instanceof InitError)) throw error;
    process.stderr.write(`init: ${error.message}\n`);
    return UNUSABLE;
  }
}

async function create(given: Given, terminal: Terminal, say: (line: string) => void): Promise<void> {
  const { folder, choices } = await askFor(given, terminal);
  const name = nameOf(given, folder);
  const { issuer, audience } = given;
  const files = projectFiles({ name, choices, issuer, audience, package: given.package });
  for (const { path, done } of writeFiles(folder, files, given.force)) say(`    ${done.padEnd(9)} ${path}`);
  say(next(folder, choices, given));
}

function complete(given: Given, say: (line: string) => void): void {
  const { changes, byHand } = completeProject(given.folder ?? '.', given);
  for (const { path, done, what } of changes) say(`    ${done.padEnd(9)} ${path}${what === '' ? '' : `: ${what}`}`);
  if (byHand.length === 0) return;
  say('\nBy hand:');
  for (const line of byHand) say(`    ${line}`);
}

/** A deploy.toml of ours, from that of a project of cargo-pmcp. */
function convert(given: Given, say: (line: string) => void, converter: Converter | undefined): void {
  if (!converter) throw new InitError('--from is an option of: npx mcp-lambda-server init');
  const folder = given.folder ?? '.';
  const file = join(folder, '.pmcp', 'deploy.toml');
  if (!existsSync(file)) throw new InitError(`there is no ${file}: run this in a project in which cargo pmcp deploy init has run`);
  const converted = attempt(() => converter(readFileSync(file, 'utf8'), file));
  for (const { path, done } of writeFiles(folder, new Map([['deploy.toml', converted.text]]), given.force)) {
    say(`    ${done.padEnd(9)} ${path}`);
  }
  for (const { key, reason } of converted.dropped) say(`    left out  ${key}: ${reason}`);
  say('\nnpx mcp-lambda-server init --here    # adds the rest of what a deployment needs');
}

/** A file that is not TOML is for the user to correct. */
function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new InitError((error as Error).message);
  }
}

/** The folder and the choices: those that are given, and those that are asked for. */
async function askFor(given: Given, terminal: Terminal): Promise<{ folder: string; choices: Choices }> {
  const folder = given.folder ?? given.name;
  if (given.yes || terminal.input.isTTY !== true) {
    if (folder === undefined) throw new InitError('a new project needs a folder: npx mcp-lambda-server init my-mcp-server');
    return { folder, choices: withDefaults(given.choices) };
  }
  const asking = new Asking(terminal);
  try {
    return { folder: folder ?? (await asking.folder()), choices: await asking.choices(given.choices) };
  } finally {
    asking.close();
  }
}

/** What to do next. */
function next(folder: string, { auth, deploy }: Choices, { issuer, audience }: Given): string {
  const path = folder === '.' ? '' : folder;
  const settings = deploy === 'toml' ? 'the settings of the deployment' : 'infra/app.ts';
  const lines = ['', ...(path === '' ? [] : [`cd ${path}`]), 'npm install', 'npm test', 'npm start         # on http://127.0.0.1:9000/mcp'];
  if (auth === 'jwt' && (issuer === undefined || audience === undefined)) {
    lines.push(`                  # set the issuer and the audience of your tokens in ${settings}`);
  }
  lines.push('npx cdk bootstrap # once for each account and region', 'npx cdk deploy');
  return lines.join('\n');
}
