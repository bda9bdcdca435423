import { Stack } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { explain } from './findings';
import { refuse } from './validation';

/**
 * Tokens of an OpenID Connect or OAuth 2.0 issuer.
 */
export interface McpJwtProps {
  /**
   * The issuer, as tokens name it in `iss`.
   */
  readonly issuer: string;

  /**
   * What tokens must be meant for (`aud`, or `client_id` where the issuer is Cognito). One of them is enough.
   */
  readonly audience: string[];

  /**
   * Scopes that every token must have.
   *
   * @default - none
   */
  readonly scopes?: string[];
}

/**
 * A Cognito user pool.
 */
export interface McpCognitoProps {
  /**
   * An existing pool. Goes with `userPoolClients`.
   *
   * @default - a pool of its own, in which only administrators sign people up
   */
  readonly userPool?: cognito.IUserPool;

  /**
   * The clients of that pool whose tokens are taken.
   *
   * @default - one client of its own
   */
  readonly userPoolClients?: cognito.IUserPoolClient[];

  /**
   * Scopes that every token must have.
   *
   * @default - `mcp/invoke` of a resource server of its own; none with an existing pool
   */
  readonly scopes?: string[];

  /**
   * The first label of the pool's own sign-in domain.
   *
   * @default - no domain: add one to `userPool` before people can sign in
   */
  readonly domainPrefix?: string;

  /**
   * Where clients may be sent back to after signing in.
   *
   * @default - `http://localhost`, for clients on the user's own machine
   */
  readonly callbackUrls?: string[];
}

/** Tokens that are taken, wherever the front checks them. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string[];
  readonly scopes: string[];
}

/** What a front has to arrange. */
export type Plan =
  | { readonly kind: 'iam' | 'none' }
  | { readonly kind: 'token'; readonly rules: TokenRules; readonly userPool?: cognito.IUserPool }
  | { readonly kind: 'authorizer'; readonly handler: lambda.IFunction };

/**
 * Who may call.
 */
export abstract class McpAuth {
  /**
   * Callers sign with credentials of AWS (SigV4) and need the permission to invoke: `server.grants.invoke(...)`.
   */
  public static iam(): McpAuth {
    return new Arranged('iam', { kind: 'iam' });
  }

  /**
   * Callers bring a token of an issuer. Where the front cannot check it, the server does.
   */
  public static jwt(props: McpJwtProps): McpAuth {
    if (!/^https:\/\/[^/?#\s]+/.test(props.issuer) && !props.issuer.includes('${Token[')) {
      refuse('auth.issuer', props.issuer, 'must be an https URL', "copy it from the 'issuer' of the issuer's metadata");
    }
    if (props.audience.length === 0) {
      const rule = 'must not be empty: a token for any other service of the issuer would be taken';
      refuse('auth.audience', '[]', rule, "name this server as the issuer's tokens do");
    }
    const rules = { issuer: props.issuer, audience: props.audience, scopes: props.scopes ?? [] };
    return new Arranged('jwt', { kind: 'token', rules });
  }

  /**
   * Callers bring an access token of a Cognito user pool.
   */
  public static cognito(props: McpCognitoProps = {}): McpAuth {
    checkCognito(props);
    return new Cognito(props);
  }

  /**
   * A Lambda function of yours decides, as a request authorizer of a REST API.
   */
  public static lambdaAuthorizer(handler: lambda.IFunction): McpAuth {
    return new Arranged('lambdaAuthorizer', { kind: 'authorizer', handler });
  }

  /**
   * Everybody who knows the URL may call.
   */
  public static none(): McpAuth {
    return new Arranged('none', { kind: 'none' });
  }

  /** As it is written in a program. @internal */
  public abstract readonly _name: string;

  /** @internal */
  public abstract _plan(scope: Construct): Plan;

  protected constructor() {}
}

class Arranged extends McpAuth {
  public constructor(
    /** @internal */
    public readonly _name: string,
    private readonly plan: Plan,
  ) {
    super();
  }

  /** @internal */
  public _plan(): Plan {
    return this.plan;
  }
}

class Cognito extends McpAuth {
  /** @internal */
  public readonly _name = 'cognito';

  public constructor(private readonly props: McpCognitoProps) {
    super();
  }

  /** @internal */
  public _plan(scope: Construct): Plan {
    const { userPool, userPoolClients, scopes } = this.props;
    if (userPool && userPoolClients) {
      return tokensOf(scope, userPool, userPoolClients, scopes ?? []);
    }
    const pool = createPool(scope, this.props);
    return tokensOf(scope, pool.userPool, [pool.client], scopes ?? [pool.scope]);
  }
}

function checkCognito(props: McpCognitoProps): void {
  if (props.userPool && !props.userPoolClients?.length) {
    const rule = "must name the clients of 'auth.userPool' whose tokens are taken";
    refuse('auth.userPoolClients', props.userPoolClients, rule, 'use UserPoolClient.fromUserPoolClientId()');
  }
  if (!props.userPool && props.userPoolClients) {
    refuse('auth.userPool', undefined, "must be given where 'auth.userPoolClients' is", 'give both or neither');
  }
  for (const name of ['domainPrefix', 'callbackUrls'] as const) {
    if (!props.userPool || props[name] === undefined) continue;
    refuse(
      `auth.${name}`,
      props[name],
      "does not apply to an existing 'auth.userPool'",
      'set it where the pool is defined',
    );
  }
}

function tokensOf(
  scope: Construct,
  userPool: cognito.IUserPool,
  clients: cognito.IUserPoolClient[],
  scopes: string[],
): Plan {
  const { region, urlSuffix } = Stack.of(scope);
  const issuer = `https://cognito-idp.${region}.${urlSuffix}/${userPool.userPoolId}`;
  const audience = clients.map(client => client.userPoolClientId);
  return { kind: 'token', rules: { issuer, audience, scopes }, userPool };
}

interface Pool {
  readonly userPool: cognito.UserPool;
  readonly client: cognito.UserPoolClient;
  readonly scope: string;
}

function createPool(scope: Construct, props: McpCognitoProps): Pool {
  const userPool = new cognito.UserPool(scope, 'UserPool', {
    selfSignUpEnabled: false,
    signInAliases: { email: true },
    passwordPolicy: {
      minLength: 12,
      requireDigits: true,
      requireLowercase: true,
      requireUppercase: true,
      requireSymbols: true,
    },
    mfa: cognito.Mfa.REQUIRED,
    mfaSecondFactor: { otp: true, sms: false },
  });
  explain(userPool, 'threat protection belongs to a paid tier: choose it with a pool of your own', 'AwsSolutions-COG8');
  const invoke = new cognito.ResourceServerScope({ scopeName: 'invoke', scopeDescription: 'Call the MCP server' });
  const resource = userPool.addResourceServer('ResourceServer', { identifier: 'mcp', scopes: [invoke] });
  const client = userPool.addClient('Client', {
    oAuth: {
      flows: { authorizationCodeGrant: true },
      scopes: [cognito.OAuthScope.OPENID, cognito.OAuthScope.resourceServer(resource, invoke)],
      callbackUrls: props.callbackUrls ?? ['http://localhost'],
    },
  });
  if (props.domainPrefix !== undefined) {
    userPool.addDomain('Domain', { cognitoDomain: { domainPrefix: props.domainPrefix } });
  }
  return { userPool, client, scope: 'mcp/invoke' };
}
