import { Duration } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import type * as cognito from 'aws-cdk-lib/aws-cognito';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { checkLogin } from '../login/checks';
import { McpLogin } from '../login/login';
import type { McpLoginOptions } from '../login/login-options';
import { commaList, variables, type Variables } from '../private/environment';
import { fail } from '../private/validation';
import type {
  McpAuthBindOptions,
  McpAuthConfig,
  McpFunctionUrlAuthConfig,
  McpHttpApiAuthConfig,
  McpRestApiAuthConfig,
  McpTokenRules,
} from './auth-config';
import { checkCognito, cognitoTokens, type McpCognitoOptions } from './cognito';

/**
 * Tokens of an OpenID Connect or OAuth 2.0 issuer.
 */
export interface McpJwtOptions extends McpTokenRules {}

/**
 * How callers are authenticated.
 *
 * Extend it for a way of your own: `bind()` is all that is needed if the server checks callers, the three others say
 * what an endpoint checks before it invokes the server.
 */
export abstract class McpAuth {
  /**
   * Callers sign requests with AWS credentials (SigV4) and need the permission to invoke: `server.grants.invoke(role)`.
   */
  public static iam(): McpAuth {
    return new IamAuth();
  }

  /**
   * Callers present a token of an issuer. API Gateway checks it; behind a Function URL the server does.
   */
  public static jwt(options: McpJwtOptions): McpAuth {
    checkTokenRules(options);
    return new JwtAuth(options);
  }

  /**
   * Callers present an access token of a Cognito user pool.
   */
  public static cognito(options: McpCognitoOptions = {}): McpAuth {
    checkCognito(options);
    return new CognitoAuth(options);
  }

  /**
   * Users sign in in their browser, at a Cognito user pool or at another provider: an authorization server of this server's
   * own registers MCP clients and gives them their tokens. The server checks the tokens, behind every endpoint.
   */
  public static login(options: McpLoginOptions): McpAuth {
    checkLogin(options);
    return new LoginAuth(options);
  }

  /**
   * A Lambda function of yours decides, as a request authorizer of a REST API.
   */
  public static lambdaAuthorizer(handler: lambda.IFunction): McpAuth {
    return new LambdaAuthorizerAuth(handler);
  }

  /**
   * No authentication: every caller is served.
   */
  public static none(): McpAuth {
    return new NoAuth();
  }

  /**
   * Binds to an endpoint that does not authenticate callers: the server does.
   */
  public abstract bind(options: McpAuthBindOptions): McpAuthConfig;

  /**
   * Binds to a Function URL. Unless overridden, the URL lets every request through to the server.
   */
  public bindToFunctionUrl(options: McpAuthBindOptions): McpFunctionUrlAuthConfig {
    return { ...this.bind(options), authType: lambda.FunctionUrlAuthType.NONE };
  }

  /**
   * Binds to a REST API. Unless overridden, the API lets every request through to the server.
   */
  public bindToRestApi(options: McpAuthBindOptions): McpRestApiAuthConfig {
    return { ...this.bind(options), authorizationType: apigateway.AuthorizationType.NONE };
  }

  /**
   * Binds to an HTTP API. Unless overridden, the API lets every request through to the server.
   */
  public bindToHttpApi(options: McpAuthBindOptions): McpHttpApiAuthConfig {
    return this.bind(options);
  }
}

/** The endpoint has authenticated the caller; the server refuses requests without the endpoint's identity. */
function checkedByGateway(): McpAuthConfig {
  return { environment: variables({ auth: 'gateway' }) };
}

class NoAuth extends McpAuth {
  public bind(): McpAuthConfig {
    return {};
  }
}

class IamAuth extends McpAuth {
  public bind(): McpAuthConfig {
    const rule = 'needs an endpoint that checks signatures: the server does not';
    return fail('auth', 'McpAuth.iam()', rule, 'use McpAuth.jwt(), or an endpoint of McpEndpoint');
  }

  public override bindToFunctionUrl(): McpFunctionUrlAuthConfig {
    return { ...checkedByGateway(), iamPermission: true, authType: lambda.FunctionUrlAuthType.AWS_IAM };
  }

  public override bindToRestApi(): McpRestApiAuthConfig {
    return { ...checkedByGateway(), iamPermission: true, authorizationType: apigateway.AuthorizationType.IAM };
  }

  public override bindToHttpApi(): McpHttpApiAuthConfig {
    return { ...checkedByGateway(), iamPermission: true, authorizer: new HttpIamAuthorizer() };
  }
}

/** The tokens that are accepted, and the user pool that issues them. */
interface Tokens {
  readonly rules: McpTokenRules;
  readonly userPool?: cognito.IUserPool;
}

abstract class TokenAuth extends McpAuth {
  protected abstract tokens(scope: Construct): Tokens;

  public bind({ scope }: McpAuthBindOptions): McpAuthConfig {
    return tokenConfig(this.tokens(scope));
  }

  public override bindToRestApi({ scope, tokenAuthorizers }: McpAuthBindOptions): McpRestApiAuthConfig {
    const tokens = this.tokens(scope);
    const handler = tokenAuthorizers.createTokenAuthorizer(tokens.rules);
    return { ...tokenConfig(tokens), ...requestAuthorizer(scope, handler) };
  }

  public override bindToHttpApi({ scope }: McpAuthBindOptions): McpHttpApiAuthConfig {
    const tokens = this.tokens(scope);
    const { issuer, audience } = tokens.rules;
    return {
      ...tokenConfig(tokens),
      authorizer: new HttpJwtAuthorizer('JwtAuthorizer', issuer, { jwtAudience: audience }),
    };
  }
}

class JwtAuth extends TokenAuth {
  public constructor(private readonly rules: McpTokenRules) {
    super();
  }

  protected tokens(): Tokens {
    return { rules: this.rules };
  }
}

class CognitoAuth extends TokenAuth {
  /** By server: one pool for all of its endpoints. */
  private readonly created = new WeakMap<Construct, Tokens>();

  public constructor(private readonly options: McpCognitoOptions) {
    super();
  }

  protected tokens(scope: Construct): Tokens {
    const tokens = this.created.get(scope) ?? cognitoTokens(scope, this.options);
    this.created.set(scope, tokens);
    return tokens;
  }
}

class LoginAuth extends McpAuth {
  /** By server: one login for all of its endpoints. */
  private readonly created = new WeakMap<Construct, McpLogin>();

  public constructor(private readonly options: McpLoginOptions) {
    super();
  }

  /** No endpoint checks the tokens: an HTTP API cannot verify EdDSA, and clients need the server's own 401 and 403. */
  public bind({ scope, encryptionKey }: McpAuthBindOptions): McpAuthConfig {
    const login = this.created.get(scope) ?? McpLogin._of(scope, this.options, encryptionKey);
    this.created.set(scope, login);
    const { userPool } = login;
    return { environment: login._environmentOfServer, bearerTokens: true, login, ...(userPool && { userPool }) };
  }
}

class LambdaAuthorizerAuth extends McpAuth {
  public constructor(private readonly handler: lambda.IFunction) {
    super();
  }

  public bind(): McpAuthConfig {
    return this.unsupported('needs a REST API, which calls the authorizer');
  }

  public override bindToFunctionUrl(): McpFunctionUrlAuthConfig {
    return this.unsupported('cannot be used with a Function URL, which calls no authorizer');
  }

  public override bindToHttpApi(): McpHttpApiAuthConfig {
    return this.unsupported('cannot be used with an HTTP API: the authorizer reads events of a REST API');
  }

  public override bindToRestApi({ scope }: McpAuthBindOptions): McpRestApiAuthConfig {
    return { ...checkedByGateway(), ...requestAuthorizer(scope, this.handler) };
  }

  private unsupported(rule: string): never {
    return fail('auth', 'McpAuth.lambdaAuthorizer()', rule, 'use McpEndpoint.restApi(), or McpAuth.jwt()');
  }
}

function tokenConfig({ rules, userPool }: Tokens): McpAuthConfig {
  return { environment: tokenVariables(rules), bearerTokens: true, ...(userPool && { userPool }) };
}

/** The rules as the runtime reads them, in the server and in the authorizer. */
export function tokenVariables(rules: McpTokenRules): Variables {
  return variables({
    jwtIssuer: rules.issuer,
    jwtAudience: commaList(rules.audience),
    jwtScopes: commaList(rules.scopes),
  });
}

function requestAuthorizer(scope: Construct, handler: lambda.IFunction) {
  const authorizer = new apigateway.RequestAuthorizer(scope, 'RequestAuthorizer', {
    handler,
    // A request without the header gets 401 from API Gateway itself; a decision is cached for a minute, for all methods.
    identitySources: [apigateway.IdentitySource.header('Authorization')],
    resultsCacheTtl: Duration.minutes(1),
  });
  return { authorizer, authorizationType: apigateway.AuthorizationType.CUSTOM };
}

function checkTokenRules({ issuer, audience }: McpTokenRules): void {
  if (!/^https:\/\/[^/?#\s]+/.test(issuer) && !issuer.includes('${Token[')) {
    fail('auth.issuer', issuer, 'must be an https URL', "copy it from the 'issuer' of the issuer's metadata");
  }
  if (audience.length === 0) {
    const rule = 'must not be empty: tokens for every other service of the issuer would be accepted';
    fail('auth.audience', '[]', rule, "name this server as the issuer's tokens do");
  }
}
