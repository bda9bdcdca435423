import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** The signals that end a program in a terminal: they go to all of its processes, and this one waits for the other. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** As shells report it. */
const NOT_FOUND = 127;

/** Runs a program with the terminal of this one, and returns its exit code: 128 and the signal's number if one ended it. */
export function runProgram(command: string, args: string[]): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit' });
  for (const signal of ENDING) process.on(signal, () => child.kill(signal));
  return new Promise(resolve => {
    child.once('error', error => {
      console.error(`mcp-lambda-server: ${command} did not start: ${error.message}`);
      resolve(NOT_FOUND);
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
