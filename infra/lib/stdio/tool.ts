import { spawnSync } from 'node:child_process';

/** Installing a large package may take minutes. */
const WITHIN_MS = 600_000;

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** What a program printed, and how it ended. */
export interface ToolRun {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of this machine to its end. Returns `undefined` if there is no such program on PATH.
 */
export function runTool(command: string, args: string[], cwd: string): ToolRun | undefined {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: WITHIN_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
    // On Windows npm is a script.
    shell: process.platform === 'win32',
  });
  if (error && 'code' in error && error.code === 'ENOENT') return undefined;
  const reason = error ? `${stderr ?? ''}\n${error.message}` : (stderr ?? '');
  return { ok: status === 0 && !error, stdout: stdout ?? '', stderr: reason };
}

/** The last lines that say something, on one line. */
export function lastLines({ stdout, stderr }: ToolRun, count = 3): string {
  const lines = `${stdout}\n${stderr}`.split('\n').map(line => line.trim());
  return lines
    .filter(line => line !== '')
    .slice(-count)
    .join(' | ');
}
