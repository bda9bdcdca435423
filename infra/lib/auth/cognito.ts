import type { RemovalPolicy } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import type { Construct } from 'constructs';
import { addWarning } from '../private/findings';
import { fail } from '../private/validation';
import type { McpTokenRules } from './auth-config';
import { checkRegion, createUserPool } from './user-pool';

/**
 * The Cognito user pool that issues the access tokens.
 */
export interface McpCognitoOptions {
  /**
   * An existing pool. `userPoolClients` must be given with it.
   *
   * @default - a new pool, in which only administrators sign users up
   */
  readonly userPool?: cognito.IUserPool;

  /**
   * The clients of the existing pool: tokens of other clients are refused.
   *
   * @default - one new client
   */
  readonly userPoolClients?: cognito.IUserPoolClient[];

  /**
   * Scopes that every token must have.
   *
   * @default - `mcp/invoke` of a new resource server; none with an existing pool
   */
  readonly scopes?: string[];

  /**
   * The first label of the new pool's sign-in domain.
   *
   * @default - no domain: add one to `userPool` before users can sign in
   */
  readonly domainPrefix?: string;

  /**
   * Callback URLs of the new client.
   *
   * @default - `http://localhost`, for MCP clients on the user's own machine
   */
  readonly callbackUrls?: string[];

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

export function checkCognito(options: McpCognitoOptions): void {
  if (options.userPool && !options.userPoolClients?.length) {
    const rule = "must name clients of 'auth.userPool': tokens of other clients are refused";
    fail('auth.userPoolClients', options.userPoolClients, rule, 'use UserPoolClient.fromUserPoolClientId()');
  }
  if (!options.userPool && options.userPoolClients) {
    fail('auth.userPool', undefined, "must be given where 'auth.userPoolClients' is", 'give both or neither');
  }
  for (const name of ['domainPrefix', 'callbackUrls', 'removalPolicy', 'deletionProtection'] as const) {
    if (!options.userPool || options[name] === undefined) continue;
    const rule = "does not apply to an existing 'auth.userPool'";
    fail(`auth.${name}`, options[name], rule, 'set it where the pool is defined');
  }
}

/** The tokens of the existing pool, or of a pool that is created here. */
export function cognitoTokens(
  scope: Construct,
  options: McpCognitoOptions,
): { rules: McpTokenRules; userPool: cognito.IUserPool } {
  const { userPool, userPoolClients } = options;
  if (userPool && userPoolClients) {
    return { rules: rulesOf(scope, userPool, userPoolClients, options.scopes ?? []), userPool };
  }
  const created = createPool(scope, options);
  const rules = rulesOf(scope, created.userPool, [created.client], options.scopes ?? [created.scope]);
  return { rules, userPool: created.userPool };
}

function rulesOf(
  scope: Construct,
  userPool: cognito.IUserPool,
  clients: cognito.IUserPoolClient[],
  scopes: string[],
): McpTokenRules {
  checkRegion(scope, userPool);
  // Not from the stack's region: the pool may be of another one.
  const issuer = `https://${userPool.userPoolProviderName}`;
  return { issuer, audience: clients.map(client => client.userPoolClientId), scopes };
}

interface CreatedPool {
  readonly userPool: cognito.UserPool;
  readonly client: cognito.UserPoolClient;
  readonly scope: string;
}

function createPool(scope: Construct, options: McpCognitoOptions): CreatedPool {
  const userPool = createUserPool(scope, options);
  const invoke = new cognito.ResourceServerScope({ scopeName: 'invoke', scopeDescription: 'Call the MCP server' });
  const resource = userPool.addResourceServer('ResourceServer', { identifier: 'mcp', scopes: [invoke] });
  const client = userPool.addClient('Client', {
    oAuth: {
      flows: { authorizationCodeGrant: true },
      scopes: [cognito.OAuthScope.OPENID, cognito.OAuthScope.resourceServer(resource, invoke)],
      callbackUrls: options.callbackUrls ?? ['http://localhost'],
    },
  });
  if (options.domainPrefix === undefined) {
    const problem = 'users cannot sign in: the user pool has no domain';
    addWarning(scope, 'cognito-without-domain', `${problem}; set 'auth.domainPrefix', or add one to server.userPool`);
  } else {
    userPool.addDomain('Domain', { cognitoDomain: { domainPrefix: options.domainPrefix } });
  }
  return { userPool, client, scope: 'mcp/invoke' };
}
