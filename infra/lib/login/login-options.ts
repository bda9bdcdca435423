import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as cognito from 'aws-cdk-lib/aws-cognito';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { McpAccessLogOptions } from '../endpoint/access-log';
import type { McpDomainOptions } from '../endpoint/endpoint-options';
import type { McpFunctionOptions } from '../server-function';

/**
 * The Cognito user pool in which users sign in.
 */
export interface McpLoginCognitoOptions {
  /**
   * An existing pool, with a domain: without one it has no page to sign in. A client is added to it.
   *
   * @default - a new pool with a domain, in which only administrators sign users up
   */
  readonly userPool?: cognito.IUserPool;

  /**
   * The first label of the new pool's domain. It has to be free in the region.
   *
   * @default - one that is made of the ids of the stack and of the server
   */
  readonly domainPrefix?: string;

  /**
   * What happens to the new pool, and to its users, when it is removed from the stack.
   *
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Whether the new pool is protected from deletion.
   *
   * @default false
   */
  readonly deletionProtection?: boolean;
}

/**
 * A provider of OAuth 2.0 that is no OpenID provider, such as GitHub.
 */
export interface McpLoginOAuth2Options {
  /**
   * The authorization endpoint, such as `https://github.com/login/oauth/authorize`.
   */
  readonly authorizeUrl: string;

  /**
   * The token endpoint, such as `https://github.com/login/oauth/access_token`.
   */
  readonly tokenUrl: string;

  /**
   * The URL that answers who the user of a token is, as JSON with `sub` or `id`, such as `https://api.github.com/user`.
   */
  readonly userUrl: string;
}

/**
 * Keys of AWS KMS that sign access tokens.
 */
export interface McpLoginKmsSigningOptions {
  /**
   * Existing keys, up to four, with the key spec `ECC_NIST_P256` and the usage `SIGN_VERIFY`. The first signs; what the others have
   * signed stays valid.
   *
   * @default - a new key
   */
  readonly keys?: kms.IKey[];
}

/**
 * Where users sign in, and what MCP clients get for it. One of `cognito`, `issuer` and `oauth2` is required.
 */
export interface McpLoginOptions extends McpAccessLogOptions {
  /**
   * A Cognito user pool: `{}` for a new one.
   *
   * @default - none
   */
  readonly cognito?: McpLoginCognitoOptions;

  /**
   * The issuer of an OpenID provider, as in its metadata, such as `https://accounts.google.com`.
   *
   * @default - none
   */
  readonly issuer?: string;

  /**
   * The endpoints of a provider of OAuth 2.0 without OpenID Connect.
   *
   * @default - none
   */
  readonly oauth2?: McpLoginOAuth2Options;

  /**
   * The id of the client that you have registered at the provider, with the URL `<issuer of the login>/callback`. Required
   * with `issuer` and `oauth2`.
   *
   * @default - with `cognito`: a new client
   */
  readonly clientId?: string;

  /**
   * The secret of that client.
   *
   * @default - none: a public client with PKCE
   */
  readonly clientSecret?: secretsmanager.ISecret;

  /**
   * The scopes that the provider is asked for.
   *
   * @default - `openid`, `email` and `profile`; none with `oauth2`
   */
  readonly upstreamScopes?: string[];

  /**
   * Parameters, by their names, that the request at which users sign in has besides.
   *
   * @default - none; with `upstreamTokens` at Google: `access_type=offline` and `prompt=consent`, for a refresh token
   */
  readonly upstreamParameters?: { [name: string]: string };

  /**
   * The scopes that MCP clients may be granted. Tools can need one of them: `MCP_TOOL_SCOPES`.
   *
   * @default - `mcp`
   */
  readonly scopes?: string[];

  /**
   * How long an access token is valid. It is at most an hour: it cannot be revoked.
   *
   * @default Duration.minutes(10)
   */
  readonly accessTokenLifetime?: Duration;

  /**
   * How long a client can get new access tokens without its user. Each use of a refresh token replaces it.
   *
   * @default Duration.days(30)
   */
  readonly refreshTokenLifetime?: Duration;

  /**
   * How many clients can be registered in a minute, of all addresses together.
   *
   * @default - the program's own, 300; half of them of one address
   */
  readonly registrationsPerMinute?: number;

  /**
   * Whether the provider's tokens of a user are kept, sealed with a key of their own, so that a tool can act as the user:
   * `context.upstream_token()`. The server may then read them, and the key; the login refreshes them.
   *
   * @default false
   */
  readonly upstreamTokens?: boolean;

  /**
   * Keys of AWS KMS that sign access tokens (ES256), in place of `keys`, which still seal: `{}` for a new key. Only the function of
   * the login may use it, and no program can read it.
   *
   * @default - the secret of `keys` signs (EdDSA)
   */
  readonly kmsSigning?: McpLoginKmsSigningOptions;

  /**
   * A secret with the keys of which tokens and cookies are made: one text of 43 characters or more without a colon, or `id:base64`
   * pairs separated by commas, of which the first signs. The login reads it while it runs, and accepts what the previous version
   * has signed.
   *
   * @default - a new secret
   */
  readonly keys?: secretsmanager.ISecret;

  /**
   * How often Secrets Manager makes a new version of the secret, and of that of `upstreamTokens`, from 4 hours to 999 days. With the second one, users sign in again: it
   * should not be shorter than `refreshTokenLifetime`. It does not apply to `keys`.
   *
   * @default - never
   */
  readonly keyRotation?: Duration;

  /**
   * A custom domain of the login, with which its issuer does not depend on the API.
   *
   * @default - the API's own URL
   */
  readonly domain?: McpDomainOptions;

  /**
   * The steady-state rate limit of the login, in requests per second of all callers together.
   *
   * @default 50
   */
  readonly throttlingRateLimit?: number;

  /**
   * The burst limit of the login.
   *
   * @default 100
   */
  readonly throttlingBurstLimit?: number;

  /**
   * Options of the login function.
   *
   * @default - 256 MiB, 20 seconds, no reserved concurrency
   */
  readonly functionOptions?: McpFunctionOptions;
}
