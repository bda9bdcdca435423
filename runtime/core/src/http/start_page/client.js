// A client of MCP 2026-07-28 over Streamable HTTP, as far as the page needs one.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http (read 2026-11-28)

const REVISION = '2026-07-28';
const META = 'io.modelcontextprotocol/';
const TASKS = `${META}tasks`;
/** The most bytes of one message of a stream that are kept. */
const MESSAGE_LIMIT = 16 * 1024 * 1024;

/** A JSON-RPC error, or a response that is none: `code` is the HTTP status then. */
class McpError extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

class McpClient {
  #url;
  #id = 0;
  #token = '';

  constructor(url) {
    this.#url = url;
  }

  get url() {
    return this.#url.href;
  }

  /** Sets the bearer token of later requests. It is kept in memory only. */
  set token(token) {
    this.#token = token.trim();
  }

  /**
   * Sends a request and returns its result. Options: `name` is what Mcp-Name mirrors, `headers` are those that arguments are mirrored
   * in, `notified` is called with each notification of the response, `tasks` declares the tasks extension.
   */
  async request(method, params = {}, { name, headers = {}, notified = () => {}, signal, tasks = false, progress } = {}) {
    const id = ++this.#id;
    const capabilities = { elicitation: { form: {}, url: {} } };
    if (tasks) capabilities.extensions = { [TASKS]: {} };
    const meta = {
      [`${META}protocolVersion`]: REVISION,
      [`${META}clientInfo`]: { name: 'mcp-lambda-server start page', version: '1' },
      [`${META}clientCapabilities`]: capabilities,
    };
    if (progress) meta.progressToken = id;
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        'MCP-Protocol-Version': REVISION,
        'Mcp-Method': method,
        ...(name === undefined ? {} : { 'Mcp-Name': headerValue(name) }),
        ...(this.#token ? { Authorization: `Bearer ${this.#token}` } : {}),
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } }),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal,
    });
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith('text/event-stream')) {
      for await (const message of messagesOf(response.body)) {
        if (message.id === id) return resultOf(message, response);
        if (message.method) notified(message);
      }
      throw new McpError('The stream ended before its response: send the request again.', 0, response.status);
    }
    const text = await response.text();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      throw new McpError(text || `${response.status} ${response.statusText}`, response.status, response.status);
    }
    return resultOf(message, response);
  }

  /** All items of a list, page by page. */
  async list(method, key) {
    const items = [];
    let cursor;
    for (let page = 0; page < 50; page += 1) {
      const result = await this.request(method, cursor === undefined ? {} : { cursor });
      items.push(...(result[key] ?? []));
      cursor = result.nextCursor;
      if (cursor === undefined || cursor === null) break;
    }
    return items;
  }
}

function resultOf(message, response) {
  if (message.error) throw new McpError(message.error.message, message.error.code, response.status);
  if (message.result === undefined) {
    const text = message.error_description ?? message.message ?? `${response.status} ${response.statusText}`;
    throw new McpError(text, response.status, response.status);
  }
  return message.result;
}

/** The JSON-RPC messages of an event stream. */
async function* messagesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text = (text + value).replaceAll('\r\n', '\n');
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n').filter(line => line.startsWith('data:'));
        const data = lines.map(line => line.slice(5).trimStart()).join('\n');
        text = text.slice(end + 2);
        if (data) yield JSON.parse(data);
      }
      if (text.length > MESSAGE_LIMIT) throw new McpError('A message of the stream is too large for this page.', 0, 200);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** A value as a header holds it: as it is, or in base64 between marks. */
function headerValue(value) {
  const text = String(value);
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/.test(text);
  if (isPlain) return text;
  const bytes = new TextEncoder().encode(text);
  return `=?base64?${btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))}?=`;
}

/** The headers in which a tool wants arguments mirrored (`x-mcp-header` of its input schema). */
function mirrored(schema, values, headers = {}) {
  for (const [name, property] of Object.entries(schema?.properties ?? {})) {
    const value = values?.[name];
    if (value === undefined || value === null) continue;
    if (property['x-mcp-header']) headers[`Mcp-Param-${property['x-mcp-header']}`] = headerValue(value);
    if (typeof value === 'object') mirrored(property, value, headers);
  }
  return headers;
}
