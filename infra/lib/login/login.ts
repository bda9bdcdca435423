import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type * as cognito from 'aws-cdk-lib/aws-cognito';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { HTTP_API_FIELDS, createAccessLog } from '../endpoint/access-log';
import { createHttpApi } from '../endpoint/created-http-api';
import { commaList, variables, type Variables } from '../private/environment';
import { expectFindings } from '../private/findings';
import { arnOf, createKeySecret } from '../private/key-secret';
import type { AliasedFunction } from '../server-function';
import type { McpLoginOptions } from './login-options';
import { providerOf, type Provider } from './provider';

const RATE_LIMIT = 50;
const BURST_LIMIT = 100;

/**
 * The authorization server of an MCP server: its HTTP API, its function and the secret with its keys. `McpAuth.login()`
 * creates it.
 */
export class McpLogin extends Construct {
  /**
   * Creates the login of a server, without its function, which needs the URL of the server.
   *
   * @internal
   */
  public static _of(server: Construct, options: McpLoginOptions, encryptionKey?: kms.IKey): McpLogin {
    return new McpLogin(server, options, encryptionKey);
  }

  /**
   * The issuer of the tokens: the URL of the login, without a path.
   */
  public readonly issuer: string;

  /**
   * The audience of the tokens, by which the server knows those for it.
   */
  public readonly audience: string;

  /**
   * The URL to register at the provider, to which it sends users back.
   */
  public readonly callbackUrl: string;

  /**
   * The HTTP API of the login.
   */
  public readonly httpApi: apigw.HttpApi;

  /**
   * The secret with the keys of which tokens and cookies are made.
   */
  public readonly keys: secretsmanager.ISecret;

  /**
   * The keys of AWS KMS that sign access tokens, the one that signs first; none without `kmsSigning`.
   */
  public readonly signingKeys: kms.IKey[];

  /**
   * The secret with the key of the provider's tokens, with `upstreamTokens`.
   */
  public readonly upstreamKeys?: secretsmanager.ISecret;

  /**
   * The user pool, with `cognito`.
   */
  public readonly userPool?: cognito.IUserPool;

  /**
   * The log group of the API's access log.
   */
  public readonly accessLogGroup?: logs.ILogGroupRef;

  /** @internal */
  public readonly _options: McpLoginOptions;
  private readonly provider: Provider;
  private serving?: AliasedFunction;

  private constructor(server: Construct, options: McpLoginOptions, encryptionKey: kms.IKey | undefined) {
    super(server, 'Login');
    this._options = options;
    const accessLog = createAccessLog(this, options, HTTP_API_FIELDS, encryptionKey);
    if (accessLog) this.accessLogGroup = accessLog.group;
    this.httpApi = createHttpApi(
      this,
      {
        throttlingRateLimit: options.throttlingRateLimit ?? RATE_LIMIT,
        throttlingBurstLimit: options.throttlingBurstLimit ?? BURST_LIMIT,
        ...(options.domain && { domain: options.domain }),
      },
      accessLog,
    );
    const { region, urlSuffix } = Stack.of(this);
    const host = options.domain?.domainName ?? `${this.httpApi.apiId}.execute-api.${region}.${urlSuffix}`;
    this.issuer = `https://${host}`;
    this.audience = `${this.issuer}/mcp`;
    this.callbackUrl = `${this.issuer}/callback`;
    this.keys =
      options.keys ??
      createKeySecret(this, 'Keys', {
        description: 'Signs the tokens of the login of the MCP server',
        encryptionKey,
        rotation: options.keyRotation,
        rotatedBy: 'auth.keyRotation',
      });
    this.signingKeys = options.kmsSigning ? (options.kmsSigning.keys ?? [this.createSigningKey()]) : [];
    if (options.upstreamTokens) {
      this.upstreamKeys = createKeySecret(this, 'UpstreamKeys', {
        description: "Seals the provider's tokens of the users of the MCP server",
        encryptionKey,
        rotation: options.keyRotation,
        rotatedBy: 'auth.keyRotation',
      });
    }
    this.provider = providerOf(server, this, this.callbackUrl, options);
    if (this.provider.userPool) this.userPool = this.provider.userPool;
  }

  /**
   * The function that serves the login.
   */
  public get function(): lambda.Function {
    return this.served.function;
  }

  /**
   * The alias of it that the API invokes.
   */
  public get alias(): lambda.Alias {
    return this.served.alias;
  }

  /** A key that can be replaced at any time: what it has signed is valid for minutes. */
  private createSigningKey(): kms.Key {
    return new kms.Key(this, 'SigningKey', {
      description: 'Signs the access tokens of the login of the MCP server',
      keySpec: kms.KeySpec.ECC_NIST_P256,
      keyUsage: kms.KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  /** The variables of the login, without those of the provider. */
  private settings(urls: string[]): Variables {
    const { scopes, accessTokenLifetime, refreshTokenLifetime, registrationsPerMinute } = this._options;
    return variables({
      loginIssuer: this.issuer,
      loginResources: commaList(urls),
      loginAudience: this.audience,
      loginKeys: arnOf(this.keys),
      loginSigningKeys: commaList(this.signingKeys.map(key => key.keyArn)),
      loginScopes: commaList(scopes ?? ['mcp']),
      loginAccessTokenSeconds: accessTokenLifetime?.toSeconds(),
      loginRefreshTokenSeconds: refreshTokenLifetime?.toSeconds(),
      loginRegistrationsPerMinute: registrationsPerMinute,
      ...this.upstreamTokens,
    });
  }

  /** What the login and the server need to know of the provider's tokens. */
  private get upstreamTokens() {
    return this.upstreamKeys && { loginUpstreamTokens: 'on', loginUpstreamKeys: arnOf(this.upstreamKeys) };
  }

  private get served(): AliasedFunction {
    if (!this.serving) throw new Error('the function of the login is created with the server');
    return this.serving;
  }

  /**
   * What the server needs to know to check the tokens.
   *
   * @internal
   */
  public get _environmentOfServer(): Variables {
    const jwtAlgorithms = this.signingKeys.length > 0 ? 'ES256' : 'EdDSA';
    return variables({ auth: 'jwt', jwtIssuer: this.issuer, jwtAudience: this.audience, jwtAlgorithms });
  }

  /**
   * What the server and workers need to know to find the provider's tokens of a caller.
   *
   * @internal
   */
  public get _environmentOfTools(): Variables {
    return this.upstreamTokens ? variables({ loginIssuer: this.issuer, ...this.upstreamTokens }) : {};
  }

  /**
   * What the function needs to know. `urls` are those of the server.
   *
   * @internal
   */
  public _environment(urls: string[]): Variables {
    return { ...variables({ role: 'login' }), ...this.settings(urls), ...this.provider.environment };
  }

  /**
   * Makes the API invoke the function.
   *
   * @internal
   */
  public _serve(serving: AliasedFunction): void {
    this.serving = serving;
    const route = new apigw.HttpRoute(this, 'Route', {
      httpApi: this.httpApi,
      routeKey: apigw.HttpRouteKey.DEFAULT,
      integration: new HttpLambdaIntegration('Integration', serving.alias, { scopePermissionToRoute: false }),
    });
    expectFindings(route, 'users sign in here: the function checks each request', 'AwsSolutions-APIG4');
  }
}
