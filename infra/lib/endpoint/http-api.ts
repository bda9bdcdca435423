import { Stack, type Duration } from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { McpHttpApiAuthConfig } from '../auth/auth-config';
import { expectFindings } from '../private/findings';
import { checkAll, fail, seconds } from '../private/validation';
import { HTTP_API_FIELDS, checkAccessLog, createAccessLog } from './access-log';
import { DEFAULT_STAGE, HTTP_API_MAX_TIMEOUT, createHttpApi } from './created-http-api';
import { warnOfMissingDomain } from './domain';
import { McpResponseMode, type McpEndpointBindOptions, type McpEndpointConfig } from './endpoint-config';
import type { McpHttpApiOptions } from './endpoint-options';
import { metadataPaths } from './metadata-paths';

/** An HTTP API checks tokens and signatures, and buffers responses. */
export function bindHttpApi(api: McpHttpApiOptions, options: McpEndpointBindOptions): McpEndpointConfig {
  checkHttpApi(api, options);
  const auth = options.auth.bindToHttpApi(options);
  const accessLog = createAccessLog(options.scope, api, HTTP_API_FIELDS, options.encryptionKey);
  const httpApi = createHttpApi(options.scope, api, accessLog);
  const routes = addRoutes(httpApi, options, auth);
  const { region, urlSuffix } = Stack.of(options.scope);
  const host = api.domain?.domainName ?? `${httpApi.apiId}.execute-api.${region}.${urlSuffix}`;
  const publicUrl = api.domain || isDefaultStage(api) ? `https://${host}` : `https://${host}/${api.stageName}`;
  if (auth.bearerTokens && !api.domain && !isDefaultStage(api)) warnOfMissingDomain(options.scope);
  return {
    url: `${publicUrl}${options.path}`,
    auth,
    allowedHosts: [host],
    publicUrl,
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
    () => checkStageName(api.stageName),
    () => checkTimeout(timeout),
  );
}

function isDefaultStage({ stageName }: McpHttpApiOptions): boolean {
  return (stageName ?? DEFAULT_STAGE) === DEFAULT_STAGE;
}

function checkStageName(name: string | undefined): void {
  if (name === undefined || name === DEFAULT_STAGE || /^[A-Za-z0-9_-]{1,128}$/.test(name)) return;
  const rule = "must be '$default' or letters, digits, - and _";
  fail('endpoint.stageName', name, rule, 'leave it out for a URL without a stage');
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
