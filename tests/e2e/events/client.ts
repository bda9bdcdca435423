// Raw requests of both eras, and their event streams as they arrive: what a client library would hide is the point here.
import { setTimeout as sleep } from 'node:timers/promises';

export interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly uri?: string; readonly data?: unknown; readonly level?: string };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** An open event stream and everything it has said. */
export interface Stream {
  readonly environment: string;
  readonly said: Message[];
  /** The position of the last message in the stream. */
  readonly place: () => string | undefined;
  /** Settles when the stream has ended, however it did. */
  readonly ended: Promise<void>;
  close(): void;
}

const accept = 'application/json, text/event-stream';

export class Stateless {
  private readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async ask(method: string, params: Record<string, unknown>): Promise<Message> {
    const response = await this.post(method, params, new AbortController().signal);
    return (await response.json()) as Message;
  }

  async listen(notifications: Record<string, unknown>): Promise<Stream> {
    const stop = new AbortController();
    return opened(await this.post('subscriptions/listen', { notifications }, stop.signal), stop);
  }

  private async post(method: string, params: Record<string, unknown>, signal: AbortSignal): Promise<Response> {
    const name = params['name'] ?? params['uri'];
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    return fetch(this.url, {
      method: 'POST',
      signal,
      headers: {
        accept,
        'content-type': 'application/json',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...(typeof name === 'string' && { 'mcp-name': name }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
    });
  }
}

export class Session {
  private readonly url: string;
  private readonly id: string;

  private constructor(url: string, id: string) {
    this.url = url;
    this.id = id;
  }

  static async open(url: string): Promise<Session> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } };
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
    });
    await response.text();
    return new Session(url, response.headers.get('mcp-session-id') ?? '');
  }

  async ask(method: string, params: Record<string, unknown>): Promise<Message> {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json', ...this.headers() },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return (await response.json()) as Message;
  }

  /** The GET stream: new, or after a position. `hear` is called with each message as it arrives. */
  async listen(from?: string, hear?: (message: Message) => void): Promise<Stream> {
    const stop = new AbortController();
    const place: Record<string, string> = from === undefined ? {} : { 'last-event-id': from };
    const headers = { accept, ...this.headers(), ...place };
    return opened(await fetch(this.url, { signal: stop.signal, headers }), stop, from, hear);
  }

  private headers(): Record<string, string> {
    return { 'mcp-session-id': this.id, 'mcp-protocol-version': '2025-11-25' };
  }
}

/** Waits until something holds; a wait that is too long fails with what there was instead. */
export async function eventually(what: string, holds: () => boolean, seen: () => unknown, withinMs = 15_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}; there was ${JSON.stringify(seen())}`);
    await sleep(10);
  }
}

function opened(response: Response, stop: AbortController, from?: string, hear?: (message: Message) => void): Stream {
  if (!response.ok || !response.body) throw new Error(`no stream: ${response.status}`);
  const said: Message[] = [];
  let place = from;
  const ended = read(response.body, (id, message) => {
    if (id !== undefined) place = id;
    if (!message) return;
    said.push(message);
    hear?.(message);
  }).catch(() => {});
  const environment = response.headers.get('x-emulator-environment') ?? '';
  return { environment, said, place: () => place, ended, close: () => stop.abort() };
}

type Hear = (id: string | undefined, message: Message | undefined) => void;

async function read(body: ReadableStream<Uint8Array>, hear: Hear): Promise<void> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const lines = event.split('\n');
      const field = (name: string) => lines.find(line => line.startsWith(name))?.slice(name.length);
      const data = field('data: ');
      hear(field('id: '), data ? (JSON.parse(data) as Message) : undefined);
    }
  }
}
