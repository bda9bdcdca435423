// The official TypeScript SDKs sign a user in as clients that a document describes: its URL is their client id. Runs in a network
// of its own (private-network.ts) and prints what they got, as JSON.
//
//     node --import tsx document-clients.ts
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { UnauthorizedError as UnauthorizedErrorV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { textOf } from '../clients/text.ts';
import { root } from '../server.ts';
import { local, startLogin } from './login.ts';
import { ADA } from './person.ts';
import { ADDRESS } from './private-network.ts';
import { Memory, REDIRECT } from './sdk.ts';

export const DOCUMENT = 'https://client.example/oauth/client.json';

/** What a client got. */
export interface Got {
  readonly answer: string;
  /** The client id in the request for a code. */
  readonly clientId: string | null;
  /** The last page before the client, with what it says of it. */
  readonly consent: string;
}

const tls = (name: string) => readFileSync(join(root, 'runtime/login/tests/tls', name));

/** The web site of the client. Returns how often its document was asked for. */
async function serveDocument(): Promise<() => number> {
  let asked = 0;
  const document = { client_id: DOCUMENT, client_name: 'A documented client', redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' };
  const key = createPrivateKey({ key: tls('server.pk8'), format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  const server = createServer({ key, cert: new X509Certificate(tls('server.der')).toString() }, (request, response) => {
    asked += 1;
    response.writeHead(request.url === new URL(DOCUMENT).pathname ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document));
  });
  server.listen(443, ADDRESS);
  await once(server, 'listening');
  server.unref();
  return () => asked;
}

/** A client that has a document. It registers nothing. */
class Documented extends Memory {
  readonly clientMetadataUrl = DOCUMENT;
}

function got(memory: Memory, answer: string): Got {
  const consent = memory.browser.visited.find(({ html }) => html.includes('name="decision"'));
  return { answer, clientId: memory.authorizationUrl?.searchParams.get('client_id') ?? null, consent: consent?.html ?? '' };
}

async function v2(url: string): Promise<Got> {
  const memory = new Documented(ADA);
  const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: memory });
  const first = transport();
  await new Client({ name: 'e2e', version: '1' }).connect(first).catch(expected(UnauthorizedError));
  await first.finishAuth(memory.back!.searchParams);
  const client = new Client({ name: 'e2e', version: '1' });
  await client.connect(transport());
  const answer = textOf(await client.callTool({ name: 'echo', arguments: { message: 'documented' } }));
  await client.close();
  return got(memory, answer);
}

async function v1(url: string): Promise<Got> {
  const memory = new Documented(ADA);
  const transport = () => new TransportV1(new URL(url), { authProvider: memory });
  const first = transport();
  await new ClientV1({ name: 'e2e', version: '1' }).connect(first).catch(expected(UnauthorizedErrorV1));
  await first.finishAuth(memory.back!.searchParams.get('code')!);
  const client = new ClientV1({ name: 'e2e', version: '1' });
  await client.connect(transport());
  const answer = textOf(await client.callTool({ name: 'echo', arguments: { message: 'documented' } }));
  await client.close();
  return got(memory, answer);
}

const expected = (type: new (...args: never[]) => Error) => (error: unknown) => {
  if (!(error instanceof type)) throw error;
};

const asked = await serveDocument();
// No file of certificates is read before the first document is.
const login = await startLogin(local, { SSL_CERT_FILE: process.env['SSL_CERT_FILE'] });
try {
  const clients = { '2.x': await v2(login.url), '1.x': await v1(login.url) };
  process.stdout.write(`${JSON.stringify({ clients, asked: asked(), printed: login.printed() })}\n`);
} finally {
  await login.stop();
}
