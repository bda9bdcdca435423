// @modelcontextprotocol/sdk 1.x: the client most programs use today. It speaks the session era.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { PROGRESS, ProgressLog } from './progress.ts';
import { TOOLS } from './reference.ts';
import { numberIn, textOf } from './text.ts';

async function connect() {
  const transport = new StreamableHTTPClientTransport(new URL(inject('url')));
  const client = new Client({ name: 'e2e', version: '1' });
  await client.connect(transport);
  return { client, transport };
}

describe('TypeScript SDK 1.x', () => {
  let client: Client;
  let transport: StreamableHTTPClientTransport;

  beforeEach(async () => ({ client, transport } = await connect()));
  afterEach(() => client.close());

  it('initializes a session at its newest version', () => {
    expect(transport.protocolVersion).toBe(LATEST_PROTOCOL_VERSION);
    expect(transport.sessionId).toMatch(/^[\x21-\x7e]+$/);
    expect(client.getServerVersion()).toMatchObject({ name: expect.any(String), version: expect.any(String) });
  });

  it('lists and calls tools', async () => {
    const { tools } = await client.listTools();
    expect(tools.map(tool => tool.name)).toEqual(expect.arrayContaining(TOOLS));
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'grüße 🦀' } }))).toBe('grüße 🦀');
    for (const name of ['session_info', 'lambda_diagnostics']) {
      expect(textOf(await client.callTool({ name, arguments: {} }))).not.toBe('');
    }
  });

  it('receives progress while the tool runs', async () => {
    const log = new ProgressLog();
    let finished = false;
    const call = client
      .callTool({ name: 'progress', arguments: PROGRESS }, undefined, { onprogress: log.note })
      .finally(() => (finished = true));
    await Promise.race([log.first, call]);
    expect(finished).toBe(false);
    expect(log.seen).toHaveLength(1);
    // The session answers others meanwhile.
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'meanwhile' } }))).toBe('meanwhile');
    expect(finished).toBe(false);
    textOf(await call);
    log.expectStreamed();
  });

  it('keeps state in its session and in no other', async () => {
    const add = async (to: Client, by: number) => numberIn(await to.callTool({ name: 'counter', arguments: { by } }));
    expect(await add(client, 2)).toBe(2);
    expect(await add(client, 3)).toBe(5);
    const other = await connect();
    expect(await add(other.client, 1)).toBe(1);
    await other.client.close();
    expect(await add(client, 1)).toBe(6);
  });

  it('lists and reads resources', async () => {
    const { resources } = await client.listResources();
    const uri = resources[0]!.uri;
    const { contents } = await client.readResource({ uri });
    expect(contents[0]).toMatchObject({ uri });
  });

  it('gets a prompt and completes its argument', async () => {
    const { prompts } = await client.listPrompts();
    const { name, arguments: parameters = [] } = prompts[0]!;
    const argument = parameters[0]!.name;
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name },
      argument: { name: argument, value: '' },
    });
    expect(completion.values).not.toHaveLength(0);
    const filled = Object.fromEntries(parameters.map(parameter => [parameter.name, completion.values[0]!]));
    const { messages } = await client.getPrompt({ name, arguments: filled });
    expect(messages).not.toHaveLength(0);
  });

  it('completes the argument of a resource template', async () => {
    const { resourceTemplates } = await client.listResourceTemplates();
    const uri = 'server://health/{check}';
    expect(resourceTemplates.map(template => template.uriTemplate)).toContain(uri);
    const { completion } = await client.complete({ ref: { type: 'ref/resource', uri }, argument: { name: 'check', value: 'st' } });
    expect(completion.values).toEqual(['state']);
    const { contents } = await client.readResource({ uri: 'server://health/state' });
    expect(contents[0]).toMatchObject({ text: '{"check":"state","status":"ok"}' });
  });

  it('asks its user and its model for the server', async () => {
    const asked: string[] = [];
    const able = new Client({ name: 'e2e', version: '1' }, { capabilities: { elicitation: {}, sampling: {} } });
    able.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      asked.push(params.message);
      return { action: 'accept', content: { confirm: true } };
    });
    able.setRequestHandler(CreateMessageRequestSchema, async () => ({
      role: 'assistant' as const,
      model: 'm',
      content: { type: 'text' as const, text: 'All is well.' },
    }));
    await able.connect(new StreamableHTTPClientTransport(new URL(inject('url'))));
    const name = `e2e-${crypto.randomUUID()}`;
    await able.callTool({ name: 'counter', arguments: { name, by: 2 } });
    const reset = await able.callTool({ name: 'reset_counter', arguments: { name } });
    expect(reset.structuredContent).toEqual({ name, before: 2, value: 0 });
    expect(asked).toEqual([`Set the counter "${name}" from 2 to 0? Its value is lost.`]);
    expect(textOf(await able.callTool({ name: 'summarize_diagnostics', arguments: {} }))).toBe('All is well.');
    await able.close();
  });

  it('learns that a tool does not exist', async () => {
    const call = client.callTool({ name: 'no_such_tool', arguments: {} });
    await expect(call.then(result => (result.isError ? Promise.reject(new Error('isError')) : result))).rejects.toThrow();
  });

  it('ends its session', async () => {
    const sessionId = transport.sessionId!;
    await transport.terminateSession();
    const afterwards = await fetch(inject('url'), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': sessionId,
        'mcp-protocol-version': LATEST_PROTOCOL_VERSION,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    });
    expect(afterwards.status).toBe(404);
  });
});
