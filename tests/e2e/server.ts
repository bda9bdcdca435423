// Builds and runs the project's own servers for the tests: on a free port of the loopback, one process each, ended by
// its process id. Nothing here waits without a deadline.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const root = join(import.meta.dirname, '..', '..');

const STARTS_WITHIN_MS = 15_000;
const ENDS_WITHIN_MS = 10_000;
const PRINTED_KEPT = 4_000;

export interface Server {
  /** The MCP endpoint. */
  readonly url: string;
  /** The end of what the process has printed so far, both streams. */
  printed(): string;
  /** Asks the process to end, waits, and says how it ended. One that lingers is killed, and that is an error. */
  stop(signal?: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Compiles one binary of the workspace, in the profile that `npm start` uses, and says where it is. */
export async function build(packageName: string): Promise<string> {
  const artifacts = await compile(['build', '--profile', 'ci', '--bin', packageName]);
  return executable(artifacts, 'bin', packageName);
}

/** Says where the examples with these names are, of those that `scripts/test rust` compiles. */
export async function buildExamples(names: string[]): Promise<string[]> {
  const artifacts = await tested();
  return names.map(name => executable(artifacts, 'example', name));
}

/** Says where programs of the tests are. */
export async function buildTestPrograms(names: string[]): Promise<string[]> {
  const artifacts = await tested();
  return names.map(name => executable(artifacts, 'bin', name));
}

/** Says where the program `mcp-lambda` is. */
export async function buildClient(): Promise<string> {
  const [program] = await buildTestPrograms(['mcp-lambda']);
  return program!;
}

interface Artifact {
  readonly reason: string;
  readonly executable?: string | null;
  readonly profile: { readonly test: boolean };
  readonly target: { readonly name: string; readonly kind: string[] };
}

let testArtifacts: Promise<Artifact[]> | undefined;

/**
 * Compiles what `scripts/test rust` has compiled already, with the same command: `cargo build` would enable other features, and
 * compile everything again.
 */
function tested(): Promise<Artifact[]> {
  return (testArtifacts ??= compile(['test', '--no-run', '--workspace', '--all-features']));
}

async function compile(command: string[]): Promise<Artifact[]> {
  const cargo = spawn('cargo', [...command, '--locked', '--message-format=json-render-diagnostics'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  cargo.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(cargo, 'close')) as [number | null];
  if (code !== 0) throw new Error(`cargo ${command.join(' ')} failed (${code})`);
  const messages = output.split('\n').filter(line => line.startsWith('{'));
  return messages.map(line => JSON.parse(line) as Artifact).filter(({ reason }) => reason === 'compiler-artifact');
}

function executable(artifacts: Artifact[], kind: string, name: string): string {
  const is = ({ target, profile }: Artifact) => target.name === name && target.kind.includes(kind) && !profile.test;
  const program = artifacts.find(is)?.executable;
  if (!program) throw new Error(`cargo has compiled no ${kind} with the name ${name}`);
  return program;
}

/**
 * Starts a server with `MCP_LISTEN` set to a free port and waits until it accepts connections. `likeATerminal` gives it
 * a process group of its own, and signals go to the whole group, as Ctrl-C's do; `env` sets variables, and `port`
 * another port than a free one. Its state is in memory, unless `env` says otherwise.
 */
export async function start(
  command: string,
  args: string[] = [],
  { likeATerminal = false, env = {} as NodeJS.ProcessEnv, port: wanted = 0 } = {},
): Promise<Server> {
  const port = wanted || (await freePort());
  const child = spawn(command, args, {
    cwd: root,
    env: { MCP_STORE: 'memory', ...process.env, ...env, MCP_LISTEN: `127.0.0.1:${port}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: likeATerminal,
  });
  const send = (signal: NodeJS.Signals) => {
    if (child.pid !== undefined) process.kill(likeATerminal ? -child.pid : child.pid, signal);
  };
  // Should the tests themselves be cut short, nothing stays behind.
  const atExit = () => send('SIGKILL');
  process.once('exit', atExit);
  child.once('exit', () => process.off('exit', atExit));
  let printed = '';
  const note = (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-PRINTED_KEPT));
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const failed = once(child, 'error').then(([error]) => error as Error);

  const deadline = Date.now() + STARTS_WITHIN_MS;
  while (!(await accepts(port))) {
    if (child.pid === undefined) throw await failed;
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${command} ended before it listened (${child.exitCode ?? child.signalCode}):\n${printed}`);
    }
    if (Date.now() > deadline) {
      send('SIGKILL');
      throw new Error(`${command} did not listen on 127.0.0.1:${port} within ${STARTS_WITHIN_MS} ms:\n${printed}`);
    }
    await sleep(20);
  }
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    printed: () => printed,
    stop: async (signal = 'SIGTERM') => {
      if (!(await ended(child, () => send(signal)))) {
        send('SIGKILL');
        throw new Error(`${command} did not end within ${ENDS_WITHIN_MS} ms of ${signal}:\n${printed}`);
      }
      return { code: child.exitCode, signal: child.signalCode };
    },
  };
}

/** Whether the process ends in time once it is asked to. */
async function ended(child: ChildProcess, ask: () => void): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return true;
  const exit = once(child, 'exit');
  ask();
  const timer = new AbortController();
  const late = sleep(ENDS_WITHIN_MS, false, { signal: timer.signal }).catch(() => false);
  const result = await Promise.race([exit.then(() => true), late]);
  timer.abort();
  return result;
}

export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}

/** Whether something listens on this port of the loopback. */
export function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}
