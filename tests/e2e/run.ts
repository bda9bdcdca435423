import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { root } from './server.ts';

/** A program that ran to its end. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Of the CDK and of AWS programs, without an account, questions and messages to their makers. */
export const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
  AWS_REGION: 'eu-central-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  CDK_DISABLE_CLI_TELEMETRY: 'true',
  CI: 'true',
  NODE_NO_WARNINGS: '1',
};

/**
 * Runs a program from the top of the clone to its end, with this text on stdin; one that takes longer than `withinMs` is
 * killed.
 */
export async function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
  withinMs = 25_000,
  stdin?: string,
): Promise<Ran> {
  return runIn(root, command, args, { env: { ...process.env, ...env }, withinMs, ...(stdin !== undefined && { stdin }) });
}

/** Runs a program in a folder, with exactly these variables, as `run` does. */
export async function runIn(
  cwd: string,
  command: string,
  args: string[],
  { env, withinMs, stdin }: { env: NodeJS.ProcessEnv; withinMs: number; stdin?: string },
): Promise<Ran> {
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: withinMs,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdin?.end(stdin);
  child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
