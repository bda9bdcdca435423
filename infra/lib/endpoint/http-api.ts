import { Duration, Names, Stack } from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { McpHttpApiAuthConfig } from '../auth/auth-config';
import { expectFindings } from '../private/findings';
import { checkAll, fail, seconds } from '../private/validation';
import { HTTP_API_FIELDS, NO_ACCESS_LOG, checkAccessLog, createAccessLog, type AccessLog } from './access-log';
import { McpResponseMode, type McpEndpointBindOptions, type McpEndpointConfig } from './endpoint-config';
import type { McpHttpApiOptions } from './endpoint-options';
import { metadataPaths } from './metadata-paths';

/** The integration timeout of an HTTP API: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
export const HTTP_API_MAX_TIMEOUT = Duration.seconds(30);

/** An HTTP API checks tokens and signatures, and buffers responses. */
export function bindHttpApi(api: McpHttpApiOptions, options: McpEndpointBindOptions): McpEndpointConfig {
  checkHttpApi(api, options);
  const auth = options.auth.bindToHttpApi(options);
  const accessLog = createAccessLog(options.scope, api, HTTP_API_FIELDS, options.encryptionKey);
  const httpApi = createApi(api, options, accessLog);
  const routes = addRoutes(httpApi, options, auth);
  const { region, urlSuffix } = Stack.of(options.scope);
  const host = `${httpApi.apiId}.execute-api.${region}.${urlSuffix}`;
  return {
    url: `https://${host}${options.path}`,
    auth,
    allowedHosts: [host],
    publicUrl: `https://${host}`,
    httpApi,
    responseMode: McpResponseMode.BUFFERED,
    requests: httpApi.metricCount({ statistic: 'Sum' }),
    serverErrors: httpApi.metricServerError({ statistic: 'Sum' }),
    ...(accessLog && { accessLogGroup: accessLog.group }),
    ...(auth.iamPermission && { signingName: 'execute-api', invokable: { grantInvoke: grantee => grantRoutes(routes, grantee) } }),
  };
}

export function checkHttpApi(
  api: McpHttpApiOptions,
  { timeout }: Pick<McpEndpointBindOptions, 'timeout'>,
): void {
  checkAll(
    () => checkAccessLog(api),
    () => checkStreaming(api),
    () => checkTimeout(timeout),
  );
}

function checkStreaming(api: McpHttpApiOptions): void {
  if (!api.streaming) return;
  const rule = 'cannot be true: an HTTP API buffers responses';
  fail('endpoint.streaming', true, rule, 'use McpEndpoint.functionUrl() or McpEndpoint.restApi()');
}

function checkTimeout(timeout: Duration): void {
  const limit = HTTP_API_MAX_TIMEOUT.toSeconds();
  if ((seconds(timeout) ?? 0) <= limit) return;
  const rule = `must be at most ${limit} seconds behind an HTTP API, which waits no longer`;
  fail('timeout', timeout, rule, 'shorten it or use McpEndpoint.restApi()');
}

function createApi(
  api: McpHttpApiOptions,
  { scope }: McpEndpointBindOptions,
  accessLog: AccessLog | undefined,
): apigw.HttpApi {
  const httpApi = new apigw.HttpApi(scope, 'HttpApi', {
    apiName: Names.uniqueResourceName(scope, { maxLength: 128, separator: '-' }),
    createDefaultStage: false,
  });
  const stage = httpApi.addStage('Stage', {
    stageName: '$default',
    autoDeploy: true,
    throttle: { rateLimit: api.throttlingRateLimit ?? 1000, burstLimit: api.throttlingBurstLimit ?? 2000 },
    ...(accessLog && {
      accessLogSettings: {
        destination: new apigw.LogGroupLogDestination(accessLog.group),
        format: accessLog.format,
      },
    }),
  });
  if (!accessLog) expectFindings(stage, NO_ACCESS_LOG, 'AwsSolutions-APIG1', 'Serverless-APIGWAccessLogging');
  return httpApi;
}

/** The routes of the MCP endpoint, which have the authorizer. Metadata and preflights are requested without a token. */
function addRoutes(
  httpApi: apigw.HttpApi,
  { alias, path, cors }: McpEndpointBindOptions,
  { authorizer, bearerTokens }: McpHttpApiAuthConfig,
): apigw.HttpRoute[] {
  const integration = new HttpLambdaIntegration('Integration', alias, { scopePermissionToRoute: false });
  const { GET, POST, DELETE, OPTIONS } = apigw.HttpMethod;
  const routes = httpApi.addRoutes({
    path,
    methods: [GET, POST, DELETE],
    integration,
    ...(authorizer && { authorizer }),
  });
  const open = (bearerTokens ? metadataPaths(path) : []).flatMap(it =>
    httpApi.addRoutes({ path: it, methods: [GET], integration }),
  );
  if (cors) open.push(...httpApi.addRoutes({ path, methods: [OPTIONS], integration }));
  for (const route of open) {
    expectFindings(route, 'metadata and preflights are requested without a token', 'AwsSolutions-APIG4');
  }
  for (const route of authorizer ? [] : routes) {
    expectFindings(route, "the chosen 'auth' lets every request through to the server", 'AwsSolutions-APIG4');
  }
  return routes;
}

function grantRoutes(routes: apigw.HttpRoute[], grantee: iam.IGrantable): iam.Grant {
  return routes.map(route => route.grantInvoke(grantee)).reduce((all, one) => all.combine(one));
}
