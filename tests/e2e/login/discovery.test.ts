// The paths that well-known clients request before they sign a user in, each in the order of its client: discovery.json names the
// sources. `server` is the MCP server, `issuer` the authorization server.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { local, startLogin, type Login } from './login.ts';

// The page of a client that runs in a browser, such as the Inspector.
const ORIGIN = 'http://localhost:6274';

interface Sequence {
  readonly client: string;
  readonly source: string;
  readonly date: string;
  readonly requests: readonly (readonly ['server' | 'issuer', string])[];
}

const sequences = JSON.parse(readFileSync(join(import.meta.dirname, 'discovery.json'), 'utf8')) as Sequence[];

describe('discovery', () => {
  let login: Login;
  beforeAll(async () => void (login = await startLogin(local)), 600_000);
  afterAll(() => login?.stop());

  const get = async (of: 'server' | 'issuer', path: string) => {
    const url = new URL(path, of === 'server' ? login.url : login.issuer);
    const response = await fetch(url, { redirect: 'manual', headers: { accept: 'application/json', origin: ORIGIN } });
    const body = await response.text();
    return { status: response.status, type: response.headers.get('content-type') ?? '', body, origin: response.headers.get('access-control-allow-origin') };
  };

  it('begins with a 401 that names the metadata of the protected resource', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const response = await fetch(login.url, { method: 'POST', headers, body });
    expect(response.status).toBe(401);
    const url = new URL('/.well-known/oauth-protected-resource/mcp', login.url).href;
    expect(response.headers.get('www-authenticate')).toContain(`resource_metadata="${url}"`);
  });

  it.each(sequences)('of $client finds the authorization server', async ({ requests }) => {
    let [knowsServer, knowsIssuer] = [false, false];
    for (const [of, path] of requests) {
      const answer = await get(of, path);
      if (of === 'server' && !path.includes('oauth-protected-resource')) {
        // The client goes on to its next path: a page or a redirect could be taken for an answer.
        expect(answer.status, path).toBe(404);
        expect(answer.type, path).not.toContain('html');
        continue;
      }
      expect(answer.status, path).toBe(200);
      expect(answer.type, path).toContain('application/json');
      expect(['*', ORIGIN], path).toContain(answer.origin);
      const document = JSON.parse(answer.body) as Record<string, unknown>;
      if (of === 'server') {
        expect(document).toMatchObject({ resource: login.url, authorization_servers: [login.issuer] });
        knowsServer = true;
        continue;
      }
      expect(document).toMatchObject({
        issuer: login.issuer,
        authorization_endpoint: `${login.issuer}/authorize`,
        token_endpoint: `${login.issuer}/token`,
        registration_endpoint: `${login.issuer}/register`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: expect.arrayContaining(['none']),
        client_id_metadata_document_supported: true,
      });
      knowsIssuer = true;
    }
    expect(knowsServer).toBe(true);
    // The first list is that of a client which stops at the metadata of the protected resource.
    expect(knowsIssuer || requests.every(([of]) => of === 'server')).toBe(true);
  });

  it('and a registration of Cursor, with its three redirect URIs, is accepted', async () => {
    // https://github.com/erp-mafia/accounted/pull/2225, 2026-09-03
    const redirect_uris = [
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://www.cursor.com/agents/mcp/oauth/callback',
      'http://localhost:8787/callback',
    ];
    const response = await fetch(`${login.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Cursor', redirect_uris, token_endpoint_auth_method: 'none' }),
    });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ client_id: expect.any(String), redirect_uris });
  });
});
