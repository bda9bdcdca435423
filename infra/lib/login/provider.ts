import { Aws, Fn } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import type { Construct } from 'constructs';
import { checkRegion, createUserPool } from '../auth/user-pool';
import { commaList, variables, type Variables } from '../private/environment';
import { arnOf } from '../private/key-secret';
import type { McpLoginCognitoOptions, McpLoginOptions } from './login-options';

/** Where users sign in. */
export interface Provider {
  /** What the login function needs to know of it. */
  readonly environment: Variables;
  readonly userPool?: cognito.IUserPool;
}

const SCOPES = ['openid', 'email', 'profile'];

/** https://developers.google.com/identity/protocols/oauth2/web-server#offline (2026-11-28) */
const GOOGLE = 'https://accounts.google.com';
const OFFLINE = { access_type: 'offline', prompt: 'consent' };

/** The provider of the options. `server` is the scope of a new user pool, `login` that of its client. */
export function providerOf(server: Construct, login: Construct, callbackUrl: string, options: McpLoginOptions): Provider {
  const provider = providerWithoutParameters(server, login, callbackUrl, options);
  const offline = options.upstreamTokens && options.issuer === GOOGLE ? OFFLINE : {};
  const pairs = Object.entries(options.upstreamParameters ?? offline).map(([name, value]) => `${name}=${value}`);
  const environment = { ...provider.environment, ...variables({ loginUpstreamParameters: commaList(pairs) }) };
  return { ...provider, environment };
}

function providerWithoutParameters(
  server: Construct,
  login: Construct,
  callbackUrl: string,
  options: McpLoginOptions,
): Provider {
  const { cognito: pool, oauth2, upstreamScopes } = options;
  if (pool) return cognitoProvider(server, login, callbackUrl, pool, upstreamScopes ?? SCOPES);
  const client = {
    loginUpstreamClientId: options.clientId,
    loginUpstreamClientSecret: options.clientSecret && arnOf(options.clientSecret),
  };
  if (oauth2) {
    return {
      environment: variables({
        ...client,
        loginUpstream: 'oauth2',
        loginUpstreamAuthorizeUrl: oauth2.authorizeUrl,
        loginUpstreamTokenUrl: oauth2.tokenUrl,
        loginUpstreamUserUrl: oauth2.userUrl,
        loginUpstreamScopes: commaList(upstreamScopes),
      }),
    };
  }
  return {
    environment: variables({
      ...client,
      loginUpstream: 'oidc',
      loginUpstreamIssuer: options.issuer,
      loginUpstreamScopes: commaList(upstreamScopes ?? SCOPES),
    }),
  };
}

function cognitoProvider(
  server: Construct,
  login: Construct,
  callbackUrl: string,
  options: McpLoginCognitoOptions,
  scopes: string[],
): Provider {
  const userPool = options.userPool ?? createPoolWithDomain(server, options);
  checkRegion(server, userPool, 'auth.cognito.userPool');
  const client = new cognito.UserPoolClient(login, 'UserPoolClient', {
    userPool,
    generateSecret: false,
    preventUserExistenceErrors: true,
    oAuth: {
      flows: { authorizationCodeGrant: true },
      scopes: scopes.map(scope => cognito.OAuthScope.custom(scope)),
      callbackUrls: [callbackUrl],
    },
  });
  // Without a style, managed login answers that it is not available:
  // https://docs.aws.amazon.com/cognito/latest/developerguide/managed-login-branding.html (2026-11-28)
  if (!options.userPool) {
    new cognito.CfnManagedLoginBranding(login, 'Branding', {
      userPoolId: userPool.userPoolId,
      clientId: client.userPoolClientId,
      useCognitoProvidedValues: true,
    });
  }
  return {
    userPool,
    environment: variables({
      loginUpstream: 'oidc',
      // Not from the stack's region: the pool may be of another one.
      loginUpstreamIssuer: `https://${userPool.userPoolProviderName}`,
      loginUpstreamClientId: client.userPoolClientId,
      loginUpstreamScopes: commaList(scopes),
    }),
  };
}

function createPoolWithDomain(scope: Construct, options: McpLoginCognitoOptions): cognito.UserPool {
  const userPool = createUserPool(scope, options);
  userPool.addDomain('Domain', {
    cognitoDomain: { domainPrefix: options.domainPrefix ?? freePrefix(scope) },
    managedLoginVersion: cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
  });
  return userPool;
}

/**
 * A prefix that no other stack has: the last group of the stack's UUID, and a hash of the server's path for the other servers
 * of the stack. It has hexadecimal digits only, so that none of the words is in it that Cognito reserves.
 */
function freePrefix(scope: Construct): string {
  const uuid = Fn.select(2, Fn.split('/', Aws.STACK_ID));
  return Fn.join('-', ['mcp', scope.node.addr.slice(-8), Fn.select(4, Fn.split('-', uuid))]);
}
