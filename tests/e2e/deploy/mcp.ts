// An MCP client of 2026-07-28: requests, and the notifications of an event stream.

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Of a client that knows tasks. */
const TASKS_META = {
  ...META,
  'io.modelcontextprotocol/clientCapabilities': {
    elicitation: {},
    extensions: { 'io.modelcontextprotocol/tasks': {} },
  },
};

export interface Message {
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: { readonly [name: string]: unknown };
  readonly error?: { readonly message: string };
}

interface PostOptions {
  readonly signal?: AbortSignal;
  readonly meta?: object;
}

function post(
  url: string,
  method: string,
  params: Record<string, unknown>,
  { signal, meta = META }: PostOptions = {},
): Promise<Response> {
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  return fetch(url, {
    method: 'POST',
    ...(signal && { signal }),
    headers: {
      accept: 'application/json, text/event-stream',
      // ministack decodes a streamed body as text, which a compressed body is not.
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
  });
}

export function ask(url: string, method: string, params: Record<string, unknown> = {}): Promise<Message> {
  return messageOf(post(url, method, params));
}

/** As `ask`, by a client that declares the extension for tasks. */
export function askOfTasks(url: string, method: string, params: Record<string, unknown>): Promise<Message> {
  return messageOf(post(url, method, params, { meta: TASKS_META }));
}

async function messageOf(responding: Promise<Response>): Promise<Message> {
  const response = await responding;
  const text = await response.text();
  if (!response.headers.get('content-type')?.includes('json')) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text) as Message;
}

/** Calls a tool and returns the text of its result. */
export async function call(url: string, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const { result, error } = await ask(url, 'tools/call', { name, arguments: args });
  if (error) throw new Error(error.message);
  return (result?.['content'] as { text: string }[]).map(({ text }) => text).join('\n');
}

/** A block of a result, as far as tests of large results read it. */
export interface Block {
  readonly type: string;
  readonly uri?: string;
  readonly size?: number;
}

/** Reads the part of a result that was moved to a bucket, by its link and without credentials. */
export async function readLinked(content: readonly Block[]): Promise<string> {
  const links = content.filter(({ type }) => type === 'resource_link');
  if (links.length !== 1) throw new Error(`not one link: ${JSON.stringify(content).slice(0, 1_000)}`);
  const [{ uri, size }] = links as [Block];
  const response = await fetch(uri!);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text.slice(0, 1_000)}`);
  if (Buffer.byteLength(text) !== size) throw new Error(`the link has the size ${size}, the object ${Buffer.byteLength(text)} bytes`);
  return text;
}

export interface Listening {
  readonly received: Message[];
  close(): void;
}

/** Opens a `subscriptions/listen` stream and waits for the first message, the server's acknowledgement. */
export async function listen(url: string, notifications: Record<string, unknown>): Promise<Listening> {
  const stop = new AbortController();
  const response = await post(url, 'subscriptions/listen', { notifications }, { signal: stop.signal });
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  const received: Message[] = [];
  let acknowledged: () => void = () => {};
  const first = new Promise<void>(resolve => (acknowledged = resolve));
  const reading = (async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const data = event.split('\n').find(line => line.startsWith('data: '));
        if (!data) continue;
        received.push(JSON.parse(data.slice(6)) as Message);
        acknowledged();
      }
    }
  })();
  reading.catch(() => {});
  await first;
  return { received, close: () => stop.abort() };
}
