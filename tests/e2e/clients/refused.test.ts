// Requests that are refused before their body is read, by clients that keep their connections: none is lost. Node's fetch
// reported EPIPE for each large one, httpx lost 2 to 5 of 100 of the requests that followed, http.client half of them. The
// Python SDK 2.x brings httpx2, which follows httpx.
import { expect, inject, it } from 'vitest';
import { run } from '../run.ts';

const call = (message: string) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'echo',
      arguments: { message },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'fetch', version: '1' },
      },
    },
  });

const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': 'echo',
};

/** How each kind of refusal is provoked: another URL, other headers, or a body that is too large. */
function refusals(url: string): [number, string, RequestInit][] {
  const body = 'x'.repeat(200_000);
  const post = (other: Record<string, string>, more: RequestInit = {}): RequestInit => ({
    method: 'POST',
    headers: { ...headers, ...other },
    body,
    ...more,
  });
  return [
    [403, url, post({ origin: 'https://elsewhere.example' })],
    [404, `${url}/elsewhere`, post({})],
    [405, url, post({}, { method: 'PUT' })],
    [406, url, post({ accept: 'text/html' })],
    [415, url, post({ 'content-type': 'text/plain' })],
    [413, url, post({}, { body: 'x'.repeat(6_400_000) })],
  ];
}

it('fetch loses none of 1,000 requests', async () => {
  const url = inject('url');
  const kinds = refusals(url);
  for (let n = 0; n < 500; n++) {
    // The large ones now and then only: their bytes take time.
    const [status, at, request] = kinds[n % 50 === 0 ? 5 : n % 5]!;
    const refused = await fetch(at, request);
    expect([refused.status, n]).toEqual([status, n]);
    await refused.text();
    const served = await fetch(url, { method: 'POST', headers, body: call(`${n}`) });
    expect([served.status, await served.text()]).toEqual([200, expect.stringContaining(`"${n}"`)]);
  }
});

it.each(['httpx2', 'http.client'])('%s loses none of 1,000 requests', async client => {
  const { code, stdout, stderr } = await run('.venv/bin/python', ['tests/e2e/clients/refused.py', client], {
    MCP_URL: inject('url'),
    CALL: call('hi'),
    HEADERS: JSON.stringify(headers),
  });
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('1000 requests, 0 lost');
});
