// The packed npm package mcp-lambda-server in a project of its own: its program, its app, and its library.
import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { root } from '../e2e/server.ts';
import { emptyProject, type Project } from './project.ts';

let project: Project;

/** The template that the last synthesis has written, as it is there. */
const template = async (stack: string) => JSON.parse(await readFile(join(project.folder, 'cdk.out', `${stack}.template.json`), 'utf8'));

const DEPLOY_TOML = '[server]\nname = "notes"\ncode = "program"\n\n[lambda]\nmemory_size = 512\n';

/** The program as `npx` runs it, which takes a second to find it. */
const command = (...args: string[]) => project.run(join(project.folder, 'node_modules', '.bin', 'mcp-lambda-server'), args);

beforeAll(async () => {
  project = await emptyProject();
  const cdk = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).devDependencies['aws-cdk'] as string;
  await project.write({ 'program/bootstrap': '#!/bin/sh\n', 'deploy.toml': DEPLOY_TOML });
  await project.must('npm', ['install', '--silent', inject('packed'), `aws-cdk@${cdk}`]);
});

afterAll(() => project?.remove());

describe('the package', () => {
  it('has the files that users need, and no sources and tests', async () => {
    const files = await readdir(join(project.folder, 'node_modules', 'mcp-lambda-server'), { recursive: true });
    const needed = ['.jsii', 'CHANGELOG.md', 'LICENSE-MIT', 'LICENSE-APACHE', 'THIRD-PARTY-LICENSES', 'README.md', 'app/app.js', 'dist/index.d.ts', 'functions/check.js', 'deploy.schema.json', 'templates/versions.json'];
    expect(files).toEqual(expect.arrayContaining(needed));
    // Templates are the sources and tests of new projects.
    const others = files.filter(file => !file.startsWith('templates'));
    expect(others.filter(file => /^bin\b|^lib\b|test|(?<!\.d)\.ts$/.test(file))).toEqual([]);
  });

  it('brings the CDK libraries and nothing else', async () => {
    const { dependencies } = JSON.parse(await project.must('npm', ['ls', '--json', '--depth=1']));
    const [own, ...installed] = [dependencies['mcp-lambda-server'], ...Object.keys(dependencies)];
    expect(installed.sort()).toEqual(['aws-cdk', 'mcp-lambda-server']);
    expect(Object.keys(own.dependencies).sort()).toEqual(['aws-cdk-lib', 'constructs']);
  });

  it('names the licences of the code that is bundled with it', async () => {
    const text = await readFile(join(project.folder, 'node_modules', 'mcp-lambda-server', 'THIRD-PARTY-LICENSES'), 'utf8');
    for (const name of ['cargo-lambda-cdk', 'chevrotain', 'js-toml', 'toml-eslint-parser', 'yaml']) expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });
});

describe('the program', () => {
  it('prints the version of the package', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'infra', 'package.json'), 'utf8'));
    expect(await project.must('npx', ['--no-install', 'mcp-lambda-server', '--version'])).toBe(`${version}\n`);
  });

  it('suggests a command for one that it does not have', async () => {
    const { code, stderr } = await command('deply');
    expect([code, stderr]).toEqual([2, "mcp-lambda-server: there is no command 'deply'; did you mean deploy?\n"]);
  });

  it('synthesises a deploy.toml as the app of this repository does', async () => {
    const { code, stderr } = await command('synth', '--quiet', '--no-notices');
    expect(code, stderr).toBe(0);
    const { Resources } = await template('notes');
    const packed = await readFile(join(project.folder, 'cdk.out', 'notes.template.json'), 'utf8');
    const server = Object.entries<{ Type: string; Properties: { MemorySize: number } }>(Resources).find(([id]) => id.startsWith('McpServer') && Resources[id].Type === 'AWS::Lambda::Function');
    expect(server?.[1].Properties.MemorySize).toBe(512);
    const here = ['--context', `config=${join(project.folder, 'deploy.toml')}`, '--output', 'here.out', '--no-version-reporting'];
    const app = ['--app', `node --import "${join(root, 'node_modules/tsx/dist/loader.mjs')}" "${join(root, 'infra/bin/app.ts')}"`];
    await project.must('npx', ['--no-install', 'cdk', 'synth', '--quiet', '--no-notices', ...app, ...here]);
    expect(await readFile(join(project.folder, 'here.out', 'notes.template.json'), 'utf8')).toBe(packed);
  });

  it('takes the options of the CDK', async () => {
    const { code, stderr } = await command('synth', '--quiet', '--no-notices', '-c', 'server.name=other', '-c', 'lambda.memory_size=1024');
    expect(code, stderr).toBe(0);
    expect(JSON.stringify(await template('other'))).toContain('"MemorySize":1024');
  });

  it('ends with the code of the CDK, and without a stack trace, for a deploy.toml that is invalid', async () => {
    await project.write({ 'wrong.toml': '[server]\ncode = "program"\n\n[lambda]\nmemory_sise = 512\n' });
    const { code, stderr } = await command('synth', '--quiet', '--no-notices', '-c', 'config=wrong.toml');
    expect(code).toBe(1);
    expect(stderr).toContain('memory_sise');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('uses the app of a cdk.json that has one', async () => {
    await project.write({
      'cdk.json': JSON.stringify({ app: 'node own.js' }),
      'own.js': `
        const { App, Stack } = require('aws-cdk-lib');
        const lambda = require('aws-cdk-lib/aws-lambda');
        const { McpLambdaServer } = require('mcp-lambda-server');
        const app = new App();
        new McpLambdaServer(new Stack(app, 'Own'), 'Notes', { code: lambda.Code.fromAsset('program') });`,
    });
    const { code, stderr } = await command('synth', '--quiet', '--no-notices');
    expect(code, stderr).toBe(0);
    const functions = Object.entries<{ Type: string }>((await template('Own')).Resources).filter(([, { Type }]) => Type === 'AWS::Lambda::Function');
    expect(functions.map(([id]) => id.slice(0, -8)).sort()).toEqual(['NotesIngest', 'NotesServer']);
  });

  it('takes the binary for stdio servers from its npm package, and says so if it is not there', async () => {
    await project.write({
      'cdk.json': JSON.stringify({ app: 'node stdio.js' }),
      'tool/run': '#!/bin/sh\n',
      'stdio.js': `
        const { App, Stack } = require('aws-cdk-lib');
        const lambda = require('aws-cdk-lib/aws-lambda');
        const { McpStdioProgram, McpStdioServer } = require('mcp-lambda-server');
        const program = McpStdioProgram.command('tool', './run');
        new McpStdioServer(new Stack(new App(), 'Stdio'), 'Tool', { program, architecture: lambda.Architecture.X86_64 });`,
    });
    await chmod(join(project.folder, 'tool', 'run'), 0o755);
    const without = await command('synth', '--quiet', '--no-notices');
    expect(without.code).toBe(1);
    expect(without.stderr).toContain("run 'npm install --save-dev @mcp-lambda/stdio-linux-x64', or set it to the path of a built mcp-lambda-stdio");
    // The first bytes of a program for this architecture are all that is looked at.
    const elf = Buffer.alloc(64);
    elf.write('\x7fELF\x02\x01\x01', 'latin1');
    elf.writeUInt16LE(0x3e, 18);
    await writeFile(join(project.folder, 'binary'), elf);
    await project.must(join(root, 'scripts', 'npm-binaries'), ['packages', '--stdio', 'linux-x64=binary']);
    const packed = (await project.must('npm', ['pack', '--silent', './packages/mcp-lambda-stdio-linux-x64'])).trim();
    await project.must('npm', ['install', '--silent', '--offline', '--save-dev', `./${packed}`]);
    const { code, stderr } = await command('synth', '--quiet', '--no-notices');
    expect(code, stderr).toBe(0);
    const assets = await readdir(join(project.folder, 'cdk.out'), { recursive: true });
    expect(assets.filter(path => path.endsWith('/mcp-lambda-stdio') || path.endsWith('/bootstrap'))).not.toEqual([]);
  });

  it('operates stacks', async () => {
    expect((await command('operate', '--help')).stdout).toContain('rollback [VERSION]');
    const { code, stderr } = await command('operate', 'outputs', '--jsn');
    expect(code, stderr).not.toBe(0);
  });
});
