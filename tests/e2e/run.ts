import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { root } from './server.ts';

/** A program that ran to its end. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

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
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
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
