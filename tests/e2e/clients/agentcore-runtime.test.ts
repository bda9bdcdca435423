// AgentCore Runtime, played by a proxy: it makes a session id up, sends it with every message of a client, the first one
// included, and gives it to the client with the response to `initialize`. No emulator has the Runtime.
// https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp-protocol-contract.html (read 2026-11-27)
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, start, type Server } from '../server.ts';
import { PROGRESS, ProgressLog } from './progress.ts';
import { numberIn, textOf } from './text.ts';

/** The platform before the server. */
class Platform {
  /** The statuses of all responses. */
  readonly statuses: number[] = [];
  private readonly server: HttpServer = createServer((incoming, outgoing) => this.forward(incoming, outgoing));

  constructor(private readonly upstream: URL) {}

  async listen(): Promise<URL> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return new URL(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}/mcp`);
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const session = (incoming.headers['mcp-session-id'] as string | undefined) ?? randomUUID();
    const headers = {
      ...incoming.headers,
      host: this.upstream.host,
      'mcp-session-id': session,
      'x-amzn-bedrock-agentcore-runtime-session-id': session,
    };
    const onwards = request(this.upstream, { method: incoming.method, headers }, response => {
      this.statuses.push(response.statusCode ?? 0);
      outgoing.writeHead(response.statusCode ?? 502, { ...response.headers, 'mcp-session-id': session });
      response.pipe(outgoing);
    });
    onwards.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onwards.destroy());
    incoming.pipe(onwards);
  }
}

describe('a server on AgentCore Runtime', () => {
  let server: Server;
  let platform: Platform;
  let url: URL;

  beforeAll(async () => {
    server = await start(await build('mcp-lambda-reference'), [], { env: { MCP_SESSIONS: 'platform' } });
    platform = new Platform(new URL(server.url));
    url = await platform.listen();
  });
  afterAll(async () => {
    platform?.close();
    await server?.stop();
  });

  async function connect() {
    const transport = new StreamableHTTPClientTransport(url);
    const client = new Client({ name: 'e2e', version: '1' });
    await client.connect(transport);
    return { client, transport };
  }

  it('keeps the state of a session whose id the platform has made up, and of no other', async () => {
    const add = async (to: Client, by: number) => numberIn(await to.callTool({ name: 'counter', arguments: { by } }));
    const { client, transport } = await connect();
    expect(transport.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await add(client, 2)).toBe(2);
    expect(await add(client, 3)).toBe(5);
    const other = await connect();
    expect(other.transport.sessionId).not.toBe(transport.sessionId);
    expect(await add(other.client, 1)).toBe(1);
    await other.transport.terminateSession();
    await other.client.close();
    expect(await add(client, 1)).toBe(6);
    await client.close();
    expect(platform.statuses.filter(status => status >= 400)).toEqual([]);
  });

  it('streams progress', async () => {
    const { client } = await connect();
    const log = new ProgressLog();
    textOf(await client.callTool({ name: 'progress', arguments: PROGRESS }, undefined, { onprogress: log.note }));
    log.expectStreamed();
    await client.close();
  });

  it('serves 2026-07-28, which has no sessions', async () => {
    const client = new ClientV2({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(new TransportV2(url));
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'hi' } }))).toBe('hi');
    await client.close();
  });
});
