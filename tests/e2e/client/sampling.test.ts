// A server that asks for a language model, though the client does not declare sampling: it is refused, and the call goes on.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { textOf } from '../clients/text.ts';
import { client, connected, mcpLambda } from './program.ts';

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly capabilities?: object };
  readonly error?: object;
}

const QUESTION = { messages: [{ role: 'user', content: { type: 'text', text: 'Why?' } }], maxTokens: 10 };
/** The capabilities of clients that have sent `initialize`. */
const declared: object[] = [];
let server: Server;
let url: string;

/** A server with one tool, `think`, whose result is the answer of the client. */
async function serve(request: IncomingMessage, response: ServerResponse, calls: Map<string, (answer: Message) => void>) {
  if (request.method !== 'POST') return response.writeHead(405).end();
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const message = JSON.parse(Buffer.concat(chunks).toString()) as Message;
  const waiting = message.method === undefined && calls.get(String(message.id));
  if (waiting) waiting(message);
  if (message.id === undefined || message.method === undefined) return response.writeHead(202).end();

  const isStateless = request.headers['mcp-protocol-version'] === '2026-07-28';
  const result = (value: object) => JSON.stringify({ jsonrpc: '2.0', id: message.id, result: value });
  const json = (value: object) => response.writeHead(200, { 'content-type': 'application/json' }).end(result(value));
  const complete = isStateless ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
  const serverInfo = { name: 'asks', version: '1' };
  switch (message.method) {
    case 'initialize':
      declared.push(message.params!.capabilities!);
      return json({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo });
    case 'server/discover':
      return json({ ...complete, supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo } });
    case 'tools/list':
      return json({ ...complete, tools: [{ name: 'think', inputSchema: { type: 'object' } }] });
  }
  if (isStateless) {
    return json({ resultType: 'input_required', inputRequests: { why: { method: 'sampling/createMessage', params: QUESTION } } });
  }
  const id = `ask-${calls.size}`;
  const answered = new Promise<Message>(resolve => calls.set(id, resolve));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, method: 'sampling/createMessage', params: QUESTION })}\n\n`);
  const text = JSON.stringify((await answered).error);
  return response.end(`data: ${result({ content: [{ type: 'text', text }] })}\n\n`);
}

beforeAll(async () => {
  await client();
  const calls = new Map<string, (answer: Message) => void>();
  server = createServer((request, response) => void serve(request, response, calls));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}, 600_000);

afterAll(() => {
  server?.closeAllConnections();
  server?.close();
});

const REFUSED = { code: -32601, message: 'this client has no language model' };

it('gets an error of call and of connect, which declare no sampling', async () => {
  declared.length = 0;
  const called = await mcpLambda(['call', url, 'think', '--era', 'session']);
  expect(called, called.stderr).toMatchObject({ code: 0 });
  expect(JSON.parse(called.stdout)).toEqual(REFUSED);
  const typed = await connected(url, ['call think', 'ping'], '--era', 'session');
  expect(typed.stdout).toContain('* the server asks for a language model: refused, this client has none');
  expect(typed.stdout).toContain(JSON.stringify(REFUSED));
  expect(declared).toHaveLength(2);
  for (const capabilities of declared) expect(capabilities).not.toHaveProperty('sampling');
});

it.each([
  ['call', () => mcpLambda(['call', url, 'think', '--era', 'stateless'])],
  ['connect', () => connected(url, ['call think'], '--era', 'stateless')],
])('ends a call of 2026-07-28 with 1: %s', async (_, run) => {
  expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining('asks for a language model, which this client does not have') });
});

it('gets what the client behind the proxy answers', async () => {
  const mcp = new Client({ name: 'e2e', version: '1' });
  await mcp.connect(new StdioClientTransport({ command: await client(), args: ['proxy', url] }));
  try {
    expect(JSON.parse(textOf(await mcp.callTool({ name: 'think' })))).toEqual({ code: -32601, message: 'Method not found' });
  } finally {
    await mcp.close();
  }
});
