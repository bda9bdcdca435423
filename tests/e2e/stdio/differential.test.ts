// The whole surface of server-everything, call by call: through ours as when its client starts it itself.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { locally, servers, type Running } from './servers.ts';

const { command } = servers().find(server => server.name === 'everything')!;
const CAPABILITIES = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };

/** A client that answers questions, and notes them. */
async function connected(transport: StdioClientTransport | StreamableHTTPClientTransport) {
  const client = new Client({ name: 'e2e', version: '1' }, { capabilities: CAPABILITIES });
  const seen: unknown[] = [];
  client.setRequestHandler(ElicitRequestSchema, async request => {
    seen.push(request);
    return { action: 'accept', content: { name: 'Ada', check: true } };
  });
  client.setRequestHandler(CreateMessageRequestSchema, async request => {
    seen.push(request);
    return { role: 'assistant', model: 'test', content: { type: 'text', text: 'sampled' } };
  });
  client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [{ uri: 'file:///project', name: 'project' }] }));
  client.setNotificationHandler(LoggingMessageNotificationSchema, async () => undefined);
  await client.connect(transport);
  return { client, seen };
}

const call = (name: string, args: Record<string, unknown> = {}) => ({
  method: 'tools/call',
  params: { name, arguments: args },
});

/** Every method, and every tool with each kind of argument that changes what it does. */
const REQUESTS: { method: string; params?: Record<string, unknown> }[] = [
  { method: 'ping' },
  { method: 'tools/list' },
  call('echo', { message: 'grüße 🦀' }),
  call('echo', {}),
  call('nothing'),
  call('get-sum', { a: 1, b: 2 }),
  call('get-sum', { a: 'one' }),
  call('get-annotated-message', { messageType: 'error', includeImage: true }),
  call('get-annotated-message', { messageType: 'success' }),
  call('get-resource-links', { count: 4 }),
  call('get-resource-reference', { resourceType: 'Blob', resourceId: 2 }),
  call('get-structured-content', { location: 'Chicago' }),
  call('get-tiny-image'),
  call('gzip-file-as-resource', { name: 'a.gz', data: 'data:text/plain,hello', outputType: 'resource' }),
  call('trigger-long-running-operation', { duration: 0.2, steps: 2 }),
  call('get-roots-list'),
  call('trigger-elicitation-request'),
  call('trigger-url-elicitation', { url: 'https://example.com/x', elicitationId: 'e1' }),
  call('trigger-url-elicitation', { url: 'https://example.com/x', elicitationId: 'e2', errorPath: true }),
  call('trigger-sampling-request', { prompt: 'say something', maxTokens: 10 }),
  { method: 'resources/list' },
  { method: 'resources/templates/list' },
  { method: 'resources/read', params: { uri: 'demo://resource/static/document/features.md' } },
  { method: 'resources/read', params: { uri: 'demo://resource/dynamic/text/7' } },
  { method: 'resources/read', params: { uri: 'demo://resource/dynamic/blob/7' } },
  { method: 'resources/read', params: { uri: 'demo://nowhere' } },
  { method: 'resources/subscribe', params: { uri: 'demo://resource/dynamic/text/1' } },
  { method: 'resources/unsubscribe', params: { uri: 'demo://resource/dynamic/text/1' } },
  { method: 'prompts/list' },
  { method: 'prompts/get', params: { name: 'simple-prompt' } },
  { method: 'prompts/get', params: { name: 'args-prompt', arguments: { city: 'Paris', state: 'Texas' } } },
  { method: 'prompts/get', params: { name: 'args-prompt' } },
  { method: 'prompts/get', params: { name: 'completable-prompt', arguments: { department: 'Sales', name: 'David' } } },
  { method: 'prompts/get', params: { name: 'resource-prompt', arguments: { resourceType: 'Text', resourceId: '1' } } },
  { method: 'prompts/get', params: { name: 'nothing' } },
  {
    method: 'completion/complete',
    params: { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'S' } },
  },
  {
    method: 'completion/complete',
    params: { ref: { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' }, argument: { name: 'resourceId', value: '1' } },
  },
  { method: 'logging/setLevel', params: { level: 'error' } },
  { method: 'everything/unknown' },
];

/**
 * Without what differs by the time of a call, without ids that the server makes up, and without what ours changes: it takes the
 * tasks of the server away, and its requests to the client have a progress token, which rmcp gives them.
 */
function comparable(outcome: unknown): unknown {
  const text = JSON.stringify(outcome)
    .replace(/\d{1,2}:\d{2}:\d{2}( [AP]M)?/g, 'TIME')
    .replace(/"_meta":\{"progressToken":"[0-9a-f]{32}\/\d+"\},?/g, '')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID')
    .replace(/"(?:lastModified|timestamp)":"[^"]*"/g, '"time":"TIME"');
  const value = JSON.parse(text) as { tools?: { execution?: unknown }[]; message?: string };
  for (const tool of value.tools ?? []) delete tool.execution;
  return value;
}

async function outcome(client: Client, request: { method: string; params?: Record<string, unknown> }): Promise<unknown> {
  try {
    return comparable(await client.request(request as Parameters<Client['request']>[0], ResultSchema));
  } catch (error) {
    const { code, message, data } = error as { code: number; message: string; data?: unknown };
    // The text for an unknown method is that of our server, whichever handler is behind it.
    return comparable(code === -32601 ? { code } : { code, message, data });
  }
}

describe('server-everything through ours and started by its client', () => {
  let running: Running;
  let ours: Awaited<ReturnType<typeof connected>>;
  let direct: Awaited<ReturnType<typeof connected>>;

  beforeAll(async () => {
    running = await locally(command, ['--roots']);
    ours = await connected(new StreamableHTTPClientTransport(new URL(running.url)));
    direct = await connected(new StdioClientTransport({ command: command[0]!, args: command.slice(1), stderr: 'ignore' }));
  }, 600_000);
  afterAll(async () => {
    await ours.client.close();
    await direct.client.close();
    await running.stop();
  });

  it('describes itself in the same way', () => {
    const { tasks: _, ...capabilities } = direct.client.getServerCapabilities()!;
    expect(ours.client.getServerCapabilities()).toEqual(capabilities);
    expect(ours.client.getServerVersion()).toEqual(direct.client.getServerVersion());
    expect(ours.client.getInstructions()).toEqual(direct.client.getInstructions());
  });

  it.each(REQUESTS.map((request, at) => ({ at, title: `${request.method} ${JSON.stringify(request.params ?? {})}`, request })))(
    'answers $title in the same way',
    async ({ request }) => {
      const [through, expected] = [await outcome(ours.client, request), await outcome(direct.client, request)];
      expect(through).toEqual(expected);
      expect(comparable(ours.seen)).toEqual(comparable(direct.seen));
    },
  );

  it('runs the tool that is a task only, which a client without tasks cannot call directly', async () => {
    const request = call('simulate-research-query', { topic: 'rust' });
    const { content } = (await ours.client.request(request as Parameters<Client['request']>[0], ResultSchema)) as {
      content: { text: string }[];
    };
    expect(content[0]!.text).toMatch(/rust/);
  }, 30_000);
});
