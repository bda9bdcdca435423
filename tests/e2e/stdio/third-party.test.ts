// Servers that others have written, from npm and from PyPI, with the official clients of both eras: on a local address, and on the
// emulated Lambda with each request on another one of four environments.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textOf } from '../clients/text.ts';
import { locally, onLambda, servers, type Running } from './servers.ts';

interface Connected {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

const clients: { era: string; connect: (url: URL) => Promise<Connected> }[] = [
  {
    era: '2025-11-25',
    connect: async url => {
      const client = new ClientV1({ name: 'e2e', version: '1' });
      await client.connect(new TransportV1(url));
      return client as Connected;
    },
  },
  {
    era: '2026-07-28',
    connect: async url => {
      const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
      await client.connect(new StreamableHTTPClientTransport(url));
      return client as Connected;
    },
  },
];

const places = [
  { place: 'on a local address', run: (command: string[]) => locally(command) },
  { place: 'on Lambda', run: onLambda },
];

describe.each(servers())('$name', server => {
  describe.each(places)('$place', ({ run }) => {
    let running: Running;
    beforeAll(async () => void (running = await run(server.command)), 600_000);
    afterAll(() => running.stop());

    it.each(clients)('lists and calls its tools, for a client of $era', async ({ connect }) => {
      const client = await connect(new URL(running.url));
      const { tools } = await client.listTools();
      expect(tools.map(tool => tool.name)).toEqual(expect.arrayContaining(server.tools));
      // As often as there are environments, and once more.
      for (let round = 0; round < 5; round++) {
        expect(textOf((await client.callTool(server.call)) as Parameters<typeof textOf>[0])).toMatch(server.says);
      }
      await client.close();
    });
  });
});
