// What a server tells its clients unasked. The reference server has nothing that changes its lists, so the delivery
// itself is shown on the conformance fixture server: its tools trigger it.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { build, start, type Server } from '../server.ts';
import { textOf } from './text.ts';
import { unittest } from './unittest.ts';

async function connect(url: string): Promise<Client> {
  const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}

describe('the reference server', () => {
  it('accepts a listen for exactly what it says it can tell', async () => {
    const client = await connect(inject('url'));
    const { tools, prompts, resources } = client.getServerCapabilities() ?? {};
    const offered = {
      ...(tools?.listChanged && { toolsListChanged: true }),
      ...(prompts?.listChanged && { promptsListChanged: true }),
      ...(resources?.listChanged && { resourcesListChanged: true }),
    };
    const everything = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
    const subscription = await client.listen(everything);
    expect(subscription.honoredFilter).toEqual(offered);
    // With nothing to wait for the server ends it; else it goes on until the client does.
    const nothing = Object.keys(offered).length === 0;
    if (!nothing) await subscription.close();
    expect(await subscription.closed).toBe(nothing ? 'graceful' : 'local');
    await client.close();
  });
});

describe('the fixture server', () => {
  let fixture: Server | undefined;
  let url: string;

  beforeAll(async () => {
    const elsewhere = process.env['MCP_E2E_FIXTURE_URL'];
    if (!elsewhere) fixture = await start(await build('conformance-server'));
    url = elsewhere ?? fixture!.url;
  }, 600_000);
  afterAll(async () => void (await fixture?.stop()));

  it('tells a listening 2026-07-28 client that the tools changed when another client changes them', async () => {
    const [listener, actor] = await Promise.all([connect(url), connect(url)]);
    const changed = new Promise(resolve => listener.setNotificationHandler('notifications/tools/list_changed', resolve));
    const subscription = await listener.listen({ toolsListChanged: true });
    expect(subscription.honoredFilter).toEqual({ toolsListChanged: true });
    textOf(await actor.callTool({ name: 'test_trigger_tool_change', arguments: {} }));
    await changed;
    await subscription.close();
    expect(await subscription.closed).toBe('local');
    await Promise.all([listener.close(), actor.close()]);
  });

  it('tells a Python client the same', async () => {
    const { code, report } = await unittest('test_listen', url);
    expect(code, report).toBe(0);
    expect(report).toMatch(/^Ran 1 test/m);
  });

  it('tells a session-era client that the tools changed, on its GET stream', async () => {
    const client = new ClientV1({ name: 'e2e', version: '1' });
    const changed = new Promise<void>(resolve =>
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve()),
    );
    // The client opens its GET stream on its own time, without an event; its fetch shows when the server has answered.
    let listening: () => void = () => {};
    const opened = new Promise<void>(resolve => (listening = resolve));
    const transport = new TransportV1(new URL(url), {
      fetch: async (target, init) => {
        const response = await fetch(target, init);
        if (init?.method === 'GET' && response.ok) listening();
        return response;
      },
    });
    await client.connect(transport);
    await opened;
    textOf(await client.callTool({ name: 'test_trigger_tool_change', arguments: {} }));
    await changed;
    await client.close();
  });
});
