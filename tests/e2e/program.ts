import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './server.ts';

const READY_WITHIN_MS = 20_000;
const ENDS_WITHIN_MS = 10_000;

/** A program that runs beside the tests. */
export interface Program {
  /** The first line it printed. */
  readonly ready: string;
  printed(): string;
  stop(): Promise<void>;
}

/** Starts a program and waits for its first line, or for `isReady`. It is ended by its process id, and with the tests. */
export async function program(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
  isReady?: () => Promise<boolean>,
): Promise<Program> {
  const child = spawn(command, args, { cwd: root, env: { MCP_STORE: 'memory', ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  child.once('exit', () => process.off('exit', atExit));
  let printed = '';
  let ready = '';
  const note = (line: string) => (printed = `${printed}${line}\n`.slice(-8_000));
  createInterface({ input: child.stdout }).on('line', line => (note(line), (ready ||= line)));
  createInterface({ input: child.stderr }).on('line', note);
  const deadline = Date.now() + READY_WITHIN_MS;
  const failed = once(child, 'error').then(([error]) => error as Error);
  while (isReady ? !(await isReady()) : !ready) {
    if (child.pid === undefined) throw await failed;
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${command} did not get ready within ${READY_WITHIN_MS} ms:\n${printed}`);
    }
    await sleep(20);
  }
  return {
    ready,
    printed: () => printed,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = new AbortController();
      const late = sleep(ENDS_WITHIN_MS, 'late', { signal: timer.signal }).catch(() => 'late');
      if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL');
      timer.abort();
      await ended;
    },
  };
}

/** A free port of the loopback address. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}
