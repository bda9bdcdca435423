import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as apigatewayv2 from 'aws-cdk-lib/aws-apigatewayv2';
import type * as cognito from 'aws-cdk-lib/aws-cognito';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { McpLogin } from '../login/login';

/**
 * The tokens that are accepted.
 */
export interface McpTokenRules {
  /**
   * The issuer, as in the claim `iss`.
   */
  readonly issuer: string;

  /**
   * Accepted audiences: the claim `aud`, or `client_id` if the issuer is Cognito. One of them is enough.
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
 * Creates the function that checks tokens for API Gateway.
 */
export interface IMcpTokenAuthorizerFactory {
  /**
   * Creates the server's program as a Lambda authorizer that accepts the tokens of these rules. A server has one: call
   * it once.
   */
  createTokenAuthorizer(rules: McpTokenRules): lambda.IFunction;
}

/**
 * Options for binding an auth to an endpoint.
 */
export interface McpAuthBindOptions {
  /**
   * The scope for resources that the auth creates.
   */
  readonly scope: Construct;

  /**
   * Creates the function that checks tokens for API Gateway, if the auth needs one.
   */
  readonly tokenAuthorizers: IMcpTokenAuthorizerFactory;

  /**
   * The KMS key of what the auth creates and stores something.
   *
   * @default - keys of AWS
   */
  readonly encryptionKey?: kms.IKey;
}

/**
 * How callers are authenticated, as the endpoint and the server need to know it.
 */
export interface McpAuthConfig {
  /**
   * Environment variables of the server: `MCP_AUTH` and `MCP_JWT_*`.
   *
   * @default - none: the server serves every caller that the endpoint lets through
   */
  readonly environment?: { [name: string]: string };

  /**
   * Whether callers present OAuth bearer tokens. The endpoint then serves the OAuth metadata of the server without
   * authentication, so that clients learn where to get a token.
   *
   * @default false
   */
  readonly bearerTokens?: boolean;

  /**
   * Whether callers need the IAM permission to invoke the endpoint, which `grants.invoke()` grants.
   *
   * @default false
   */
  readonly iamPermission?: boolean;

  /**
   * The user pool that issues the tokens.
   *
   * @default - none
   */
  readonly userPool?: cognito.IUserPool;

  /**
   * The authorization server that was created for the server, which serves its requests once the URL of the server is known.
   *
   * @default - none
   */
  readonly login?: McpLogin;
}

/**
 * How callers of a Function URL are authenticated.
 */
export interface McpFunctionUrlAuthConfig extends McpAuthConfig {
  /**
   * What the Function URL checks.
   */
  readonly authType: lambda.FunctionUrlAuthType;
}

/**
 * How callers of a REST API are authenticated.
 */
export interface McpRestApiAuthConfig extends McpAuthConfig {
  /**
   * What the API checks.
   */
  readonly authorizationType: apigateway.AuthorizationType;

  /**
   * The authorizer of the API's methods.
   *
   * @default - none
   */
  readonly authorizer?: apigateway.IAuthorizer;
}

/**
 * How callers of an HTTP API are authenticated.
 */
export interface McpHttpApiAuthConfig extends McpAuthConfig {
  /**
   * The authorizer of the API's routes.
   *
   * @default - none: every request is let through to the server
   */
  readonly authorizer?: apigatewayv2.IHttpRouteAuthorizer;
}
