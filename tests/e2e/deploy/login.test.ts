// `npx cdk deploy` with a login: its function, behind its HTTP API, knows the server, and the server knows its issuer.
import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../server.ts';
import { ACCOUNT, REGION, startCloud, type Cloud } from './cloud.ts';

const STACK = 'login';
const REDIRECT = 'http://127.0.0.1:54321/callback';
const SECRET = 'planted-client-secret';
let cloud: Cloud;
let outputs: Record<string, string>;
/** The server as ministack serves its Function URL. */
let mcp: string;
let issuer: string;

// GitHub: its endpoints are in the template, so that nothing of it is asked for before a user signs in.
const settings = () =>
  [
    `server.name=${STACK}`,
    `server.code=${join(cloud.folder, 'program')}`,
    'lambda.architecture=x86_64',
    'auth.provider=github',
    'auth.client_id=the-client',
    'auth.client_secret_name=notes/github',
    'auth.scopes=notes:read,notes:write',
    'auth.kms_signing=true',
    'observability.alarms=false',
    'observability.saved_queries=false',
  ].flatMap(it => ['--context', it]).concat('--output', join(cloud.folder, 'cdk.out'));

beforeAll(async () => {
  const binary = await build('mcp-lambda-reference');
  cloud = await startCloud();
  await mkdir(join(cloud.folder, 'program'));
  await copyFile(binary, join(cloud.folder, 'program', 'bootstrap'));
  await cloud.aws('secretsmanager', 'create-secret', '--name', 'notes/github', '--secret-string', SECRET);
  const bootstrapped = await cloud.cdk(['bootstrap', ...settings()]);
  expect(bootstrapped.code, bootstrapped.stderr).toBe(0);
  const file = join(cloud.folder, 'outputs.json');
  const deployed = await cloud.cdk(['deploy', '--require-approval', 'never', '--outputs-file', file, ...settings()]);
  expect(deployed.code, deployed.stderr).toBe(0);
  outputs = JSON.parse(await readFile(file, 'utf8'))[STACK];
  issuer = outputs['LoginCallbackUrl']!.replace(/\/callback$/, '');
  mcp = `${cloud.url}/_aws/lambda-url/${new URL(outputs['McpEndpoint']!).hostname.split('.')[0]}`;
});

afterAll(() => cloud?.stop());

/** A URL of the login as ministack serves its API. It takes the account from the credential of a request. */
function at(url: string, query: Record<string, string> = {}): URL {
  const { hostname, pathname } = new URL(url, issuer);
  const served = new URL(`/_aws/execute-api/${hostname.split('.')[0]}/$default${pathname}`, cloud.url);
  const credential = { 'X-Amz-Credential': `${ACCOUNT}/20261128/${REGION}/execute-api/aws4_request` };
  served.search = String(new URLSearchParams({ ...query, ...credential }));
  return served;
}

/** The environment of the function of the login. */
async function variablesOfLogin(): Promise<Record<string, string>> {
  const { Functions } = await cloud.aws<{ Functions: { Environment: { Variables: Record<string, string> } }[] }>('lambda', 'list-functions');
  return Functions.map(it => it.Environment?.Variables ?? {}).find(it => it['MCP_ROLE'] === 'login')!;
}

const metadata = async () => (await fetch(at('/.well-known/oauth-authorization-server'))).json() as Promise<Record<string, string>>;

const register = () =>
  fetch(at('/register'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'a test', redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' }),
  });

describe('the deployed login', () => {
  it('is the authorization server that the server names', async () => {
    const refused = await fetch(`${mcp}/mcp`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect(refused.status).toBe(401);
    const resource = await fetch(`${mcp}/.well-known/oauth-protected-resource/mcp`);
    expect(await resource.json()).toMatchObject({ authorization_servers: [issuer] });
    expect(await metadata()).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      code_challenge_methods_supported: ['S256'],
      scopes_supported: ['notes:read', 'notes:write'],
    });
  });

  it('publishes the key of KMS that signs, in each environment', async () => {
    const { jwks_uri: url } = await metadata();
    const keys = async () => (await (await fetch(at(url!))).json()) as { keys: { kid: string; x: string }[] };
    const before = await keys();
    const { MCP_LOGIN_SIGNING_KEYS: arn } = await variablesOfLogin();
    const { PublicKey } = await cloud.aws<{ PublicKey: string }>('kms', 'get-public-key', '--key-id', arn!);
    const made = createPublicKey({ key: Buffer.from(PublicKey, 'base64'), format: 'der', type: 'spki' }).export({ format: 'jwk' });
    expect(before.keys).toEqual([{ ...made, alg: 'ES256', use: 'sig', kid: arn!.split('/')[1] }]);
    expect(await cloud.killFunctions()).toBeGreaterThan(0);
    expect(await keys()).toEqual(before);
  });

  it('registers a client and sends its user to the provider', async () => {
    const registered = await register();
    expect(registered.status).toBe(201);
    const { client_id: client } = (await registered.json()) as { client_id: string };
    // The id is sealed with a key of Secrets Manager, which the next environment reads.
    expect(await cloud.killFunctions()).toBeGreaterThan(0);
    const verifier = randomBytes(32).toString('base64url');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const query = {
      response_type: 'code',
      client_id: client,
      redirect_uri: REDIRECT,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      state: 'of-the-client',
      resource: outputs['McpEndpoint']!,
    };
    const answer = await fetch(at('/authorize', query), { redirect: 'manual' });
    expect([302, 303]).toContain(answer.status);
    const upstream = new URL(answer.headers.get('location')!);
    expect(`${upstream.origin}${upstream.pathname}`).toBe('https://github.com/login/oauth/authorize');
    expect(Object.fromEntries(upstream.searchParams)).toMatchObject({
      client_id: 'the-client',
      redirect_uri: `${issuer}/callback`,
      code_challenge_method: 'S256',
      scope: 'read:user',
    });
    // The challenge and the state are its own.
    expect(upstream.searchParams.get('code_challenge')).not.toBe(challenge);
    expect(upstream.searchParams.get('state')).not.toBe('of-the-client');
    expect(answer.headers.get('set-cookie')).toContain('HttpOnly');
  });

  it('has neither its keys nor the secret of the provider in its configuration', async () => {
    const variables = await variablesOfLogin();
    const { SecretString } = await cloud.aws<{ SecretString: string }>(
      'secretsmanager',
      'get-secret-value',
      '--secret-id',
      variables['MCP_LOGIN_KEYS_SECRET']!,
    );
    expect(SecretString).toMatch(/^[A-Za-z0-9]{64}$/);
    expect(JSON.stringify(variables)).not.toContain(SecretString);
    expect(JSON.stringify(variables)).not.toContain(SECRET);
  });

  it('says where users are sent back to, and what to paste where', () => {
    expect(outputs['ClaudeCode']).toBe(`claude mcp add --transport http ${STACK} ${outputs['McpEndpoint']}`);
    expect(JSON.parse(outputs['Cursor']!.split('mcp.json: ')[1]!)).toEqual({ mcpServers: { [STACK]: { url: outputs['McpEndpoint'] } } });
  });
});
