import type { Duration } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as apigatewayv2 from 'aws-cdk-lib/aws-apigatewayv2';
import type * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { McpAuth } from '../auth/auth';
import type { McpAuthBindOptions, McpAuthConfig } from '../auth/auth-config';
import type { McpCorsOptions } from '../cors';

/**
 * The server that an endpoint invokes. It is also what `auth.bind...()` takes.
 */
export interface McpEndpointBindOptions extends McpAuthBindOptions {
  /**
   * The server's function, for metrics.
   */
  readonly function: lambda.IFunction;

  /**
   * The alias to invoke.
   */
  readonly alias: lambda.Alias;

  /**
   * The path of the MCP endpoint, such as `/mcp`.
   */
  readonly path: string;

  /**
   * How callers are authenticated. The endpoint calls one of its `bind...()` methods, once.
   */
  readonly auth: McpAuth;

  /**
   * The function's timeout.
   */
  readonly timeout: Duration;

  /**
   * The web pages that may call. The server answers preflights: an endpoint that authenticates callers lets `OPTIONS`
   * requests through.
   *
   * @default - none
   */
  readonly cors?: McpCorsOptions;

  /**
   * How the function isolates tenants. With `PER_TENANT` each tenant has environments, sessions and state of its own.
   *
   * @default - not at all
   */
  readonly tenancyConfig?: lambda.TenancyConfig;

  /**
   * The tracing of the server's functions.
   *
   * @default lambda.Tracing.ACTIVE
   */
  readonly tracing?: lambda.Tracing;

  /**
   * Whether the function is attached to a VPC.
   */
  readonly inVpc: boolean;
}

/**
 * Whether the endpoint passes a response on while it is written.
 */
export enum McpResponseMode {
  /**
   * Each part of the response is passed on at once.
   */
  STREAM = 'stream',

  /**
   * The response is passed on when it is complete.
   */
  BUFFERED = 'buffered',
}

/**
 * An endpoint that can be invoked with an IAM permission.
 */
export interface IMcpInvokable {
  /**
   * Grants the permission to invoke the endpoint.
   */
  grantInvoke(grantee: iam.IGrantable): iam.Grant;
}

/**
 * An endpoint that invokes the server.
 */
export interface McpEndpointConfig {
  /**
   * The URL of the MCP endpoint, with its path.
   */
  readonly url: string;

  /**
   * How callers are authenticated: what `auth.bind...()` returned.
   */
  readonly auth: McpAuthConfig;

  /**
   * Host names of the endpoint. They must not depend on the function: they are set in its environment.
   *
   * @default - not set: the server accepts the host names that are routed to it
   */
  readonly allowedHosts?: string[];

  /**
   * The URL that clients use, without the path. It must not depend on the function.
   *
   * @default - not set: the server takes it from each request
   */
  readonly publicUrl?: string;

  /**
   * Whether the endpoint passes a response on while it is written.
   */
  readonly responseMode: McpResponseMode;

  /**
   * The number of requests.
   */
  readonly requests: cloudwatch.Metric;

  /**
   * The number of responses with status 500 and above.
   */
  readonly serverErrors: cloudwatch.Metric;

  /**
   * The Function URL.
   *
   * @default - the endpoint is none
   */
  readonly functionUrl?: lambda.IFunctionUrl;

  /**
   * The CloudFront distribution in front of the Function URL.
   *
   * @default - none
   */
  readonly distribution?: cloudfront.Distribution;

  /**
   * The REST API.
   *
   * @default - the endpoint is none
   */
  readonly restApi?: apigateway.RestApi;

  /**
   * The HTTP API.
   *
   * @default - the endpoint is none
   */
  readonly httpApi?: apigatewayv2.HttpApi;

  /**
   * The log group of the endpoint's access log.
   *
   * @default - the endpoint has no access log
   */
  readonly accessLogGroup?: logs.ILogGroupRef;

  /**
   * The name of the service for which callers sign requests: `lambda` or `execute-api`.
   *
   * @default - callers do not sign
   */
  readonly signingName?: string;

  /**
   * Grants the permission to invoke.
   *
   * @default - no IAM permission is needed: `grants.invoke()` grants nothing
   */
  readonly invokable?: IMcpInvokable;
}
