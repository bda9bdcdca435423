// The files of new projects, for every combination of answers. tests/project builds, runs and deploys some of them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { afterAll, describe, expect, it } from 'vitest';
import { readServers } from '../../../infra/bin/servers-yaml/read.ts';
import { Source } from '../../../infra/bin/servers-yaml/source.ts';
import { readDeployConfig } from '../../../infra/bin/deploy-toml/read.ts';
import { createServer } from '../../../infra/bin/deploy-toml/server.ts';
import { answersTo, type Choices } from '../../../infra/bin/init/choices.ts';
import { keep, projectFiles } from '../../../infra/bin/init/template.ts';
import { root } from '../synth.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-init-'));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Every combination of answers for these templates. */
function combinations(templates: string[]): Choices[] {
  return templates.flatMap(template =>
    answersTo('auth').flatMap(auth =>
      answersTo('front').flatMap(front => answersTo('deploy').map(deploy => ({ template, auth, front, deploy }) as Choices)),
    ),
  );
}

const RUST = combinations(['rust', 'rust-tasks']);
const STDIO = combinations(['stdio-npm', 'stdio-python']);
const title = (choices: Choices) => Object.values(choices).join(' ');
const given = { name: 'notes', issuer: 'https://login.example.org', audience: 'https://notes.example.org/mcp' };

describe.each([...RUST, ...STDIO].map(choices => [title(choices), choices] as const))('%s', (_, choices) => {
  const isRust = choices.template.startsWith('rust');
  const files = projectFiles({ ...given, choices });

  it('has the values of the project, and nothing that is left of a template', () => {
    for (const [path, text] of files) {
      expect(text, path).not.toMatch(/my-mcp-server|@if|@end|example\.com|"\*"/);
      expect(text, path).toMatch(/[^\n]\n$/);
      if (path.endsWith('.json')) JSON.parse(text);
    }
    expect(files.get(isRust ? 'Cargo.toml' : 'package.json')).toMatch(/"?name"?(?: =|:) "notes"/);
    expect(files.get('.gitignore')).toContain('.env');
    expect(files.get('README.md')?.match(/The deployed server is open to/g)).toHaveLength(1);
    expect(JSON.parse(files.get('.mcp.json') ?? '')).toEqual({
      mcpServers: { notes: { type: 'http', url: 'http://127.0.0.1:9000/mcp' } },
    });
  });

  it.skipIf(choices.deploy === 'cdk' || !isRust)('has a deploy.toml that the construct takes', () => {
    const program = join(root, 'tests', 'infra', 'program');
    const text = files.get('deploy.toml')?.replace('manifest_path = "Cargo.toml"', `code = "${program}"`);
    const file = readDeployConfig(text, 'deploy.toml');
    const { config } = file;
    const stack = new Stack(new App(), 'Test');
    const server = createServer(stack, file, folder);
    expect(config.server.name).toBe('notes');
    expect(server.tasks !== undefined).toBe(choices.template === 'rust-tasks');
    const { functionUrl, restApi, httpApi } = server.endpoint;
    expect([functionUrl, restApi, httpApi].map(it => it !== undefined)).toEqual(
      ['function-url', 'rest', 'http'].map(front => front === choices.front),
    );
    expect(server.userPool !== undefined).toBe(choices.auth === 'cognito');
    expect(config.auth.issuer).toBe(choices.auth === 'jwt' ? given.issuer : undefined);
  });
});

describe.each(STDIO.filter(({ deploy }) => deploy === 'toml').map(choices => [title(choices), choices] as const))('%s', (_, choices) => {
  it('has a servers.yaml that the app takes', () => {
    const file = projectFiles({ ...given, choices }).get('servers.yaml') ?? '';
    const source = new Source(file, 'servers.yaml');
    const { name, servers, sections } = readServers(source);
    expect(() => source.throwAny()).not.toThrow();
    expect([name, Object.keys(servers)]).toEqual(['notes', ['server']]);
    expect(sections.auth.provider).toBe(choices.auth === 'none' ? undefined : choices.auth);
  });
});

describe('a package that is given', () => {
  const files = (template: string, deploy: string, name: string) =>
    projectFiles({ ...given, package: name, choices: { template, auth: 'iam', front: 'rest', deploy } as Choices });

  it.each([
    ['stdio-npm', '@acme/tools@1.2.3-rc.1', "McpStdioProgram.npm('@acme/tools', '1.2.3-rc.1')"],
    ['stdio-python', 'acme-tools==2026.1', "McpStdioProgram.pypi('acme-tools', '2026.1')"],
  ])('%s: is started here and deployed', (template, name, program) => {
    expect(files(template, 'toml', name).get('servers.yaml')).toContain(name);
    expect(files(template, 'cdk', name).get('infra/app.ts')).toContain(program);
    expect(JSON.parse(files(template, 'cdk', name).get('mcp-servers.json') ?? '').mcpServers.server.args).toContain(name);
  });
});

it('the CDK apps have no errors of types', () => {
  const include: string[] = [];
  for (const choices of [...RUST, ...STDIO].filter(({ deploy }) => deploy === 'cdk')) {
    const file = join(folder, title(choices).replaceAll(' ', '-'), 'app.ts');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, projectFiles({ ...given, choices }).get('infra/app.ts') ?? '');
    include.push(file);
  }
  const template = JSON.parse(read('infra/templates/rust-cdk/tsconfig.json')) as { compilerOptions: object };
  const paths = { 'mcp-lambda-server': [join(root, 'infra', 'lib', 'index.ts')] };
  const compilerOptions = { ...template.compilerOptions, noUnusedLocals: true, paths };
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
  const { status, stdout } = spawnSync(join(root, 'node_modules', '.bin', 'tsc'), ['--project', folder], { encoding: 'utf8' });
  expect(status, stdout).toBe(0);
});

describe('the templates', () => {
  it('have the versions of this repository', () => {
    const versions = JSON.parse(read('infra/templates/versions.json')) as { [name: string]: string };
    const npm = { ...JSON.parse(read('package.json')).devDependencies } as { [name: string]: string };
    const cargo = read('Cargo.toml');
    for (const [name, version] of Object.entries(versions).filter(([name]) => name !== '')) {
      const crate = new RegExp(`^${name} = (?:\\{ version = )?"([^"]+)"`, 'm').exec(cargo)?.[1];
      if (npm[name] !== undefined) expect(version.replace(/^[\^~]/, ''), name).toBe(npm[name]);
      else expect(version, name).toBe(crate);
    }
  });

  it('have a context that is that of this repository', () => {
    for (const layer of ['rust-cdk', 'stdio-cdk']) {
      expect(JSON.parse(read(`infra/templates/${layer}/cdk.json`)).context).toEqual(JSON.parse(read('cdk.json')).context);
    }
  });
});

describe('lines of some answers', () => {
  const choices: Choices = { template: 'rust', auth: 'jwt', front: 'rest', deploy: 'toml' };

  it.each([
    ['# @if auth=jwt', '# @end'],
    ['  // @if auth=iam|jwt', '  // @end'],
    ['<!-- @if auth=jwt -->', '<!-- @end -->'],
  ])('are kept: %s', (begin, end) => {
    expect(keep(`a\n${begin}\nb\n${end}\nc\n`, choices)).toBe('a\nb\nc\n');
  });

  it('are left out for other answers, with the empty lines around them', () => {
    expect(keep('a\n\n# @if auth=iam\nb\n# @end\n\nc\n', choices)).toBe('a\n\nc\n');
  });
});
