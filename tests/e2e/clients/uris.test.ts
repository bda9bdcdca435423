// Every event resource that is listed can be read by the official clients, under any name of its event: they write URIs in
// a form of their own.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { unittest } from './unittest.ts';

const NAMES = [
  'OrderService', 'orderservice', '.', '..', '...', 'a/b', 'a/../b', '%2e%2e', '100%', 'a b', 'a+b', 'a:80', 'user@host',
  '[::1]', '127.0.0.1', '0x7f.1', 'xn--bcher-kva', 'bücher', 'BÜCHER', '東京', 'a?b', 'a#b', 'a\\b', '{a}', '!a', '~', '🦀',
];

let client: Client;
let session: ClientV1;
beforeAll(async () => {
  client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(inject('url'))));
  session = new ClientV1({ name: 'e2e', version: '1' });
  await session.connect(new TransportV1(new URL(inject('url'))));
  for (const [at, source] of NAMES.entries()) {
    for (const event_type of [NAMES.at(-1 - at)!, source, 'UPPER']) {
      await client.callTool({ name: 'publish_event', arguments: { source, event_type, payload: [source, event_type] } });
    }
  }
});
afterAll(() => Promise.all([client.close(), session.close()]));

it('as JavaScript writes URLs', async () => {
  const { resources } = await session.listResources();
  const uris = resources.map(resource => resource.uri).filter(uri => uri.startsWith('event:'));
  expect(uris.length).toBeGreaterThanOrEqual(2 * NAMES.length);
  for (const listed of uris) {
    const uri = new URL(listed).href;
    const read = [listed, uri].flatMap(uri => [client.readResource({ uri }), session.readResource({ uri })]);
    const texts = (await Promise.all(read)).map(({ contents: [content] }) => (content as { text: string }).text);
    expect(new Set(texts).size, uri).toBe(1);
    const { source, type, events } = JSON.parse(texts[0]!);
    expect(resources.find(resource => resource.uri === listed)!.name).toBe(`${source} ${type}`);
    expect(events.length).toBeGreaterThan(0);
  }
});

it('as Python writes URLs', async () => {
  const { code, report } = await unittest('test_uris.Uris', inject('url'));
  expect(code, report).toBe(0);
});
