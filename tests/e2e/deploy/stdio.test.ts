// Stdio servers of npm and PyPI, bundled by the construct and deployed with `npx cdk deploy -c servers=servers.yaml`.
//
// ministack runs functions of managed runtimes with programs of its own, and knows no exec wrapper: the servers run on the
// OS-only runtime here, with the interpreters of this machine. docs/verify-on-aws.md has what that does not prove.
import { spawnSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as SessionClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as SessionTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, root } from '../server.ts';
import { startCloud, type Cloud } from './cloud.ts';
import { readLinked, type Block } from './mcp.ts';

const STACK = 'stdio-servers';
const VENV = join(root, '.venv', 'bin');
let cloud: Cloud;
let outputs: Record<string, string>;

/** The Python of the tests, by the name with its version: the wheels are for that. */
function python(): string {
  const code = 'import sys; print("python%d.%d" % sys.version_info[:2])';
  return join(VENV, spawnSync(join(VENV, 'python'), ['-c', code], { encoding: 'utf8' }).stdout.trim());
}

/** As in app.test.ts, no auth, no alarms and no saved queries; no streams, since ministack buffers them. */
const servers = (binary: string) => `
name: ${STACK}
binary: ${binary}
lambda: {architecture: x86_64}
auth: {enabled: false}
streams: {enabled: false}
large_results: {enabled: true, max_bytes: 16384}
observability: {alarms: false, saved_queries: false, dashboard: false}
servers:
  everything:
    command: npx
    args: ["-y", "@modelcontextprotocol/server-everything@2026.8.31", "stdio"]
    runtime: provided.al2023
  time:
    command: uvx
    args: ["mcp-server-time==2026.10.19", "--local-timezone", "UTC"]
    python: ${python()}
    runtime: provided.al2023
`;

beforeAll(async () => {
  const binary = await build('mcp-lambda-stdio');
  // Functions find `node` and `python3` on the PATH of ministack.
  process.env['PATH'] = [VENV, process.env['PATH']].join(delimiter);
  cloud = await startCloud();
  await cp(join(import.meta.dirname, 'mcp-servers'), join(cloud.folder, 'mcp-servers'), { recursive: true });
  const file = join(cloud.folder, 'servers.yaml');
  await writeFile(file, servers(binary));
  const settings = ['--context', `servers=${file}`, '--output', join(cloud.folder, 'cdk.out')];
  const bootstrapped = await cloud.cdk(['bootstrap', ...settings]);
  expect(bootstrapped.code, bootstrapped.stderr).toBe(0);
  const outputsFile = join(cloud.folder, 'outputs.json');
  const deployed = await cloud.cdk(['deploy', '--require-approval', 'never', '--outputs-file', outputsFile, ...settings]);
  expect(deployed.code, deployed.stderr).toBe(0);
  outputs = JSON.parse(await readFile(outputsFile, 'utf8'))[STACK];
});

afterAll(() => cloud?.stop());

/** ministack serves Function URLs by their id, and decodes a compressed body as text. */
const urlOf = (server: string) =>
  new URL(`${cloud.url}/_aws/lambda-url/${new URL(outputs[`${server}Endpoint`]!).hostname.split('.')[0]}/mcp`);
const requestInit = { headers: { 'accept-encoding': 'identity' } };

async function connect(server: string): Promise<Client> {
  const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(urlOf(server), { requestInit }));
  return client;
}

async function connectWithSession(server: string): Promise<SessionClient> {
  const client = new SessionClient({ name: 'e2e', version: '1' });
  await client.connect(new SessionTransport(urlOf(server), { requestInit }));
  return client;
}

const texts = ({ content }: Record<string, unknown>) => (content as { text?: string }[]).map(({ text }) => text).join();

const calls = [
  { server: 'Everything', tool: 'get-sum', args: { a: 19, b: 23 }, expected: '42' },
  {
    server: 'Time',
    tool: 'convert_time',
    args: { source_timezone: 'UTC', time: '12:00', target_timezone: 'Asia/Tokyo' },
    expected: '21:00',
  },
];

describe.each(calls)('the server $server', ({ server, tool, args, expected }) => {
  it('answers a client of 2026-07-28', async () => {
    const client = await connect(server);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain(tool);
    expect(texts(await client.callTool({ name: tool, arguments: args }))).toContain(expected);
    await client.close();
  });

  it('answers a client with a session, also after its process has ended', async () => {
    const client = await connectWithSession(server);
    expect(texts(await client.callTool({ name: tool, arguments: args }))).toContain(expected);
    expect(await cloud.killFunctions()).toBeGreaterThan(0);
    expect(texts(await client.callTool({ name: tool, arguments: args }))).toContain(expected);
    await client.close();
  });
});

it('moves a large result of a stdio server to a bucket, and its client reads it by the link', async () => {
  const client = await connect('Everything');
  const message = 'large'.repeat(8_000);
  const { content } = await client.callTool({ name: 'echo', arguments: { message } });
  expect(await readLinked(content as Block[])).toBe(`Echo: ${message}`);
  await client.close();
});

it('is deployed again without a change: the assets have the same hashes', async () => {
  const settings = ['--context', `servers=${join(cloud.folder, 'servers.yaml')}`, '--output', join(cloud.folder, 'other.out')];
  const { code, stdout, stderr } = await cloud.cdk(['diff', '--fail', '--no-change-set', ...settings]);
  expect(code, stdout + stderr).toBe(0);
});
