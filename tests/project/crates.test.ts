// The crates as they are packed for crates.io, from a local registry: a server in a project of its own is built of them and runs. What the
// tests of the workspace have compiled of other crates is used again, so that only the packed crates are compiled here.
import { copyFile, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, call } from '../e2e/deploy/mcp.ts';
import { root, start } from '../e2e/server.ts';
import { emptyProject, type Project } from './project.ts';

/** Only where other crates were not compiled before does it take minutes. */
const COMPILED_WITHIN_MS = 600_000;

const INDEX = 'sparse+http://packed.invalid/';
let project: Project;
let registry: string;

const settings = () => `
[registries.packed]
index = "${INDEX}"
[source.packed]
registry = "${INDEX}"
replace-with = "packed-files"
[source.packed-files]
local-registry = "${registry}"
`;

const manifest = (name: string, dependencies: string) => `
[package]
name = "${name}"
version = "0.1.0"
edition = "2024"
rust-version = "1.94"

[dependencies]
${dependencies}

[workspace]
`;

/** The server of the README, which each of its readers writes. */
const SERVER = `
use mcp_lambda_server::McpLambdaServer;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo { message: String }

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Returns its message")]
    async fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String { message }
}

fn main() -> Result<(), mcp_lambda_server::Error> { McpLambdaServer::run(Server) }
`;

const RMCP = 'rmcp = { version = "3.11", default-features = false, features = ["base64", "elicitation", "macros", "request-state", "server"] }';
const SERDE = 'serde = { version = "1", features = ["derive"] }';

/** Builds a project of this name, with the versions of other crates that this repository has tested. */
async function build(name: string, dependencies: string, main: string): Promise<void> {
  await project.write({ [`${name}/Cargo.toml`]: manifest(name, dependencies), [`${name}/src/main.rs`]: main });
  await copyFile(join(root, 'Cargo.lock'), join(project.folder, name, 'Cargo.lock'));
  const env = {
    CARGO_TARGET_DIR: join(root, 'target'),
    CARGO_INCREMENTAL: '0',
    // The profile of the workspace.
    CARGO_PROFILE_DEV_DEBUG: 'line-tables-only',
  };
  await project.must('cargo', ['build', '--quiet', '--manifest-path', `${name}/Cargo.toml`], { env, withinMs: COMPILED_WITHIN_MS });
}

beforeAll(async () => {
  project = await emptyProject();
  registry = join(project.folder, 'registry');
  await project.must(join(root, 'scripts', 'local-registry'), [registry], { withinMs: COMPILED_WITHIN_MS });
  await project.write({ '.cargo/config.toml': settings() });
});

afterAll(() => project?.remove());

describe('the packed crates', () => {
  it('have a README that stands alone, both licences, and no files of tests of the repository', async () => {
    const crates = (await readdir(registry)).filter(name => name.endsWith('.crate'));
    expect(crates.length).toBe(11);
    for (const crate of crates) {
      const files = (await project.must('tar', ['-tzf', join(registry, crate)])).trim().split('\n').map(file => file.split('/').slice(1).join('/'));
      expect(files, crate).toEqual(expect.arrayContaining(['Cargo.toml', 'README.md', 'LICENSE-APACHE', 'LICENSE-MIT']));
      expect(files.filter(file => /^(npm|fuzz|target)\//.test(file)), crate).toEqual([]);
      const readme = await project.must('tar', ['-xzOf', join(registry, crate), `${crate.replace(/\.crate$/, '')}/README.md`]);
      expect(readme.match(/\]\((?!https:\/\/)[^)]*\)/g), crate).toBeNull();
      const metadata = await project.must('tar', ['-xzOf', join(registry, crate), `${crate.replace(/\.crate$/, '')}/Cargo.toml`]);
      for (const key of ['description', 'documentation', 'homepage', 'keywords', 'categories', 'license', 'readme', 'repository', 'rust-version'])
        expect(metadata, crate).toMatch(new RegExp(`^${key} = `, 'm'));
    }
  });

  it('depend on nothing that has no version', async () => {
    for (const crate of (await readdir(registry)).filter(name => name.endsWith('.crate'))) {
      const text = await project.must('tar', ['-xzOf', join(registry, crate), `${crate.replace(/\.crate$/, '')}/Cargo.toml`]);
      expect(text, crate).not.toMatch(/^path = "\.\./m);
    }
  });
});

describe('a server of ten lines', () => {
  it(
    'is built from the packed crates and runs',
    async () => {
      // Those of the test of the facade without features: `test-util` is only for that.
      const others = `http-body-util = "0.1"\n${RMCP}\n${SERDE}\ntokio = { version = "1.54", features = ["test-util"] }`;
      const own = 'mcp-lambda-server = { version = "0.1", registry = "packed", default-features = false }';
      await build('ten-lines', `${own}\n${others}`, SERVER);
      const lock = await readFile(join(project.folder, 'ten-lines', 'Cargo.lock'), 'utf8');
      expect(lock).toMatch(/name = "mcp-lambda-core"\nversion = "[^"]+"\nsource = "sparse\+http:\/\/packed\.invalid\/"/);
      const server = await start(join(root, 'target', 'debug', 'ten-lines'), [], { env: { HOME: project.folder } });
      try {
        expect((await ask(server.url, 'tools/list')).result?.['tools']).toHaveLength(1);
        expect(await call(server.url, 'echo', { message: 'packed' })).toBe('packed');
      } finally {
        await server.stop();
      }
    },
    COMPILED_WITHIN_MS,
  );
});
