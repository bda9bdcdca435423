// A user who makes projects: a folder in which nothing is, a registry that has the packages of this repository, and an emulator of AWS.
//
// The crates are those of this repository, by a setting of cargo in the folder above the projects, and dependencies have the versions of
// its Cargo.lock. All projects share one folder of builds.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { startCloud, type Cloud } from '../e2e/deploy/cloud.ts';
import { run, type Ran } from '../e2e/run.ts';
import { accepts, buildTestPrograms, freePort, root } from '../e2e/server.ts';
import { emptyProject, type Project } from './project.ts';
import { startRegistry, type Registry } from './registry.ts';

/** A server that runs in the background, as `npm start` in another terminal. */
export interface Serving {
  readonly port: number;
  stop(): Promise<void>;
}

export interface User {
  /** The folder in which projects are made. */
  readonly folder: string;
  readonly cloud: Cloud;
  /** The PATH, without programs of this repository. */
  readonly path: string;
  /** Runs a line of a shell in a folder of the user, and fails unless it succeeds. Returns what it printed. */
  sh(folder: string, line: string, env?: NodeJS.ProcessEnv): Promise<string>;
  /** The same for a line that may fail. */
  try(folder: string, line: string, env?: NodeJS.ProcessEnv): Promise<Ran>;
  /** Gives a project the versions of dependencies of this repository. */
  lock(folder: string): Promise<void>;
  serve(folder: string, line: string, env?: NodeJS.ProcessEnv): Promise<Serving>;
  /** Puts the program that cargo has built into a folder, as cargo-lambda would. */
  takeProgram(folder: string, name: string): Promise<void>;
  edit(file: string, change: (text: string) => string): Promise<void>;
  leave(): Promise<void>;
}

const TARGET = join(root, 'target');
const WITHIN_MS = 900_000;
const SERVES_WITHIN_MS = 600_000;
const ENDS_WITHIN_MS = 20_000;

/** With `stdio`, the registry has the program for stdio servers too. */
export async function newUser({ stdio = false } = {}): Promise<User> {
  const project = await emptyProject();
  // One after the other: what has started is stopped by `leave`, which a failure here would keep from being called.
  const registry = await packedRegistry(project, stdio);
  const cloud = await startCloud();
  await writeCargoSettings(project);
  const home: NodeJS.ProcessEnv = {
    ...cloud.env,
    HOME: join(project.folder, '..', 'home'),
    npm_config_registry: registry.url,
    npm_config_cache: join(project.folder, '..', 'npm-cache'),
    npm_config_yes: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    CARGO_TARGET_DIR: TARGET,
    CARGO_PROFILE_DEV_DEBUG: 'line-tables-only',
    CARGO_INCREMENTAL: '0',
  };
  const attempt: User['try'] = (folder, line, env = {}) =>
    project.run('sh', ['-c', `cd '${folder}' && ${line}`], { env: { ...home, ...env }, withinMs: WITHIN_MS });
  return {
    folder: project.folder,
    cloud,
    path: project.env['PATH'] ?? '',
    try: attempt,
    sh: async (folder, line, env) => {
      const { code, stdout, stderr } = await attempt(folder, line, env);
      if (code !== 0) throw new Error(`${line} ended with ${code}:\n${stdout}${stderr}`);
      return stdout;
    },
    lock: folder => copyFile(join(root, 'Cargo.lock'), join(project.folder, folder, 'Cargo.lock')),
    serve: (folder, line, env) => serve(join(project.folder, folder), line, { ...project.env, ...home, ...env }),
    takeProgram: async (folder, name) => {
      const program = join(project.folder, folder, 'program');
      await mkdir(program, { recursive: true });
      // A release has no symbols either: they are three quarters of what would be zipped and sent.
      await must('strip', ['-o', join(program, 'bootstrap'), join(TARGET, 'debug', name)]);
    },
    edit: async (file, change) => {
      const path = join(project.folder, file);
      await writeFile(path, change(await readFile(path, 'utf8')));
    },
    leave: async () => {
      await Promise.all([registry.stop(), cloud.stop()]);
      await project.remove();
    },
  };
}

/** The registry with the packages of this repository: the construct library, `npm create`, and programs for this platform. */
async function packedRegistry(project: Project, stdio: boolean): Promise<Registry> {
  const folder = join(project.folder, '..', 'packed');
  await mkdir(folder);
  const platform = `${process.platform}-${process.arch}`;
  const programs = { 'mcp-lambda': '--client', ...(stdio && { 'mcp-lambda-stdio': '--stdio' }) };
  const options: string[] = [];
  for (const [name, option] of Object.entries(programs)) {
    const [built] = await buildTestPrograms([name]);
    // A release has no symbols either: they are three quarters of what would be packed.
    await must('strip', ['-o', join(folder, name), built!]);
    options.push(option, `${platform}=${join(folder, name)}`);
  }
  const made = (await must(join(root, 'scripts', 'npm-binaries'), [join(folder, 'npm'), ...options])).trim().split('\n');
  await must('npm', ['pack', '--silent', '--pack-destination', folder, join(root, 'infra', 'create-mcp-lambda'), ...made]);
  const tarballs = (await readdir(folder)).filter(it => it.endsWith('.tgz')).map(it => join(folder, it));
  return startRegistry([inject('packed'), ...tarballs]);
}

async function must(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, {}, 120_000);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function writeCargoSettings(project: Project): Promise<void> {
  const { stdout } = await run('cargo', ['metadata', '--no-deps', '--offline', '--format-version', '1']);
  const { packages } = JSON.parse(stdout) as { packages: { name: string; manifest_path: string }[] };
  const own = packages.filter(it => it.manifest_path.startsWith(join(root, 'runtime')));
  const paths = own.map(it => `${it.name} = { path = "${join(it.manifest_path, '..')}" }\n`);
  await project.write({ '.cargo/config.toml': `[net]\noffline = true\n\n[patch.crates-io]\n${paths.join('')}` });
}

/** In a process group of its own, which is ended as a whole, as Ctrl-C does. */
async function serve(cwd: string, line: string, env: NodeJS.ProcessEnv): Promise<Serving> {
  const port = await freePort();
  const settings = { ...env, MCP_LISTEN: `127.0.0.1:${port}` };
  const child = spawn('sh', ['-c', line], { cwd, env: settings, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-4_000)));
  const end = (signal: NodeJS.Signals) => child.pid !== undefined && child.exitCode === null && process.kill(-child.pid, signal);
  const atExit = () => end('SIGKILL');
  process.once('exit', atExit);
  child.once('exit', () => process.off('exit', atExit));
  const deadline = Date.now() + SERVES_WITHIN_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${line} does not serve:\n${printed}`);
    await sleep(100);
  }
  return {
    port,
    stop: async () => {
      const ended = once(child, 'exit');
      end('SIGINT');
      const timer = setTimeout(() => end('SIGKILL'), ENDS_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The URL under which ministack serves a Function URL. */
export function servedBy(cloud: Cloud, functionUrl: string): string {
  return `${cloud.url}/_aws/lambda-url/${new URL(functionUrl).hostname.split('.')[0]}/mcp`;
}
