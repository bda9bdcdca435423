// A proxy of one client: it counts what the client sends, and does what a case wants while the call runs.
import { createServer, request, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What happens to a call while it runs, once it has sent a message. */
export type Action = 'nothing' | 'cancel' | 'delete' | 'listen' | 'kill';

export interface Got {
  readonly method: string;
  /** The JSON-RPC method of a POST. */
  readonly message: string | undefined;
  readonly lastEventId: string | undefined;
  status: number | undefined;
  readonly at: number;
}

export class Proxy {
  readonly seen: Got[] = [];
  /** The ids of the events that reached the session, on whichever of its GET streams. */
  readonly events: string[] = [];
  private session = '';
  private call: unknown;
  private acted = false;
  private readonly server: HttpServer;
  private readonly upstream: URL;
  private readonly action: Action;
  private readonly early: boolean;
  private readonly kill: () => Promise<void>;

  /** `early`: the action comes before the call has sent anything. */
  constructor(upstream: string, action: Action, early: boolean, kill: () => Promise<void>) {
    this.upstream = new URL(upstream);
    this.action = action;
    this.early = early;
    this.kill = kill;
    this.server = createServer((incoming, outgoing) => void this.forward(incoming, outgoing));
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/mcp`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const posted = incoming.method === 'POST' ? (JSON.parse(body.toString()) as { method?: string; id?: unknown }) : {};
    const got: Got = {
      method: incoming.method ?? '',
      message: posted.method,
      lastEventId: incoming.headers['last-event-id'] as string | undefined,
      status: undefined,
      at: performance.now(),
    };
    this.seen.push(got);
    this.session = (incoming.headers['mcp-session-id'] as string | undefined) ?? this.session;
    const isCall = posted.method === 'tools/call';
    if (isCall) this.call = posted.id;
    if (isCall && this.early) setTimeout(() => void this.act(), 500);
    const headers = { ...incoming.headers, host: this.upstream.host };
    const out = request(this.upstream, { method: incoming.method ?? 'GET', headers, agent: false }, response => {
      got.status = response.statusCode;
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      outgoing.flushHeaders();
      response.on('data', (chunk: Buffer) => {
        outgoing.write(chunk);
        const text = chunk.toString();
        if (isCall && text.includes('notifications/progress') && !this.early) void this.act();
        if (got.method === 'GET') this.note(text);
      });
      response.on('end', () => outgoing.end());
      response.on('error', () => outgoing.destroy());
    });
    // A server that is gone: the client sees its connection end.
    out.on('error', () => outgoing.destroy());
    outgoing.on('close', () => out.destroy());
    out.end(body);
  }

  private note(text: string): void {
    for (const [, id] of text.matchAll(/^id: (.*)\nevent: message$/gm)) this.events.push(id!);
  }

  private async act(): Promise<void> {
    if (this.acted || this.action === 'nothing') return;
    this.acted = true;
    const headers = { 'mcp-session-id': this.session, 'mcp-protocol-version': '2025-11-25' };
    if (this.action === 'kill') return this.kill();
    if (this.action === 'delete') return void (await fetch(this.upstream, { method: 'DELETE', headers }));
    if (this.action === 'cancel') {
      const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: this.call } };
      const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
      return void (await fetch(this.upstream, { method: 'POST', headers: { ...headers, ...json }, body: JSON.stringify(cancel) }));
    }
    // Another GET stream of the same session, which comes back whenever it ends, as a client's does.
    for (let opened = 0; opened < 20; opened += 1) {
      const response = await fetch(this.upstream, { headers: { ...headers, accept: 'text/event-stream' } }).catch(() => undefined);
      this.seen.push({ method: 'GET', message: undefined, lastEventId: undefined, status: response?.status, at: performance.now() });
      if (!response?.ok) return;
      try {
        for await (const chunk of response.body ?? []) {
          this.note(Buffer.from(chunk as Uint8Array).toString());
        }
      } catch {
        // The server is gone.
      }
      await new Promise(resolve => setTimeout(resolve, 1_000));
    }
  }
}
