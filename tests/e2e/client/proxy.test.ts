// Official clients over stdio, through `mcp-lambda proxy`, to the reference server.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, type ClientOptions } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { PROGRESS, ProgressLog } from '../clients/progress.ts';
import { TOOLS } from '../clients/reference.ts';
import { numberIn, textOf } from '../clients/text.ts';
import { unittest } from '../clients/unittest.ts';
import { run } from '../run.ts';
import { build, start } from '../server.ts';
import { client, inFolder } from './program.ts';

let program: string;

beforeAll(async () => {
  program = await client();
}, 600_000);

const proxy = (url = inject('url'), ...options: string[]) => ({ command: program, args: ['proxy', url, ...options] });

const modes: { title: string; mode: NonNullable<ClientOptions['versionNegotiation']>['mode']; version: string }[] = [
  { title: 'pinned to 2026-07-28', mode: { pin: '2026-07-28' }, version: '2026-07-28' },
  { title: 'left to choose', mode: 'auto', version: '2026-07-28' },
  { title: 'in the session era', mode: 'legacy', version: '2025-11-25' },
];

describe.each(modes)('TypeScript client 2.x through the proxy, $title', ({ mode, version }) => {
  it(`speaks ${version}, calls tools and receives progress while they run`, async () => {
    const mcp = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } });
    await mcp.connect(new StdioClientTransport(proxy()));
    try {
      expect(mcp.getNegotiatedProtocolVersion()).toBe(version);
      const { tools } = await mcp.listTools();
      expect(tools.map(tool => tool.name)).toEqual(expect.arrayContaining(TOOLS));
      const log = new ProgressLog();
      const call = mcp.callTool({ name: 'progress', arguments: PROGRESS }, { onprogress: log.note });
      await Promise.race([log.first, call]);
      expect(log.seen).toHaveLength(1);
      expect(textOf(await mcp.callTool({ name: 'echo', arguments: { message: 'grüße 🦀' } }))).toBe('grüße 🦀');
      textOf(await call);
      log.expectStreamed({ lastMayBeLost: true });
    } finally {
      await mcp.close();
    }
  });
});

describe('TypeScript SDK 1.x through the proxy', () => {
  it('keeps a session, and the state in it', async () => {
    const mcp = new ClientV1({ name: 'e2e', version: '1' });
    await mcp.connect(new TransportV1(proxy()));
    const add = async (by: number) => numberIn(await mcp.callTool({ name: 'counter', arguments: { by } }));
    expect([await add(2), await add(3)]).toEqual([2, 5]);
    await mcp.close();
  });

  it('answers questions of the server, in tasks of 2025-11-25', async () => {
    const server = await start(await build('conformance-server'));
    const mcp = new ClientV1({ name: 'e2e', version: '1' }, { capabilities: { elicitation: { form: {} } } });
    mcp.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { confirm: true } }));
    await mcp.connect(new TransportV1(proxy(server.url)));
    await mcp.listTools();
    const call = { name: 'confirm_delete', arguments: { filename: 'a.txt' } };
    const stream = mcp.experimental.tasks.callToolStream(call, CallToolResultSchema, { task: { ttl: 60_000 } });
    let text = '';
    for await (const message of stream) {
      if (message.type === 'error') throw message.error;
      if (message.type === 'result') text = textOf(message.result);
    }
    expect(text).toContain('a.txt');
    await mcp.close();
    await server.stop();
  }, 600_000);

  it('works on when the server is started again, in another session', async () => {
    const binary = await build('mcp-lambda-reference');
    const first = await start(binary);
    const port = new URL(first.url).port;
    const mcp = new ClientV1({ name: 'e2e', version: '1' });
    await mcp.connect(new TransportV1(proxy(first.url)));
    expect(textOf(await mcp.callTool({ name: 'echo', arguments: { message: 'one' } }))).toBe('one');
    await first.stop();
    const second = await start(binary, [], { port: Number(port) });
    expect(textOf(await mcp.callTool({ name: 'echo', arguments: { message: 'two' } }))).toBe('two');
    await mcp.close();
    await second.stop();
  }, 60_000);
});

describe.each(modes.filter(it => it.mode !== 'auto'))('many and large messages through the proxy, $title', ({ mode }) => {
  it('pass: a thousand calls at the same time, and two large results', async () => {
    const mcp = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } });
    await mcp.connect(new StdioClientTransport(proxy()));
    try {
      const echo = async (message: string) => textOf(await mcp.callTool({ name: 'echo', arguments: { message } }));
      const messages = Array.from({ length: 1_000 }, (_, at) => `call ${at}`);
      expect(await Promise.all(messages.map(echo))).toEqual(messages);
      const large = ['a', 'b'].map(letter => letter.repeat(2_000_000));
      const results = await Promise.all(large.map(echo));
      expect(results.map((text, at) => text === large[at])).toEqual([true, true]);
    } finally {
      await mcp.close();
    }
  });
});

it.each(['Stateless', 'LeftToChoose', 'Session'])('Python client 2.x through the proxy, %s', async name => {
  const { code, report } = await unittest(`test_client.${name}`, inject('url'), '.venv', { MCP_PROXY: program });
  expect(code, report).toBe(0);
  expect(report).toMatch(/^Ran 7 tests/m);
});

it.each(['legacy', 'modern'])('the Inspector through the proxy, protocol era %s', era =>
  inFolder(async home => {
    const { command, args } = proxy();
    const inspector = ['node_modules/.bin/mcp-inspector', '--cli', command, ...args, '--protocol-era', era];
    const call = ['--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hi'];
    const { code, stdout, stderr } = await run('scripts/node22', [...inspector, ...call], { HOME: home });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ content: [{ type: 'text', text: 'hi' }] });
  }));

// The proxies before this one lost messages to such a program.
it('a program of credential_process does not read the messages', () =>
  inFolder(async folder => {
    const [script, config] = [join(folder, 'credentials.sh'), join(folder, 'config')];
    const credentials = { Version: 1, AccessKeyId: 'AKIDEXAMPLE', SecretAccessKey: 'a secret' };
    await writeFile(script, `#!/bin/sh\ncat >'${folder}/read'\necho '${JSON.stringify(credentials)}'\n`);
    await chmod(script, 0o700);
    await writeFile(config, `[default]\nregion = eu-north-1\ncredential_process = ${script}\n`);
    const options = ['--auth', 'sigv4', '--service', 'lambda', '--region', 'eu-north-1'];
    const env = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: '/dev/null', PATH: process.env['PATH']! };
    const mcp = new ClientV1({ name: 'e2e', version: '1' });
    await mcp.connect(new TransportV1({ ...proxy(inject('url'), ...options), env }));
    expect(textOf(await mcp.callTool({ name: 'echo', arguments: { message: 'signed' } }))).toBe('signed');
    await mcp.close();
  }));
