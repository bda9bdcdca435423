// The MCP server and its authorization server, as two processes of the reference server, and the providers in front of which
// the authorization server is tested.
import { join } from 'node:path';
import { program, type Program } from '../program.ts';
import { build, freePort, root, start, type Server } from '../server.ts';

/** The scope that every call needs, and the one that `counter` needs besides. */
export const [BASIC_SCOPE, COUNTER_SCOPE] = ['mcp:call', 'mcp:count'];

/** Letters and digits, as Secrets Manager generates them. */
const KEYS = `one:${'0123456789abcdef'.repeat(4)}`;

export interface Login {
  /** The MCP endpoint. */
  readonly url: string;
  /** The URL of the authorization server. */
  readonly issuer: string;
  /** What both processes have printed. */
  printed(): string;
  stop(): Promise<void>;
}

/** The variables of an upstream provider that is running, by the URL to which it sends its codes. */
export type Provider = (callback: string) => Promise<{ readonly env: NodeJS.ProcessEnv; stop(): Promise<void> }>;

/** Starts the MCP server and its authorization server. */
export async function startLogin(provider: Provider, env: NodeJS.ProcessEnv = {}): Promise<Login> {
  const binary = await build('mcp-lambda-reference');
  const [serverPort, loginPort] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${loginPort}`;
  const resource = `http://127.0.0.1:${serverPort}/mcp`;
  const upstream = await provider(`${issuer}/callback`);
  const stops: (() => Promise<unknown>)[] = [() => upstream.stop()];
  const printed: Server[] = [];
  const begin = async (port: number, variables: NodeJS.ProcessEnv) => {
    const started = await start(binary, [], { port, env: { ...variables, ...env } });
    stops.unshift(() => started.stop());
    printed.push(started);
  };
  const stop = async () => {
    for (const end of stops) await end();
  };
  try {
    await begin(loginPort, {
      MCP_ROLE: 'login',
      MCP_LOGIN_ISSUER: issuer,
      MCP_LOGIN_RESOURCES: resource,
      MCP_LOGIN_SCOPES: `${BASIC_SCOPE},${COUNTER_SCOPE}`,
      MCP_LOGIN_KEYS: KEYS,
      // A sixth of it for each address, and all clients of the tests have one.
      MCP_LOGIN_REGISTRATIONS_PER_MINUTE: '600',
      ...upstream.env,
    });
    await begin(serverPort, {
      MCP_JWT_ISSUER: issuer,
      MCP_JWT_ALGORITHMS: 'EdDSA',
      MCP_JWT_SCOPES: BASIC_SCOPE,
      MCP_TOOL_SCOPES: `counter=${COUNTER_SCOPE}`,
      MCP_PUBLIC_URL: `http://127.0.0.1:${serverPort}`,
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: resource, issuer, printed: () => printed.map(server => server.printed()).join(''), stop };
}

/** Users of the authorization server itself, as `npm start -- --login` has them. */
export const local: Provider = async () => ({
  env: { MCP_LOGIN_UPSTREAM: 'local', MCP_LOGIN_LOCAL_USERS: 'ada:correct horse' },
  stop: async () => undefined,
});

const SECRET = 'a secret & more';

async function startIssuer(callback: string): Promise<Program> {
  const binary = await build('local-issuer');
  return program(binary, ['login', callback, 'ada:correct horse'], { CLIENT_SECRET: SECRET });
}

/** The OpenID provider of the tests, with a secret. It refuses `resource`, as Cognito does. */
export const testIssuer: Provider = async callback => {
  const issuer = await startIssuer(callback);
  return { env: oidc(issuer.ready, SECRET), stop: () => issuer.stop() };
};

/** The same as a provider of OAuth 2 without ID tokens, like GitHub: its API names the user. */
export const oauth2: Provider = async callback => {
  const issuer = await startIssuer(callback);
  const env = {
    MCP_LOGIN_UPSTREAM: 'oauth2',
    MCP_LOGIN_UPSTREAM_AUTHORIZE_URL: `${issuer.ready}/authorize`,
    MCP_LOGIN_UPSTREAM_TOKEN_URL: `${issuer.ready}/token`,
    MCP_LOGIN_UPSTREAM_USER_URL: `${issuer.ready}/userinfo`,
    MCP_LOGIN_UPSTREAM_CLIENT_ID: 'login',
    MCP_LOGIN_UPSTREAM_CLIENT_SECRET: SECRET,
    MCP_LOGIN_UPSTREAM_SCOPES: 'read:user',
  };
  return { env, stop: () => issuer.stop() };
};

/** The npm package `oidc-provider`, which is certified by the OpenID Foundation, with its own pages. */
export const oidcProvider: Provider = async callback => {
  const script = join(import.meta.dirname, 'oidc-provider.mjs');
  const provider = await program('scripts/node22', [script, `${await freePort()}`, callback]);
  return { env: oidc(provider.ready, 'a-secret-of-the-third-party'), stop: () => provider.stop() };
};

function oidc(issuer: string, secret: string): NodeJS.ProcessEnv {
  return {
    MCP_LOGIN_UPSTREAM: 'oidc',
    MCP_LOGIN_UPSTREAM_ISSUER: issuer,
    MCP_LOGIN_UPSTREAM_CLIENT_ID: 'login',
    MCP_LOGIN_UPSTREAM_CLIENT_SECRET: secret,
    MCP_LOGIN_UPSTREAM_SCOPES: 'openid,email',
  };
}

/** The command with which a program opens a browser, and a person in it. */
export const PERSON = `${process.execPath} --import ${join(root, 'node_modules/tsx/dist/loader.mjs')} ${join(import.meta.dirname, 'person.ts')}`;
