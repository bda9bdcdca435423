// OAuth clients of others, and our own, sign their users in: at users of the authorization server, and at OpenID providers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError as UnauthorizedErrorV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { mcpLambda } from '../client/program.ts';
import { textOf } from '../clients/text.ts';
import { run } from '../run.ts';
import { root } from '../server.ts';
import { BASIC_SCOPE, COUNTER_SCOPE, local, oauth2, oidcProvider, PERSON, startLogin, testIssuer, type Login } from './login.ts';
import { ADA, Browser, watching } from './person.ts';
import { Memory } from './sdk.ts';

const SIGNS_IN_WITHIN_MS = 60_000;

let home: string;
beforeAll(async () => void (home = await mkdtemp(join(tmpdir(), 'login-'))));
afterAll(() => rm(home, { recursive: true }));

/** The home and the browser of a program that signs its user in. */
const env = () => ({ HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, BROWSER: `${PERSON} %s` });

async function signIn(url: string, memory: Memory, mode: 'auto' | 'legacy' = 'auto'): Promise<Client> {
  const connect = async () => {
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: memory });
    const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(transport);
    return client;
  };
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: memory });
  const first = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } }).connect(transport);
  await expect(first).rejects.toThrow(UnauthorizedError);
  expect(memory.back?.searchParams.get('state')).toBe(memory.state());
  await transport.finishAuth(memory.back!.searchParams);
  return connect();
}

describe.each([
  ['users of its own', local],
  ['the OpenID provider of the tests', testIssuer],
  ['a provider of OAuth 2', oauth2],
  ['npm oidc-provider', oidcProvider],
])('at an authorization server with %s', (_, provider) => {
  let login: Login;
  beforeAll(async () => void (login = await startLogin(provider)), 600_000);
  afterAll(() => login?.stop());

  it('the TypeScript SDK 2.x signs its user in, calls tools, and refreshes its token', async () => {
    const memory = new Memory(ADA);
    const client = await signIn(login.url, memory);
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'grüße' } }))).toBe('grüße');
    await client.close();
    const { access_token, refresh_token } = memory.tokens();
    expect(refresh_token).toEqual(expect.any(String));
    memory.saveTokens({ ...memory.tokens(), access_token: `${access_token}x` });
    const transport = new StreamableHTTPClientTransport(new URL(login.url), { authProvider: memory });
    const again = new Client({ name: 'e2e', version: '1' });
    await again.connect(transport);
    expect(textOf(await again.callTool({ name: 'echo', arguments: { message: 'again' } }))).toBe('again');
    expect(memory.tokens().refresh_token).not.toBe(refresh_token);
    await again.close();
  }, SIGNS_IN_WITHIN_MS);
});

describe('at an authorization server with users of its own', () => {
  let login: Login;
  beforeAll(async () => void (login = await startLogin(local)), 600_000);
  afterAll(() => login?.stop());

  it('the TypeScript SDK 2.x asks again for the scope of a tool, which the consent page shows', async () => {
    const memory = new Memory(ADA);
    const client = await signIn(login.url, memory);
    expect(memory.asked).toEqual([BASIC_SCOPE]);
    expect(memory.tokens().scope).toBe(BASIC_SCOPE);
    await expect(client.callTool({ name: 'counter', arguments: {} })).rejects.toThrow(UnauthorizedError);
    expect(memory.asked).toHaveLength(2);
    expect(memory.asked[1]!.split(' ').sort()).toEqual([BASIC_SCOPE, COUNTER_SCOPE]);
    expect(memory.browser.visited.some(({ html }) => html.includes(`<code>${COUNTER_SCOPE}</code>`))).toBe(true);
    await (client.transport as StreamableHTTPClientTransport).finishAuth(memory.back!.searchParams);
    expect((await client.callTool({ name: 'counter', arguments: {} })).isError).toBeFalsy();
    await client.close();
  }, SIGNS_IN_WITHIN_MS);

  it('the TypeScript SDK 1.x signs its user in', async () => {
    const memory = new Memory(ADA);
    const transport = new TransportV1(new URL(login.url), { authProvider: memory });
    await expect(new ClientV1({ name: 'e2e', version: '1' }).connect(transport)).rejects.toThrow(UnauthorizedErrorV1);
    await transport.finishAuth(memory.back!.searchParams.get('code')!);
    const client = new ClientV1({ name: 'e2e', version: '1' });
    await client.connect(new TransportV1(new URL(login.url), { authProvider: memory }));
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'hi' } }))).toBe('hi');
    await client.close();
  }, SIGNS_IN_WITHIN_MS);

  it('consent is remembered for a web site that asks for the same again, and for no other client', async () => {
    const asked = async (browser: Browser, ...clients: Memory[]) => {
      for (const memory of clients) {
        memory.saveTokens(undefined);
        await (await signIn(login.url, memory)).close();
      }
      return browser.visited.filter(({ html }) => html.includes('name="decision"')).length;
    };
    const browser = new Browser();
    const site = () => new Memory(ADA, browser, 'https://client.example/callback');
    const first = site();
    expect(await asked(browser, first, first)).toBe(1);
    expect(await asked(browser, site())).toBe(2);
    // Another program of this computer could take the place of one that listens there.
    const other = new Browser();
    const program = new Memory(ADA, other);
    expect(await asked(other, program, program)).toBe(2);
  }, SIGNS_IN_WITHIN_MS);

  it('a user who denies sends the client away with access_denied', async () => {
    const memory = new Memory({ ...ADA, decision: 'deny' });
    const transport = new StreamableHTTPClientTransport(new URL(login.url), { authProvider: memory });
    await expect(new Client({ name: 'e2e', version: '1' }).connect(transport)).rejects.toThrow(UnauthorizedError);
    expect(memory.back?.searchParams.get('error')).toBe('access_denied');
    expect(memory.back?.searchParams.has('code')).toBe(false);
  }, SIGNS_IN_WITHIN_MS);

  it.each([
    ['2.x', '.venv/bin/python', '2'],
    ['1.x', '.venv-mcp1/bin/python', '1'],
  ])('the Python SDK %s signs its user in, once', async (_, python, major) => {
    const ran = await run(python, [join(import.meta.dirname, 'test_oauth.py'), major], { ...env(), MCP_URL: login.url }, SIGNS_IN_WITHIN_MS);
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: `Bearer ${BASIC_SCOPE}\n` });
  }, SIGNS_IN_WITHIN_MS);

  it('FastMCP signs its user in', async () => {
    const ran = await run(
      '.venv-fastmcp/bin/python',
      [join(import.meta.dirname, 'fastmcp_oauth.py')],
      // With `&` Python does not wait for the browser: FastMCP itself serves its last page.
      { ...env(), BROWSER: `${PERSON} %s &`, MCP_URL: login.url },
      SIGNS_IN_WITHIN_MS,
    );
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: 'signed in\n' });
  }, SIGNS_IN_WITHIN_MS);

  it('mcp-lambda signs its user in, with a registration', async () => {
    const args = ['call', login.url, 'echo', 'message=hi', '--browser', PERSON, '--token-folder', join(home, 'mcp-lambda')];
    const ran = await mcpLambda(args, env());
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: 'hi\n' });
  }, SIGNS_IN_WITHIN_MS);

  it('mcp-remote signs its user in, for a client of the stdio transport', async () => {
    const user = watching(login.issuer);
    const args = [join(root, 'node_modules/mcp-remote/dist/proxy.js'), login.url, '--allow-http'];
    const folder = { MCP_REMOTE_CONFIG_DIR: join(home, 'mcp-remote') };
    const transport = new StdioClientTransport({
      command: process.execPath,
      args,
      env: { ...env(), ...folder, PATH: process.env['PATH']!, BROWSER: 'none' },
      stderr: 'pipe',
    });
    transport.stderr!.on('data', (chunk: Buffer) => user.see(chunk));
    const client = new ClientV1({ name: 'e2e', version: '1' });
    await client.connect(transport, { timeout: SIGNS_IN_WITHIN_MS });
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'hi' } }))).toBe('hi');
    await user.done();
    await client.close();
  }, SIGNS_IN_WITHIN_MS);

  it('the Inspector signs its user in', async () => {
    const user = watching(login.issuer);
    const args = ['node_modules/.bin/mcp-inspector', '--cli', login.url, '--method', 'tools/call'];
    const child = spawn('scripts/node22', [...args, '--tool-name', 'echo', '--tool-arg', 'message=hi'], {
      cwd: root,
      env: { ...process.env, ...env(), BROWSER: 'none', MCP_AUTO_OPEN_ENABLED: 'true' },
      timeout: SIGNS_IN_WITHIN_MS,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (user.see(chunk), (stdout += chunk.toString())));
    child.stderr.on('data', (chunk: Buffer) => (user.see(chunk), (stderr += chunk.toString())));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('"text": "hi"');
    await user.done();
  }, SIGNS_IN_WITHIN_MS);

  it('nothing of all that is in the logs: no token, no code, no state', () => {
    const printed = login.printed();
    expect(printed).not.toBe('');
    expect(printed).not.toMatch(/eyJ[\w-]{8}|(code|state|verifier|challenge)=[\w.-]{16}|correct horse|__Host-/);
  });
});
