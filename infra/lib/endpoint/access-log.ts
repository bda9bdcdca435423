import { RemovalPolicy } from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigateway';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { fail } from '../private/validation';

/**
 * The access log of an API: one line of JSON for each request, also for those that the function never sees.
 */
export interface McpAccessLogOptions {
  /**
   * Whether API Gateway logs each request.
   *
   * @default true
   */
  readonly accessLog?: boolean;

  /**
   * The log group of the access log.
   *
   * @default - a new log group that keeps logs for a month
   */
  readonly accessLogGroup?: logs.ILogGroupRef;

  /**
   * The format of a line.
   *
   * @default - JSON with the request ids of API Gateway and of Lambda, method, route, status, latencies, size and the
   * kind of an error; nothing about who called
   */
  readonly accessLogFormat?: apigw.AccessLogFormat;
}

/** What a stage needs to write the access log. */
export interface AccessLog {
  readonly group: logs.ILogGroupRef;
  readonly format: apigw.AccessLogFormat;
}

/**
 * Fields of both kinds of API. None is about the caller: no address, no agent, no principal, no path as the client wrote
 * it. `functionRequestId` is the id in the function's own log.
 */
const FIELDS = {
  time: '$context.requestTime',
  requestId: '$context.requestId',
  functionRequestId: '$context.integration.requestId',
  method: '$context.httpMethod',
  status: '$context.status',
  functionStatus: '$context.integration.status',
  latency: '$context.responseLatency',
  functionLatency: '$context.integrationLatency',
  bytes: '$context.responseLength',
  error: '$context.error.responseType',
};

/** An HTTP API has no X-Ray tracing, and no streams. */
export const HTTP_API_FIELDS = { ...FIELDS, route: '$context.routeKey' };

/** The time to the first byte: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-streaming-troubleshoot.html */
export const REST_API_FIELDS = {
  ...FIELDS,
  route: '$context.resourcePath',
  timeToFirstContent: '$context.integration.timeToFirstContent',
  traceId: '$context.xrayTraceId',
};

/** The reason for cdk-nag's findings where there is no access log. */
export const NO_ACCESS_LOG = "the app has switched the access log off with 'endpoint.accessLog'";

/** The access log of an API, unless it is switched off. */
export function createAccessLog(
  scope: Construct,
  options: McpAccessLogOptions,
  fields: { readonly [name: string]: string },
  encryptionKey: kms.IKey | undefined,
): AccessLog | undefined {
  if (options.accessLog === false) return undefined;
  return {
    group: options.accessLogGroup ?? createLogGroup(scope, encryptionKey),
    format: options.accessLogFormat ?? apigw.AccessLogFormat.custom(JSON.stringify(fields)),
  };
}

/** `of` is the property of which the options are a part. */
export function checkAccessLog(options: McpAccessLogOptions, of = 'endpoint'): void {
  for (const name of ['accessLogGroup', 'accessLogFormat'] as const) {
    if (options[name] === undefined || options.accessLog !== false) continue;
    const rule = `does not apply where '${of}.accessLog' is false`;
    fail(`${of}.${name}`, '{...}', rule, 'leave one of them out');
  }
}

function createLogGroup(scope: Construct, encryptionKey: kms.IKey | undefined): logs.LogGroup {
  // A second API of the server has a log group of its own.
  return new logs.LogGroup(scope, scope.node.tryFindChild('AccessLogs') ? 'AdditionalAccessLogs' : 'AccessLogs', {
    ...(encryptionKey && { encryptionKey }),
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
