// An emulator of AWS: ministack on a free loopback port, for the CDK and the AWS CLI. docs/verify-on-aws.md lists what
// cannot be proven with it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AWS_ENVIRONMENT, run, runIn, type Ran } from '../run.ts';
import { freePort, root } from '../server.ts';

/** A key per emulator: it is the account id, and the CDK caches the account of a key. */
export const ACCOUNT = '000000000077';
export const REGION = AWS_ENVIRONMENT.AWS_REGION;

const STARTS_WITHIN_MS = 60_000;
/** The AWS CLI takes seconds of a processor to start, which others use too. */
const AWS_CLI_WITHIN_MS = 100_000;

export interface Cloud {
  readonly url: string;
  /** A folder that is deleted when the emulator stops. */
  readonly folder: string;
  /** The environment of programs that use the emulator. */
  readonly env: NodeJS.ProcessEnv;
  cdk(args: string[], within?: { cwd?: string }): Promise<Ran>;
  /** Runs the AWS CLI and returns its output as JSON, or `undefined` if it is empty. */
  aws<T = unknown>(...args: string[]): Promise<T>;
  /** Kills the processes of functions; the next request starts a new one. Returns their number. */
  killFunctions(): Promise<number>;
  stop(): Promise<void>;
}

export async function startCloud(): Promise<Cloud> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-deploy-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env: NodeJS.ProcessEnv = {
    ...AWS_ENVIRONMENT,
    AWS_ENDPOINT_URL: url,
    AWS_ENDPOINT_URL_S3: url,
    AWS_ACCESS_KEY_ID: ACCOUNT,
    AWS_SESSION_TOKEN: undefined,
    AWS_PROFILE: undefined,
    AWS_DEFAULT_REGION: REGION,
    HOME: folder,
  };
  const ministack = spawn(join(root, '.venv', 'bin', 'ministack'), [], {
    // Without IOT_MTLS_ENABLED=0 it would listen on all interfaces as well. Functions use AWS_ENDPOINT_URL.
    env: { ...process.env, ...env, BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port), IOT_MTLS_ENABLED: '0' },
    stdio: 'ignore',
  });
  const atExit = () => ministack.kill('SIGKILL');
  process.once('exit', atExit);
  ministack.once('exit', () => process.off('exit', atExit));
  await answers(ministack, url);
  return {
    url,
    folder,
    env,
    cdk: (args, { cwd = root } = {}) => cdk(args, env, cwd),
    aws: async (...args) => {
      const { code, stdout, stderr } = await run(
        join(root, '.venv', 'bin', 'aws'),
        [...args, '--output', 'json', '--endpoint-url', url],
        env,
        AWS_CLI_WITHIN_MS,
      );
      if (code !== 0) throw new Error(`aws ${args.join(' ')}: ${stderr}`);
      return (stdout.trim() === '' ? undefined : JSON.parse(stdout)) as never;
    },
    killFunctions: () => killChildren(ministack, 'bootstrap'),
    stop: async () => {
      const ended = once(ministack, 'exit');
      ministack.kill('SIGTERM');
      const timer = setTimeout(() => ministack.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
      await rm(folder, { recursive: true });
    },
  };
}

/** Runs the CDK of this repository on the app in a folder. */
function cdk(args: string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Ran> {
  const program = join(root, 'node_modules', '.bin', 'cdk');
  return runIn(cwd, program, [...args, '--no-notices'], { env: { ...process.env, ...env }, withinMs: 240_000 });
}

async function answers(ministack: ChildProcess, url: string): Promise<void> {
  const deadline = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    if (
      await fetch(`${url}/_ministack/health`).then(
        it => it.ok,
        () => false,
      )
    )
      return;
    if (ministack.exitCode !== null) throw new Error(`ministack ended with ${ministack.exitCode}`);
    if (Date.now() > deadline) throw new Error('ministack did not start');
    await sleep(100);
  }
}

/** Kills the child processes of a program's name. Returns their number. */
async function killChildren(parent: ChildProcess, program: string): Promise<number> {
  let killed = 0;
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const status = await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '');
    if (!status.includes(`\nPPid:\t${parent.pid}\n`) || !status.startsWith(`Name:\t${program}\n`)) continue;
    process.kill(Number(entry), 'SIGKILL');
    killed += 1;
  }
  return killed;
}
