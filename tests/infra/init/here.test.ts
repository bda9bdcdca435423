// `mcp-lambda-server init --here`: in an rmcp server, in another package of cargo, and in a CDK app.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { parse } from 'smol-toml';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { init } from '../../../infra/bin/init/main.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-here-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

let at = '';
let count = 0;
beforeEach(() => {
  at = join(folder, String(++count));
  mkdirSync(at);
});

const write = (files: { readonly [path: string]: string }) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), text);
  }
};
const read = (path: string) => readFileSync(join(at, path), 'utf8');
const toml = (path: string) => parse(read(path)) as { [section: string]: { [key: string]: any } };
const json = (path: string) => JSON.parse(read(path)) as { [key: string]: any };
const everything = () =>
  readdirSync(at, { recursive: true, withFileTypes: true })
    .filter(it => it.isFile())
    .map(it => [join(it.parentPath, it.name), readFileSync(join(it.parentPath, it.name), 'utf8')] as const);

async function here(...args: string[]): Promise<{ code: number; printed: string; error: string }> {
  let [printed, error] = ['', ''];
  vi.spyOn(process.stderr, 'write').mockImplementation(text => ((error += String(text)), true));
  const output = new PassThrough();
  output.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const code = await init(['--here', at, ...args], { terminal: { input: new PassThrough(), output } });
  return { code, printed, error };
}

/** A second run changes nothing. */
async function expectSameAgain(): Promise<void> {
  const before = everything();
  const { code, printed } = await here();
  expect(code).toBe(0);
  expect(printed).not.toMatch(/^ {4}(created|changed) /m);
  expect(everything()).toEqual(before);
}

const RMCP_SERVER = {
  'Cargo.toml': `[package]
name = "weather_server"
version = "1.2.3"
edition = "2024"

[dependencies] # of the server
rmcp = { version = "3.9", features = ["server", "transport-io"] }
tokio = { version = "1", features = ["full"] }

[profile.release]
lto = "thin" # stays
`,
  'src/main.rs': `use rmcp::{ServiceExt, transport::stdio};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let service = Weather::new().serve(stdio()).await?;
    service.waiting().await?;
    Ok(())
}
`,
  '.gitignore': 'target\n*.log',
  '.mcp.json': '{"mcpServers": {"other": {"command": "other"}}}',
};

describe('in an rmcp server', () => {
  it('adds the dependency and the deployment, keeps the rest, and names the line that serves over stdio', async () => {
    write(RMCP_SERVER);
    const { code, printed } = await here('--auth', 'none');
    expect(code).toBe(0);
    expect(printed).toContain('    changed   Cargo.toml: dependencies mcp-lambda-server\n');
    expect(printed).toContain('    created   deploy.toml');
    expect(printed).toContain('    src/main.rs:5 serves over stdio: replace the call of serve()');
    expect(printed).toMatch(/\n {4}npm install\n$/);
    const { dependencies } = toml('Cargo.toml');
    expect(dependencies?.['mcp-lambda-server']).toMatchObject({ features: expect.arrayContaining(['dynamodb', 'sns']) });
    expect(dependencies?.['rmcp']).toEqual({ version: '3.9', features: ['server', 'transport-io'] });
    expect(read('Cargo.toml')).toContain('lto = "thin" # stays');
    expect(read('src/main.rs')).toBe(RMCP_SERVER['src/main.rs']);
    expect(toml('deploy.toml')).toMatchObject({ server: { name: 'weather-server', manifest_path: 'Cargo.toml' }, auth: { enabled: false } });
    expect(Object.keys(json('.mcp.json')['mcpServers'])).toEqual(['other', 'weather-server']);
    expect(read('.gitignore')).toBe('target\n*.log\n/cdk.out/\n/.venv/\nnode_modules/\n.env\n');
    await expectSameAgain();
  });

  it('says that another major version of rmcp has to go', async () => {
    write({ ...RMCP_SERVER, 'Cargo.toml': RMCP_SERVER['Cargo.toml'].replace('3.9', '0.16') });
    expect((await here()).printed).toMatch(/Cargo\.toml: rmcp 0\.16 is not the major version 3 that mcp-lambda-server uses/);
  });

  it('keeps a package.json, a workflow and a deploy.toml', async () => {
    const own = '{\n  "name": "mine",\n  "devDependencies": { "aws-cdk": "2.1100.0" }\n}\n';
    write({ ...RMCP_SERVER, 'package.json': own, 'deploy.toml': '[server]\nname = "mine"\n', '.github/workflows/test.yml': 'on: push\n' });
    const { printed } = await here();
    expect(json('package.json')).toMatchObject({ name: 'mine', devDependencies: { 'aws-cdk': '2.1100.0', constructs: expect.any(String) } });
    expect(json('package.json')['scripts']).toBeUndefined();
    expect(read('deploy.toml')).toBe('[server]\nname = "mine"\n');
    expect(printed).not.toContain('ci.yml');
    await expectSameAgain();
  });
});

it('in another package of cargo it adds a binary with a server', async () => {
  write({ 'Cargo.toml': '[package]\nname = "notes"\nversion = "0.1.0"\nedition = "2024"\n', 'src/lib.rs': '' });
  const { code, printed } = await here();
  expect(code).toBe(0);
  expect(printed).toContain('    created   src/bin/mcp.rs: a server with one tool\n');
  expect(read('src/bin/mcp.rs')).not.toContain('mod tests');
  expect(Object.keys(toml('Cargo.toml')['dependencies'] ?? {})).toEqual(['mcp-lambda-server', 'rmcp', 'serde']);
  expect(toml('deploy.toml')['server']).toMatchObject({ binary_name: 'mcp' });
  await expectSameAgain();
});

it('in a CDK app it adds a stack, and a server, and says where the stack belongs', async () => {
  write({
    'cdk.json': '{"app": "npx ts-node bin/app.ts"}',
    'package.json': '{"name": "app", "dependencies": {"aws-cdk-lib": "2.276.0", "constructs": "^10.0.0"}}',
  });
  const { code, printed } = await here('--name', 'notes');
  expect(code).toBe(0);
  expect(printed).toContain("add new McpServerStack(app, 'notes')");
  expect(read('lib/mcp-server-stack.ts')).toContain("manifestPath: 'server/Cargo.toml',");
  expect(toml('server/Cargo.toml')['package']).toMatchObject({ name: 'notes' });
  expect(Object.keys(json('package.json')['devDependencies'])).toEqual(['mcp-lambda-server']);
  expect(read('cdk.json')).toBe('{"app": "npx ts-node bin/app.ts"}');
  expect(existsSync(join(at, 'deploy.toml')) || existsSync(join(at, '.github'))).toBe(false);
  const before = everything();
  await here('--name', 'notes');
  expect(everything()).toEqual(before);
});

describe('nothing is written', () => {
  it.each<[string, { readonly [path: string]: string }, RegExp]>([
    ['in an empty folder', {}, /^init: there is no Cargo\.toml and no cdk\.json with an app in .*, so nothing can be added; .*init FOLDER\n$/],
    ['in a workspace', { 'Cargo.toml': '[workspace]\nmembers = []\n' }, /^init: .*Cargo\.toml is the manifest of a workspace: run .* in the folder of the package/],
    ['where Cargo.toml is not TOML', { 'Cargo.toml': '[package' }, /^init: .*Cargo\.toml is not TOML: /],
    ['where .mcp.json is not JSON', { ...RMCP_SERVER, '.mcp.json': '{' }, /^init: .*\.mcp\.json is not a JSON object, so nothing can be added to it/],
  ])('%s', async (_, files, expected) => {
    write(files);
    const before = everything();
    const { code, error } = await here();
    expect([code, error]).toEqual([2, expect.stringMatching(expected)]);
    expect(everything()).toEqual(before);
  });
});
