// The program `mcp-lambda`, as `scripts/test rust` has built it, and how the tests of this folder run it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type Ran } from '../run.ts';
import { buildClient } from '../server.ts';

let built: Promise<string> | undefined;

/** Where the program is. */
export function client(): Promise<string> {
  return (built ??= buildClient());
}

/** No credentials, no profile and no home of the person who runs the tests. */
export const NOBODY = {
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_PROFILE: undefined,
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_SESSION_TOKEN: undefined,
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  BROWSER: 'none',
};

/** Runs the program to its end. */
export async function mcpLambda(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return run(await client(), args, { ...NOBODY, ...env });
}

/** Runs `mcp-lambda connect` with these lines on stdin. */
export async function connected(url: string, lines: string[], ...options: string[]): Promise<Ran> {
  const stdin = lines.map(line => `${line}\n`).join('');
  return run(await client(), ['connect', url, ...options], { ...NOBODY }, 25_000, stdin);
}

/** A folder of its own for what a test writes. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-lambda-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
