// The npm packages with binaries, made of binaries that were built here, in projects of their own.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../e2e/run.ts';
import { buildClient, root } from '../e2e/server.ts';
import { emptyProject, type Project } from './project.ts';

const platform = `${process.platform}-${process.arch}`;
let project: Project;

/** Packs the package of a folder, and returns the path of the tgz. */
async function pack(folder: string): Promise<string> {
  const name = await project.must('npm', ['pack', '--silent', '--pack-destination', project.folder, folder]);
  return join(project.folder, name.trim());
}

const npx = (...args: string[]) => project.run('npx', ['--no-install', 'mcp-lambda', ...args]);

beforeAll(async () => {
  project = await emptyProject();
  const binary = join(project.folder, 'mcp-lambda');
  // A release has no symbols either: they are three quarters of what would be compressed here.
  await project.must('strip', ['-o', binary, await buildClient()]);
  const packages = join(project.folder, 'packages');
  const made = await run(join(root, 'scripts', 'npm-binaries'), [packages, '--client', `${platform}=${binary}`]);
  expect(made.code, made.stderr).toBe(0);
  // The package of the platform has its version from here, since it is in no registry yet.
  const [program, launcher] = [await pack(join(packages, `mcp-lambda-${platform}`)), await pack(join(packages, 'mcp-lambda'))];
  await project.write({ 'package.json': '{"private": true}' });
  await project.must('npm', ['install', '--silent', '--offline', '--ignore-scripts', program, launcher]);
});

afterAll(() => project?.remove());

describe('npx mcp-lambda', () => {
  it('runs the program of this platform, which no install script has fetched', async () => {
    const { code, stdout, stderr } = await npx('--version');
    expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/^mcp-lambda \d+\.\d+\.\d+\n$/), '']);
  });

  it('ends with the code of the program', async () => {
    const { code, stderr } = await npx('call', 'http://127.0.0.1:1/mcp', 'echo');
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain('127.0.0.1:1');
    expect(stderr).not.toContain('mcp-lambda.js');
  });

  it('says in one sentence that a platform has no program, and what to do', async () => {
    const script = join(project.folder, 'node_modules', 'mcp-lambda', 'mcp-lambda.js');
    const code = `Object.defineProperty(process, 'platform', { value: 'aix' }); require(${JSON.stringify(script)})`;
    const ran = await project.run('node', ['-e', code]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toBe(
      `mcp-lambda: npm has no program for aix-${process.arch}, only for ${platform}.\n` +
        "    'cargo install mcp-lambda' builds it for other platforms (https://rustup.rs installs cargo).\n",
    );
  });

  // The last one: it removes the program.
  it('says in one sentence that the package of the platform is missing', async () => {
    await rm(join(project.folder, 'node_modules', '@mcp-lambda'), { recursive: true });
    const { code, stderr } = await npx('--version');
    expect(code).toBe(1);
    expect(stderr).toContain(`the package @mcp-lambda/${platform} with the program is not installed`);
  });
});

describe('scripts/npm-binaries', () => {
  const make = (...args: string[]) => run(join(root, 'scripts', 'npm-binaries'), args);

  it('refuses a platform that it does not know, and a file that is not there', async () => {
    const unknown = await make('/nowhere', '--client', 'plan9-x64=a');
    expect([unknown.code, unknown.stderr]).toEqual([2, "npm-binaries: --client: 'plan9-x64=a' is not for linux-x64, linux-arm64, darwin-x64, darwin-arm64\n"]);
    const missing = await make('/nowhere', '--stdio', 'linux-x64=/nowhere/file');
    expect([missing.code, missing.stderr]).toEqual([2, "npm-binaries: --stdio: there is no file '/nowhere/file'\n"]);
  });
});
