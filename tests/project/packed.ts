// Packs the npm package of infra/: once for all tests here, and for the deployment of a project.
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { run } from '../e2e/run.ts';
import { root } from '../e2e/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The packed construct library, a tgz. */
    readonly packed: string;
  }
}

const PACKED_WITHIN_MS = 600_000;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-packed-'));
  project.provide('packed', await packLibrary(folder));
  return () => rm(folder, { recursive: true });
}

/** Packs the construct library into a folder. Returns the path of the tgz. */
export async function packLibrary(folder: string): Promise<string> {
  const infra = join(root, 'infra');
  // jsii takes most of the time, and `scripts/test infra` has run it.
  const compiled = (await newest(join(infra, 'lib'), join(infra, 'package.json'))) < (await newest(join(infra, '.jsii')));
  if (compiled) await must('node', [join(infra, 'build.mjs')]);
  const scripts = compiled ? ['--ignore-scripts'] : [];
  const name = (await must('npm', ['pack', '--silent', ...scripts, '--pack-destination', folder, infra])).trim().split('\n').at(-1);
  return join(folder, name!);
}

async function must(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, {}, PACKED_WITHIN_MS);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** When the newest of the files was written, also of those in folders; never, if one is not there. */
async function newest(...paths: string[]): Promise<number> {
  const times = await Promise.all(
    paths.map(async path => {
      const found = await stat(path).catch(() => undefined);
      if (!found?.isDirectory()) return found?.mtimeMs ?? 0;
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      const files = entries.filter(entry => entry.isFile()).map(entry => stat(join(entry.parentPath, entry.name)));
      return Math.max(...(await Promise.all(files)).map(file => file.mtimeMs));
    }),
  );
  return Math.max(...times);
}
