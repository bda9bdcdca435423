// One app in each language, on the package that is generated for it: the template must be that of TypeScript. It is also the test of the
// oldest release of the CDK that the library works with; Go has the newest one.
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../e2e/run.ts';
import { root } from '../e2e/server.ts';

const MINUTES = 60_000;
const here = import.meta.dirname;
const tools = join(root, '.languages');
const packages = join(tools, 'packages');
let work: string;
/** The template of TypeScript with the CDK of the folder .languages. */
let oldest: unknown;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mcp-languages-'));
  await must(join(root, 'scripts', 'language-packages'), []);
  oldest = await typescript(join(tools, 'node_modules'));
});

afterAll(() => rm(work, { recursive: true, force: true }));

async function must(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, env, 15 * MINUTES);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout.slice(-4_000)}${stderr.slice(-4_000)}`);
  return stdout;
}

/** What a CDK app is told by its command line, without one. */
const settings = (out: string) => ({
  PROGRAM: join(root, 'tests', 'infra', 'program'),
  CDK_OUTDIR: out,
  CDK_DEBUG: 'false',
  JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION: '1',
  JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION: '1',
});

const templateOf = async (out: string): Promise<unknown> => JSON.parse(await readFile(join(out, 'Languages.template.json'), 'utf8'));

/** Runs the app of TypeScript with the packages of a folder node_modules, and the npm package that the other languages run. */
async function typescript(modules: string): Promise<unknown> {
  const folder = await mkdtemp(join(work, 'typescript-'));
  const own = join(folder, 'node_modules');
  await mkdir(own);
  const { version } = JSON.parse(await readFile(join(root, 'infra', 'package.json'), 'utf8'));
  await must('tar', ['-xzf', join(packages, 'js', `mcp-lambda-server@${version}.jsii.tgz`), '-C', own]);
  await cp(join(own, 'package'), join(own, 'mcp-lambda-server'), { recursive: true });
  // Copies: a link would be followed to the packages beside its target.
  for (const name of ['aws-cdk-lib', 'constructs', '@aws-cdk']) await cp(join(modules, name), join(own, name), { recursive: true });
  await cp(join(here, 'typescript', 'app.ts'), join(folder, 'app.ts'));
  await writeFile(join(folder, 'package.json'), '{"private": true}');
  const out = join(folder, 'cdk.out');
  await must('node', ['--import', join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs'), join(folder, 'app.ts')], settings(out));
  return templateOf(out);
}

it('TypeScript: the app has what the other languages are to repeat', () => {
  const types = Object.values<{ Type: string }>((oldest as { Resources: Record<string, { Type: string }> }).Resources).map(({ Type }) => Type);
  for (const type of ['AWS::ApiGateway::RestApi', 'AWS::Lambda::Function', 'AWS::SQS::Queue', 'AWS::CloudWatch::Alarm', 'AWS::Events::Rule'])
    expect(types).toContain(type);
});

it('Python: the template equals that of TypeScript', async () => {
  const python = join(tools, 'python');
  const requirements = join(here, 'python', 'requirements.txt');
  const installed = join(python, 'installed.txt');
  if (!existsSync(installed) || (await readFile(installed, 'utf8')) !== (await readFile(requirements, 'utf8'))) {
    await must('python3', ['-m', 'venv', '--clear', python]);
    await must(join(python, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    await cp(requirements, installed);
  }
  const site = join(work, 'site');
  const from = ['--quiet', '--no-deps', '--no-build-isolation', '--target', site, join(packages, 'python')];
  await must(join(python, 'bin', 'python'), ['-m', 'pip', 'install', ...from]);
  const out = join(work, 'python');
  await must(join(python, 'bin', 'python'), [join(here, 'python', 'app.py')], { ...settings(out), PYTHONPATH: site });
  expect(await templateOf(out)).toEqual(oldest);
});

it('Java: the template equals that of TypeScript', async () => {
  const generated = join(work, 'java-package');
  await cp(join(packages, 'java'), generated, { recursive: true });
  const cdk = JSON.parse(await readFile(join(tools, 'package.json'), 'utf8')).devDependencies['aws-cdk-lib'] as string;
  await cp(join(here, 'java'), generated, { recursive: true });
  const out = join(work, 'java');
  await must('mvn', ['--batch-mode', '--quiet', '--file', generated, `-Dcdk=${cdk}`, 'compile', 'exec:java'], settings(out));
  expect(await templateOf(out)).toEqual(oldest);
});

it('Go: the template equals that of TypeScript with the same CDK', async () => {
  const folder = join(work, 'go-app');
  await cp(join(here, 'go'), folder, { recursive: true });
  const generated = join(packages, 'go', 'mcplambdaserver');
  await must('go', ['mod', 'edit', `-replace=github.com/mcp-lambda-server/mcp-lambda-server-go/mcplambdaserver=${generated}`, join(folder, 'go.mod')]);
  const out = join(work, 'go');
  await must('go', ['run', '-C', folder, '.'], { ...settings(out), GOFLAGS: '-mod=mod' });
  expect(await templateOf(out)).toEqual(await typescript(join(root, 'node_modules')));
});

it('the API has no change that breaks a program for the last release', async () => {
  const released = join(tools, 'released');
  await mkdir(released, { recursive: true });
  await writeFile(join(released, '.jsii'), gunzipSync(await readFile(join(here, 'api', 'released.jsii.gz'))));
  await cp(join(root, 'infra', 'package.json'), join(released, 'package.json'));
  const compare = [join(tools, 'node_modules', '.bin', 'jsii-diff'), '--error-on', 'all', '--keys', '--ignore-file', join(here, 'api', 'allowed.txt')];
  await must(join(root, 'scripts', 'node22'), [...compare, released, join(tools, 'infra')]);
});

it('API.md has a section of each type of the library', async () => {
  const { types } = JSON.parse(await readFile(join(tools, 'infra', '.jsii'), 'utf8')) as Assembly;
  const reference = await readFile(join(packages, 'API.md'), 'utf8');
  for (const { name, kind } of Object.values(types)) expect(reference, `${kind} ${name}`).toMatch(new RegExp(`^### ${name} <a `, 'm'));
});

it('.NET: each type of the library has a source', async () => {
  const { types, targets } = JSON.parse(await readFile(join(tools, 'infra', '.jsii'), 'utf8')) as Assembly;
  const folder = join(packages, 'dotnet', targets.dotnet.packageId, ...targets.dotnet.namespace.split('.'));
  const sources = new Set(await readdir(folder));
  for (const { name, kind } of Object.values(types)) {
    // A class of properties is an interface and its implementation.
    expect(sources, `${kind} ${name}`).toContain(`${name}.cs`);
  }
});

interface Assembly {
  readonly types: { readonly [fqn: string]: { readonly name: string; readonly kind: string } };
  readonly targets: { readonly dotnet: { readonly namespace: string; readonly packageId: string } };
}
