// Who may call, by a deploy.toml.
import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { McpAuth, type McpLoginOptions } from '../../lib';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';
import { given, seconds } from './values';

/** Keys that say how users sign in, and mean nothing where they do not. */
const OF_LOGIN = [
  'client_id',
  'client_secret_name',
  'upstream_scopes',
  'access_token_seconds',
  'refresh_token_days',
  'upstream_tokens',
  'upstream_parameters',
  'kms_signing',
] as const;

/** GitHub is no OpenID provider: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps (2026-11-28) */
const GITHUB = {
  authorizeUrl: 'https://github.com/login/oauth/authorize',
  tokenUrl: 'https://github.com/login/oauth/access_token',
  userUrl: 'https://api.github.com/user',
};
const GITHUB_SCOPES = ['read:user'];

/** `enabled = false` stands for `McpAuth.none()`. */
export function toAuth(scope: Construct, config: DeployConfig, problems: Problems): McpAuth | undefined {
  const { auth } = config;
  if (auth.enabled === false) return McpAuth.none();
  checkKeysOfLogin(auth, problems);
  const { scopes } = auth;
  switch (auth.provider) {
    case 'jwt':
      if (auth.issuer === undefined) return problems.add('auth', 'issuer', 'given where provider is "jwt"', undefined);
      return McpAuth.jwt({ issuer: auth.issuer, audience: auth.audience ?? [], scopes });
    case 'cognito':
      if (hasLogin(auth)) return cognitoLogin(scope, auth, problems);
      return McpAuth.cognito({ scopes, domainPrefix: auth.domain_prefix, callbackUrls: auth.callback_urls });
    case 'oidc':
      if (auth.issuer === undefined) return problems.add('auth', 'issuer', 'given where provider is "oidc"', undefined);
      return providerLogin(scope, auth, problems, { issuer: auth.issuer });
    case 'github':
      return providerLogin(scope, auth, problems, { oauth2: GITHUB, upstreamScopes: auth.upstream_scopes ?? GITHUB_SCOPES });
    case 'custom':
      return toAuthorizer(scope, config, problems);
    case 'iam':
      return McpAuth.iam();
    default:
      if (!auth.enabled) return undefined;
      return problems.add('auth', 'provider', `${PROVIDERS} where enabled is true`, undefined);
  }
}

const PROVIDERS = '"iam", "jwt", "cognito", "oidc", "github" or "custom"';

/** Whether users sign in with any MCP client: everywhere but where tokens come from elsewhere. */
export function hasLogin({ enabled, provider, login }: DeployConfig['auth']): boolean {
  if (enabled === false) return false;
  return provider === 'oidc' || provider === 'github' || (provider === 'cognito' && login !== false);
}

function checkKeysOfLogin(auth: DeployConfig['auth'], problems: Problems): void {
  const { provider, login } = auth;
  if (hasLogin(auth)) {
    if (login === false) problems.add('auth', 'login', `true or left out where provider is "${provider}"`, login);
    return;
  }
  if (login && provider !== undefined) {
    problems.add('auth', 'login', 'left out where provider is not "cognito", "oidc" or "github"', login);
  }
  for (const key of OF_LOGIN.filter(it => auth[it] !== undefined)) {
    problems.add('auth', key, 'left out where there is no login', auth[key]);
  }
}

function cognitoLogin(scope: Construct, auth: DeployConfig['auth'], problems: Problems): McpAuth {
  for (const key of ['callback_urls', 'client_id', 'client_secret_name'] as const) {
    if (auth[key] === undefined) continue;
    problems.add('auth', key, 'left out, or login = false: the only client of the user pool is the login', auth[key]);
  }
  const { domain_prefix: domainPrefix } = auth;
  return McpAuth.login({
    ...loginOptions(scope, { ...auth, client_id: undefined, client_secret_name: undefined }),
    cognito: { ...(domainPrefix !== undefined && { domainPrefix }) },
  });
}

function providerLogin(
  scope: Construct,
  auth: DeployConfig['auth'],
  problems: Problems,
  provider: Pick<McpLoginOptions, 'issuer' | 'oauth2' | 'upstreamScopes'>,
): McpAuth | undefined {
  for (const key of ['callback_urls', 'domain_prefix'] as const) {
    if (auth[key] === undefined) continue;
    problems.add('auth', key, `left out where provider is "${auth.provider}"`, auth[key]);
  }
  if (auth.client_id !== undefined) return McpAuth.login({ ...loginOptions(scope, auth), ...provider });
  return problems.add('auth', 'client_id', `given where provider is "${auth.provider}"`, undefined);
}

type Options = { readonly [K in keyof DeployConfig['auth']]?: DeployConfig['auth'][K] | undefined };

function loginOptions(scope: Construct, auth: Options): McpLoginOptions {
  const secret = (name: string) => secretsmanager.Secret.fromSecretNameV2(scope, 'ClientSecret', name);
  return {
    clientId: auth.client_id,
    clientSecret: given(auth.client_secret_name, secret),
    upstreamScopes: auth.upstream_scopes,
    scopes: auth.scopes,
    accessTokenLifetime: seconds(auth.access_token_seconds),
    refreshTokenLifetime: given(auth.refresh_token_days, it => Duration.days(it)),
    upstreamTokens: auth.upstream_tokens,
    upstreamParameters: given(auth.upstream_parameters, pairs),
    ...(auth.kms_signing && { kmsSigning: {} }),
  };
}

/** `name=value` texts as an object. */
function pairs(texts: string[]): Record<string, string> {
  return Object.fromEntries(texts.map(text => [text.split('=', 1)[0]!, text.slice(text.indexOf('=') + 1)]));
}

/** Only a REST API calls an authorizer. */
function toAuthorizer(
  scope: Construct,
  { auth, api_gateway: api }: DeployConfig,
  problems: Problems,
): McpAuth | undefined {
  const { authorizer_arn: functionArn } = auth;
  if (api.type !== 'rest') problems.add('api_gateway', 'type', '"rest" where provider is "custom"', api.type);
  if (functionArn === undefined) {
    return problems.add('auth', 'authorizer_arn', 'given where provider is "custom"', undefined);
  }
  const attributes = { functionArn, sameEnvironment: true };
  return McpAuth.lambdaAuthorizer(lambda.Function.fromFunctionAttributes(scope, 'Authorizer', attributes));
}
