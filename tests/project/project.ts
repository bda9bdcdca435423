// A project of a user: an empty folder and an empty home, with nothing of this repository on the path.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { AWS_ENVIRONMENT, runIn, type Ran } from '../e2e/run.ts';
import { root } from '../e2e/server.ts';

export interface Project {
  readonly folder: string;
  /** The environment of programs that run in the folder. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs a program in the folder. One that takes longer than `withinMs` is killed. */
  run(command: string, args: string[], settings?: { env?: NodeJS.ProcessEnv; withinMs?: number }): Promise<Ran>;
  /** Runs a program in the folder, and fails unless it succeeds. Returns its standard output. */
  must(command: string, args: string[], settings?: { env?: NodeJS.ProcessEnv; withinMs?: number }): Promise<string>;
  /** Writes files by their paths in the folder. */
  write(files: { readonly [path: string]: string }): Promise<void>;
  remove(): Promise<void>;
}

export async function emptyProject(): Promise<Project> {
  const top = await mkdtemp(join(tmpdir(), 'mcp-project-'));
  const [folder, home] = [join(top, 'project'), join(top, 'home')];
  await mkdir(folder);
  await mkdir(home);
  const clean = cleanEnvironment(home);
  const run: Project['run'] = (command, args, { env = {}, withinMs = 200_000 } = {}) =>
    runIn(folder, command, args, { env: { ...clean, ...env }, withinMs });
  return {
    folder,
    env: clean,
    run,
    must: async (command, args, settings) => {
      const { code, stdout, stderr } = await run(command, args, settings);
      if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
      return stdout;
    },
    write: async files => {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
    },
    remove: () => rm(top, { recursive: true, force: true }),
  };
}

/** Credentials that no server accepts, and none of the variables with which npm tells a script about this repository. */
function cleanEnvironment(home: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|AWS_|NODE_PATH|NODE_OPTIONS|INIT_CWD|VITEST|VIRTUAL_ENV)/i.test(name));
  const path = (process.env['PATH'] ?? '').split(delimiter).filter(it => !it.startsWith(root) && !it.includes('node_modules'));
  return {
    ...Object.fromEntries(kept),
    PATH: path.join(delimiter),
    HOME: home,
    // The registries of this machine, which a home without settings would not have.
    npm_config_userconfig: join(homedir(), '.npmrc'),
    CARGO_HOME: process.env['CARGO_HOME'] ?? join(homedir(), '.cargo'),
    RUSTUP_HOME: process.env['RUSTUP_HOME'] ?? join(homedir(), '.rustup'),
    npm_config_update_notifier: 'false',
    ...AWS_ENVIRONMENT,
  };
}
