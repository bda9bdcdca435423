// A 2025-11-25 client that shows what a library would hide: statuses, event ids, and the environment of each answer.
export interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly progress?: number };
  readonly result?: { readonly content?: { readonly text?: string }[]; readonly structuredContent?: unknown };
  readonly error?: { readonly code: number; readonly message: string };
}

export interface Reply {
  readonly status: number;
  readonly environment: string;
  /** What the stream, or the one JSON answer, says, as it arrives. It ends with the connection, however that ends. */
  readonly messages: AsyncGenerator<{ id?: string; message?: Message }>;
}

const accept = 'application/json, text/event-stream';
let ids = 0;

export class Session {
  private readonly headers: Record<string, string>;
  private readonly url: string;

  private constructor(url: string, id: string) {
    this.url = url;
    this.headers = { accept, 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
  }

  static async open(url: string, capabilities: object = {}): Promise<Session> {
    const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'e2e', version: '1' } };
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
    });
    await response.text();
    const session = new Session(url, response.headers.get('mcp-session-id') ?? '');
    await session.post({ method: 'notifications/initialized' });
    return session;
  }

  /** The same session at another URL. */
  at(url: string): Session {
    return new Session(url, this.headers['mcp-session-id'] ?? '');
  }

  async post(message: object): Promise<Reply> {
    const headers = { ...this.headers, 'content-type': 'application/json' };
    return reply(await fetch(this.url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...message }) }));
  }

  call(name: string, args: object, progressToken?: string): Promise<Reply> {
    const meta = progressToken === undefined ? {} : { _meta: { progressToken } };
    return this.post({ id: ++ids, method: 'tools/call', params: { name, arguments: args, ...meta } });
  }

  /** Calls, and waits for the one answer. */
  async answer(name: string, args: object): Promise<{ environment: string; message: Message }> {
    const { messages, environment, status } = await this.call(name, args);
    for await (const { message } of messages) if (message && 'id' in message) return { environment, message };
    throw new Error(`${name} was not answered (${status})`);
  }

  /** Opens a GET stream. */
  async listen(): Promise<Reply> {
    return reply(await fetch(this.url, { headers: this.headers }));
  }

  async resume(lastEventId: string): Promise<Reply> {
    return reply(await fetch(this.url, { headers: { ...this.headers, 'last-event-id': lastEventId } }));
  }

  async end(): Promise<Reply> {
    return reply(await fetch(this.url, { method: 'DELETE', headers: this.headers }));
  }
}

function reply(response: Response): Reply {
  const environment = response.headers.get('x-emulator-environment') ?? '';
  return { status: response.status, environment, messages: messages(response) };
}

async function* messages(response: Response): AsyncGenerator<{ id?: string; message?: Message }> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const text = await response.text();
    if (text !== '') yield { message: JSON.parse(text) as Message };
    return;
  }
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const field = (name: string) => event.split('\n').find(line => line.startsWith(name))?.slice(name.length);
        const [id, data] = [field('id: '), field('data: ')];
        yield { ...(id !== undefined && { id }), ...(data && { message: JSON.parse(data) as Message }) };
      }
    }
  } catch {
    // Cut off: the environment was killed.
  }
}
