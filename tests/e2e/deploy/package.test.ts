// The packed construct in a project outside this repository, with another server. tests/project installs it with npm.
import { copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packLibrary } from '../../project/packed.ts';
import { run } from '../run.ts';
import { build, root } from '../server.ts';
import { startCloud, type Cloud } from './cloud.ts';
import { ask, call } from './mcp.ts';

let cloud: Cloud;
let project: string;

/** The app of a user: one stack with built code, one with a manifest to build. The outputs are the app's own. */
const APP = `
const { App, CfnOutput, Stack } = require('aws-cdk-lib');
const lambda = require('aws-cdk-lib/aws-lambda');
const { McpAuth, McpLambdaServer } = require('mcp-lambda-server');

const app = new App();
const notes = new Stack(app, 'Notes');
const server = new McpLambdaServer(notes, 'Notes', {
  code: lambda.Code.fromAsset('program'),
  architecture: lambda.Architecture.X86_64,
  auth: McpAuth.none(),
  // ministack has no metric math and no query definitions.
  monitoring: { alarms: false, savedQueries: false },
});
new CfnOutput(notes, 'McpEndpoint', { value: server.url });
const built = new Stack(app, 'Built');
built.node.setContext('aws:cdk:bundling-stacks', []);
new McpLambdaServer(built, 'Notes', { manifestPath: 'server/Cargo.toml' });
`;

const MANIFEST = `[package]\nname = "notes"\nversion = "0.1.0"\nedition = "2024"\n`;

beforeAll(async () => {
  const server = await build('conformance-server');
  cloud = await startCloud();
  project = join(cloud.folder, 'project');
  const modules = join(project, 'node_modules');
  await mkdir(modules, { recursive: true });
  const unpacked = await run('tar', ['-xzf', await packLibrary(cloud.folder), '-C', modules]);
  expect(unpacked.code, unpacked.stderr).toBe(0);
  await cp(join(modules, 'package'), join(modules, 'mcp-lambda-server'), { recursive: true });
  // The peer dependencies of the package, in the versions of this repository.
  const { peerDependencies } = JSON.parse(await readFile(join(modules, 'mcp-lambda-server', 'package.json'), 'utf8'));
  for (const name of Object.keys(peerDependencies))
    await symlink(join(root, 'node_modules', name), join(modules, name));
  await writeFile(join(project, 'app.js'), APP);
  await writeFile(join(project, 'cdk.json'), JSON.stringify({ app: 'node app.js' }));
  await mkdir(join(project, 'server', 'src'), { recursive: true });
  await writeFile(join(project, 'server', 'Cargo.toml'), MANIFEST);
  await writeFile(join(project, 'server', 'src', 'main.rs'), 'fn main() {}\n');
  await mkdir(join(project, 'program'));
  await copyFile(server, join(project, 'program', 'bootstrap'));
});

afterAll(() => cloud?.stop());

it('synthesises a stack with a server that is built from a manifest', async () => {
  const { code, stderr } = await cloud.cdk(['synth', 'Built', '--quiet'], { cwd: project });
  expect(code, stderr).toBe(0);
  const { Resources } = JSON.parse(await readFile(join(project, 'cdk.out', 'Built.template.json'), 'utf8'));
  const functions = Object.entries<{ Type: string }>(Resources).filter(
    ([, { Type }]) => Type === 'AWS::Lambda::Function',
  );
  expect(functions.map(([id]) => id.slice(0, -8)).sort()).toEqual(['NotesIngest', 'NotesServer']);
});

it('deploys a stack with built code, and the server responds', async () => {
  expect((await cloud.cdk(['bootstrap'], { cwd: project })).code).toBe(0);
  const file = join(project, 'outputs.json');
  const { code, stderr } = await cloud.cdk(['deploy', 'Notes', '--require-approval', 'never', '--outputs-file', file], {
    cwd: project,
  });
  expect(code, stderr).toBe(0);
  const { McpEndpoint } = JSON.parse(await readFile(file, 'utf8')).Notes;
  const url = `${cloud.url}/_aws/lambda-url/${new URL(McpEndpoint).hostname.split('.')[0]}/mcp`;
  const { result } = await ask(url, 'tools/list');
  expect((result?.['tools'] as { name: string }[]).map(tool => tool.name)).toContain('test_simple_text');
  expect(await call(url, 'test_simple_text')).not.toBe('');
});
