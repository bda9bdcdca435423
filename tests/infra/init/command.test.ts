// `mcp-lambda-server init` in a folder of its own: what it writes, asks and refuses.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { convertCargoPmcp } from '../../../infra/bin/deploy-toml/cargo-pmcp.ts';
import { init } from '../../../infra/bin/init/main.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-init-'));
afterAll(() => rmSync(folder, { recursive: true }));

let at: string;
let errors = '';
let count = 0;
beforeEach(() => {
  at = join(folder, String(++count), 'notes');
  errors = '';
  vi.spyOn(process.stderr, 'write').mockImplementation(text => ((errors += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());

/** Runs the command. With `answers` it has a terminal, which ends after them. */
async function run(args: string[], answers?: string[]): Promise<{ code: number; printed: string }> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  if (answers) {
    Object.assign(input, { isTTY: true });
    for (const answer of answers) input.write(`${answer}\n`);
  }
  input.end();
  let printed = '';
  output.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const code = await init(args, { terminal: { input, output }, converter: async () => convertCargoPmcp });
  return { code, printed };
}

const read = (path: string) => readFileSync(join(at, path), 'utf8');

describe('a new project', () => {
  it('is written with the defaults, each file named, and what to do next', async () => {
    const { code, printed } = await run([at, '--yes']);
    expect([code, errors]).toEqual([0, '']);
    const written = readdirSync(at, { recursive: true, withFileTypes: true }).filter(it => it.isFile());
    expect(printed.match(/^ {4}created {3}/gm)).toHaveLength(written.length);
    expect(printed).toContain('    created   src/main.rs\n');
    expect(printed).toMatch(new RegExp(`\ncd ${at}\nnpm install\nnpm test\n`));
    expect(read('deploy.toml')).toContain('provider = "iam"');
  });

  it('needs no terminal', async () => {
    expect((await run([at, '--deploy=cdk'])).code).toBe(0);
    expect(existsSync(join(at, 'infra', 'app.ts'))).toBe(true);
  });

  it('is the same in a second run, which changes nothing', async () => {
    await run([at, '--yes']);
    const { code, printed } = await run([at, '--yes']);
    expect(code).toBe(0);
    expect(printed).not.toMatch(/created|replaced/);
  });

  it('asks for the folder and for what is missing, until an answer is one of the list', async () => {
    const { code, printed } = await run(['--auth', 'none'], [at, '2', 'soap', '', 'cdk']);
    expect([code, errors]).toEqual([0, '']);
    expect(printed).toContain('Folder of the project [my-mcp-server]: ');
    expect(printed).toContain('soap is none of them.');
    expect(printed).not.toContain('Who may call it');
    expect(read('infra/app.ts')).toContain('tasks: McpTasks.queue()');
  });

  it('is not written where the terminal is closed before an answer', async () => {
    expect((await run([at], ['1'])).code).toBe(2);
    expect(errors).toBe('init: there was no answer: nothing was written\n');
    expect(existsSync(at)).toBe(false);
  });
});

describe('a file that exists', () => {
  beforeEach(() => {
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, 'README.md'), 'mine\n');
  });

  it('is kept, and nothing is written', async () => {
    expect((await run([at, '--yes'])).code).toBe(2);
    expect(errors).toMatch(/^init: README\.md exists in .*notes with other contents: nothing was written; .*--here.*--force\n$/);
    expect(readdirSync(at)).toEqual(['README.md']);
    expect(read('README.md')).toBe('mine\n');
  });

  it('is replaced with --force, which is said', async () => {
    const { code, printed } = await run([at, '--yes', '--force']);
    expect(code).toBe(0);
    expect(printed).toContain('    replaced  README.md\n');
    expect(read('README.md')).toMatch(/^# notes\n/);
  });
});

describe('--from cargo-pmcp', () => {
  const example = join(import.meta.dirname, '..', 'cargo-pmcp', 'written.toml');

  it('writes a deploy.toml, and says what it has not', async () => {
    mkdirSync(join(at, '.pmcp'), { recursive: true });
    writeFileSync(join(at, '.pmcp', 'deploy.toml'), readFileSync(example));
    const { code, printed } = await run(['--from', 'cargo-pmcp', at]);
    expect([code, errors]).toEqual([0, '']);
    expect(printed).toContain('    created   deploy.toml\n');
    expect(printed).toMatch(/^ {4}left out {2}\[\w+\] \S+: .+$/m);
    const { text } = convertCargoPmcp(readFileSync(example, 'utf8'), 'deploy.toml');
    expect(read('deploy.toml')).toBe(text);
  });

  it('needs the file of cargo-pmcp, which has to be TOML', async () => {
    expect((await run(['--from', 'cargo-pmcp', at])).code).toBe(2);
    expect(errors).toMatch(/^init: there is no .*deploy\.toml: run this in a project in which cargo pmcp deploy init has run\n$/);
    mkdirSync(join(at, '.pmcp'), { recursive: true });
    writeFileSync(join(at, '.pmcp', 'deploy.toml'), '[server');
    errors = '';
    expect((await run(['--from', 'cargo-pmcp', at])).code).toBe(2);
    expect(errors).toMatch(/^init: .*deploy\.toml.* TOML/);
  });
});

describe('the command line', () => {
  it.each([
    [['--yes'], 'a new project needs a folder: npx mcp-lambda-server init my-mcp-server'],
    [['a', 'b'], 'init takes one folder, got: a b'],
    [['a', '--frnt', 'rest'], 'init has no option --frnt: did you mean --front?'],
    [['a', '--auth', 'basic'], '--auth must be one of iam, cognito, jwt, none, got: basic'],
    [['a', '--template'], "Option '--template <value>' argument missing"],
    [['a', '--issuer', 'https://x.example'], '--issuer needs --auth jwt'],
    [['a', '--auth', 'jwt', '--issuer', 'x'], '--issuer must be a URL that begins with https://, got: x'],
    [['a', '--package', 'x@1.2.3'], '--package needs --template stdio-npm or stdio-python'],
    [['a', '--package', 'x', '--template', 'stdio-npm'], '--package must be a package with its version, such as name@1.2.3, got: x'],
    [['a', '--package', 'x@1', '--template=stdio-python'], '--package must be a package with its version, such as name==1.2.3, got: x@1'],
    [['a', '--name', 'match'], 'cargo takes no package with the name match: give another one with --name'],
    [['a', '--name', 'Notes'], /^the name of a project has lower-case letters, .* got: Notes; give another one with --name$/],
    [['a_b', '--yes'], /^the name of a project has .* got: a_b;/],
  ])('%j is refused in one sentence', async (args, expected) => {
    expect((await run(args)).code).toBe(2);
    const [sentence = '', ...others] = errors.trimEnd().split('\n');
    expect(others).toEqual([]);
    if (typeof expected === 'string') expect(sentence).toBe(`init: ${expected}`);
    else expect(sentence.slice('init: '.length)).toMatch(expected);
    expect(existsSync('a')).toBe(false);
  });

  it('--help lists the answers', async () => {
    const { code, printed } = await run(['--help']);
    expect(code).toBe(0);
    expect(printed).toContain('--template  rust | rust-tasks');
  });
});
