// @modelcontextprotocol/client 2.x: speaks 2026-07-28, or the session era with an option.
import { Client, StreamableHTTPClientTransport, type ClientOptions } from '@modelcontextprotocol/client';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { PROGRESS, ProgressLog } from './progress.ts';
import { TOOLS } from './reference.ts';
import { numberIn, textOf } from './text.ts';

type Mode = NonNullable<ClientOptions['versionNegotiation']>['mode'];

async function connect(
  mode: Mode,
  capabilities: NonNullable<ClientOptions['capabilities']> = {},
): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const transport = new StreamableHTTPClientTransport(new URL(inject('url')));
  const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode }, capabilities });
  await client.connect(transport);
  return { client, transport };
}

const modes: { title: string; mode: Mode; version: string }[] = [
  { title: 'pinned to 2026-07-28', mode: { pin: '2026-07-28' }, version: '2026-07-28' },
  { title: 'left to choose', mode: 'auto', version: '2026-07-28' },
  { title: 'in the session era', mode: 'legacy', version: '2025-11-25' },
];

describe.each(modes)('TypeScript client 2.x, $title', ({ mode, version }) => {
  let client: Client;
  let transport: StreamableHTTPClientTransport;

  beforeEach(async () => ({ client, transport } = await connect(mode)));
  afterEach(() => client.close());

  it(`speaks ${version}`, () => {
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    expect(client.getServerVersion()).toMatchObject({ name: expect.any(String), version: expect.any(String) });
    if (version === '2026-07-28') expect(transport.sessionId).toBeUndefined();
    else expect(transport.sessionId).toBeDefined();
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
      .callTool({ name: 'progress', arguments: PROGRESS }, { onprogress: log.note })
      .finally(() => (finished = true));
    await Promise.race([log.first, call]);
    expect(finished).toBe(false);
    expect(log.seen).toHaveLength(1);
    // The server answers others meanwhile.
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'meanwhile' } }))).toBe('meanwhile');
    expect(finished).toBe(false);
    textOf(await call);
    log.expectStreamed();
  });

  it('keeps a named counter', async () => {
    const name = `e2e-${crypto.randomUUID()}`;
    const add = async (by: number) => numberIn(await client.callTool({ name: 'counter', arguments: { name, by } }));
    expect(await add(2)).toBe(2);
    expect(await add(3)).toBe(5);
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

  it('asks its user and its model for the server', async () => {
    const { client: able } = await connect(mode, { elicitation: { form: {} }, sampling: {} });
    const asked: string[] = [];
    able.setRequestHandler('elicitation/create', async ({ params }) => {
      asked.push(params.message);
      return { action: 'accept', content: { confirm: true } };
    });
    able.setRequestHandler('sampling/createMessage', async () => ({
      role: 'assistant' as const,
      model: 'm',
      content: { type: 'text' as const, text: 'All is well.' },
    }));
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
});
