// An authorization server of OAuth 2.1 with a page on which a person signs in. It registers clients, checks PKCE, and issues
// tokens that the reference server accepts.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const PASSWORD = 'correct horse';

interface Grant {
  readonly client: string;
  readonly redirect: string;
  readonly challenge: string;
  readonly resource: string | undefined;
}

export class AuthorizationServer {
  /** What happened: `register`, `authorize`, `code`, `refresh`, and `metadata-client` for a client without registration. */
  readonly log: string[] = [];
  /** The seconds that access tokens are good for, as clients hear it. */
  expiresIn = 3600;
  private readonly keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  private readonly clients = new Map<string, string[]>();
  private readonly codes = new Map<string, Grant>();
  private readonly refreshTokens = new Map<string, Grant>();
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      this.answer(request)
        .then(({ status = 200, headers = {}, body = '' }) => response.writeHead(status, headers).end(body))
        .catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  }

  static async start(): Promise<AuthorizationServer> {
    const started = new AuthorizationServer();
    await new Promise<void>(resolve => started.server.listen(0, '127.0.0.1', resolve));
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage): Promise<Reply> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const body = await text(request);
    switch (`${request.method} ${pathname}`) {
      case 'GET /.well-known/oauth-authorization-server':
      case 'GET /.well-known/openid-configuration':
        return json(this.metadata());
      case 'GET /keys':
        return json({ keys: [{ ...this.keys.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] });
      case 'POST /register':
        return this.register(JSON.parse(body) as { redirect_uris: string[] });
      case 'GET /authorize':
        return this.page(searchParams);
      case 'POST /login':
        return this.login(new URLSearchParams(body));
      case 'POST /token':
        return this.token(new URLSearchParams(body));
      default:
        return { status: 404 };
    }
  }

  private metadata() {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      registration_endpoint: `${this.url}/register`,
      jwks_uri: `${this.url}/keys`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    };
  }

  private register({ redirect_uris }: { redirect_uris: string[] }): Reply {
    this.log.push('register');
    const client_id = randomUUID();
    this.clients.set(client_id, redirect_uris);
    return json({ client_id, redirect_uris, token_endpoint_auth_method: 'none' }, 201);
  }

  private page(asked: URLSearchParams): Reply {
    this.log.push('authorize');
    const client = asked.get('client_id') ?? '';
    // The document at this URL would name its redirections; loopback ones may have any port.
    if (client.startsWith('https://')) this.log.push('metadata-client');
    else if (!this.clients.get(client)?.includes(asked.get('redirect_uri') ?? '')) return { status: 400, body: 'no such client' };
    if (asked.get('code_challenge_method') !== 'S256') return { status: 400, body: 'PKCE is required' };
    const hidden = [...asked].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`).join('');
    const page = `<!doctype html><title>Sign in</title><form method="post" action="/login">${hidden}
      <input name="password" type="password"><button>Sign in</button></form>`;
    return { headers: { 'content-type': 'text/html; charset=utf-8' }, body: page };
  }

  private login(form: URLSearchParams): Reply {
    const redirect = form.get('redirect_uri')!;
    const back = new URL(redirect);
    back.searchParams.set('state', form.get('state')!);
    back.searchParams.set('iss', this.url);
    if (form.get('password') === PASSWORD) {
      const code = randomUUID();
      const [client, challenge] = [form.get('client_id')!, form.get('code_challenge')!];
      this.codes.set(code, { client, redirect, challenge, resource: form.get('resource') ?? undefined });
      back.searchParams.set('code', code);
    } else {
      back.searchParams.set('error', 'access_denied');
      back.searchParams.set('error_description', 'a wrong password');
    }
    return { status: 303, headers: { location: back.href } };
  }

  private token(form: URLSearchParams): Reply {
    const grant = form.get('grant_type') === 'refresh_token' ? this.refreshed(form) : this.redeemed(form);
    if (!grant || grant.client !== form.get('client_id')) return json({ error: 'invalid_grant' }, 400);
    const refresh_token = randomUUID();
    this.refreshTokens.set(refresh_token, grant);
    const access_token = this.accessToken(grant.resource ?? form.get('resource') ?? '');
    return json({ access_token, token_type: 'Bearer', expires_in: this.expiresIn, refresh_token });
  }

  private refreshed(form: URLSearchParams): Grant | undefined {
    this.log.push('refresh');
    const token = form.get('refresh_token') ?? '';
    const grant = this.refreshTokens.get(token);
    // Good for one use.
    this.refreshTokens.delete(token);
    return grant;
  }

  private redeemed(form: URLSearchParams): Grant | undefined {
    this.log.push('code');
    const code = form.get('code') ?? '';
    const grant = this.codes.get(code);
    this.codes.delete(code);
    const proof = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    return grant && grant.challenge === proof && grant.redirect === form.get('redirect_uri') ? grant : undefined;
  }

  private accessToken(audience: string): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.url, sub: 'ada', aud: audience, iat: now, nbf: now - 5, exp: now + 3600, jti: randomUUID() };
    const head = `${part({ alg: 'ES256', kid: 'one', typ: 'at+jwt' })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(head), { key: this.keys.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${head}.${signature.toString('base64url')}`;
  }
}

interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

function json(value: object, status = 200): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
