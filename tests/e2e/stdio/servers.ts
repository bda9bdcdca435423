// Servers of the stdio transport that others have written, and ways to run them behind ours.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from '../program.ts';
import { buildTestPrograms, root, start } from '../server.ts';

const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const FIRST_LINE_WITHIN_MS = 20_000;

/** A folder of its own for what the servers read and write. */
export const folder = mkdtempSync(join(tmpdir(), 'stdio-servers-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A server that others have written, and a call that needs nothing but itself. */
export interface StdioServer {
  readonly name: string;
  readonly command: string[];
  readonly tools: string[];
  readonly call: { name: string; arguments: Record<string, unknown> };
  /** A part of the text of its result. */
  readonly says: string | RegExp;
}

function repository(): string {
  const path = join(folder, 'repository');
  mkdirSync(path);
  const git = (...args: string[]) => execFileSync('git', args, { cwd: path, stdio: 'ignore' });
  git('init', '-q');
  writeFileSync(join(path, 'new-file.txt'), 'new');
  return path;
}

/** Three from npm, which speak 2025-11-25, two from PyPI that speak both eras, and one that speaks 2025-11-25. */
export function servers(): StdioServer[] {
  const files = join(folder, 'files');
  mkdirSync(files);
  cpSync(join(root, 'LICENSE-MIT'), join(files, 'license.txt'));
  const git = repository();
  const memory = `MEMORY_FILE_PATH=${join(folder, 'memory.jsonl')}`;
  return [
    {
      name: 'everything',
      command: [bin('mcp-server-everything')],
      tools: ['echo', 'get-sum', 'trigger-long-running-operation'],
      call: { name: 'get-sum', arguments: { a: 2, b: 40 } },
      says: '42',
    },
    {
      name: 'filesystem',
      command: [bin('mcp-server-filesystem'), files],
      tools: ['list_directory', 'read_text_file'],
      call: { name: 'list_directory', arguments: { path: files } },
      says: 'license.txt',
    },
    {
      name: 'memory',
      command: ['/usr/bin/env', memory, bin('mcp-server-memory')],
      tools: ['read_graph', 'create_entities'],
      call: { name: 'read_graph', arguments: {} },
      says: /"entities"/,
    },
    {
      name: 'time',
      command: [join(root, '.venv', 'bin', 'python'), '-m', 'mcp_server_time', '--local-timezone', 'UTC'],
      tools: ['get_current_time', 'convert_time'],
      call: { name: 'get_current_time', arguments: { timezone: 'Europe/Berlin' } },
      says: 'Europe/Berlin',
    },
    {
      name: 'git',
      command: [join(root, '.venv', 'bin', 'python'), '-m', 'mcp_server_git', '--repository', git],
      tools: ['git_status', 'git_log'],
      call: { name: 'git_status', arguments: { repo_path: git } },
      says: 'new-file.txt',
    },
    {
      name: 'sqlite',
      command: [join(root, '.venv-mcp1', 'bin', 'mcp-server-sqlite'), '--db-path', join(folder, 'db.sqlite')],
      tools: ['list_tables', 'read_query'],
      call: { name: 'read_query', arguments: { query: 'SELECT 6 * 7 AS answer' } },
      says: '42',
    },
  ];
}

/** A server that runs: its endpoint, and its end. */
export interface Running {
  readonly url: string;
  stop(): Promise<unknown>;
}

let programs: Promise<string[]> | undefined;

async function built(name: string): Promise<string> {
  programs ??= buildTestPrograms(['stdio-function', 'lambda-emulator']);
  const path = (await programs).find(candidate => candidate.endsWith(`/${name}`));
  if (!path) throw new Error(`${name} was not built`);
  return path;
}

/** On a local address. */
export async function locally(command: string[], options: string[] = []): Promise<Running> {
  return start(await built('stdio-function'), [...options, '--', ...command]);
}

/** On the emulated Lambda, each request on another one of four environments. Nothing is shared but the key of requestState. */
export async function onLambda(command: string[]): Promise<Running> {
  const key = Buffer.alloc(32, 1).toString('base64');
  const env = {
    STDIO_FUNCTION_ARGS: JSON.stringify(['--', ...command]),
    MCP_SESSIONS: 'off',
    MCP_STATE_KEYS: `one:${key}`,
    PATH: process.env['PATH'],
  };
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const emulator = await program(await built('lambda-emulator'), [
    ...['--binary', await built('stdio-function'), '--environments', '4', '--routing', 'spread'],
    ...['--timeout', `${FIRST_LINE_WITHIN_MS / 1000}`, ...variables],
  ]);
  const { url } = JSON.parse(emulator.ready) as { url: string };
  return { url: `${url.replace(/\/$/, '')}/mcp`, stop: () => emulator.stop() };
}
