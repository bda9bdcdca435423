import { Duration, Names, Stack } from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { ApiGatewayDomain } from 'aws-cdk-lib/aws-route53-targets';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import type { McpRestApiAuthConfig } from '../auth/auth-config';
import { expectFindings } from '../private/findings';
import { checkAll, fail, seconds } from '../private/validation';
import { NO_ACCESS_LOG, REST_API_FIELDS, checkAccessLog, createAccessLog, type AccessLog } from './access-log';
import { addRecords, warnOfMissingDomain } from './domain';
import { McpResponseMode, type McpEndpointBindOptions, type McpEndpointConfig } from './endpoint-config';
import type { McpDomainOptions, McpRestApiOptions } from './endpoint-options';
import { createManagedRules } from './managed-rules';
import { metadataPaths } from './metadata-paths';

/** The default quota of a buffered integration. Raising it lowers the account's throttling quota. */
const BUFFERED_MAX_TIMEOUT = Duration.seconds(29);
const STREAMED_MAX_TIMEOUT = Duration.minutes(15);

/** The longest a request may take at a REST API with these options. */
export function restApiMaxTimeout(api: McpRestApiOptions): Duration {
  return isStreaming(api) ? STREAMED_MAX_TIMEOUT : BUFFERED_MAX_TIMEOUT;
}

/** A REST API, and how it is reached. */
export interface CreatedRestApi {
  readonly options: McpRestApiOptions;
  readonly restApi: apigw.RestApi;
  readonly accessLog: AccessLog | undefined;
  readonly host: string;
  readonly publicUrl: string;
}

/** A regional REST API calls an authorizer for tokens, checks signatures, and streams responses. */
export function bindRestApi(api: McpRestApiOptions, options: McpEndpointBindOptions): McpEndpointConfig {
  checkRestApi(api, options);
  const { scope, path } = options;
  const auth = options.auth.bindToRestApi(options);
  const created = createRestApi(scope, api, options);
  const { restApi, publicUrl } = created;
  const methods = addMethods(created, options, auth, metadataPaths(path));
  if (auth.bearerTokens) {
    addChallenges(restApi, `resource_metadata="${publicUrl}${metadataPaths(path).at(-1)}"`);
    if (!api.domain) warnOfMissingDomain(scope);
  }
  return {
    ...reachedBy(created, path, auth, methods),
    requests: metricOf(created, 'Count'),
    serverErrors: metricOf(created, '5XXError'),
  };
}

/**
 * One of several servers of a REST API. The metrics of the API are of all of them, so that those of the function are
 * taken.
 */
export function bindToSharedApi(created: CreatedRestApi, options: McpEndpointBindOptions): McpEndpointConfig {
  checkRestApi(created.options, options);
  const { scope, path } = options;
  const auth = options.auth.bindToRestApi(options);
  // The document at the root of the host can be that of one server only: each has the one with its path.
  const methods = addMethods(created, options, auth, metadataPaths(path).slice(-1));
  if (auth.bearerTokens) {
    addChallenges(created.restApi, '');
    if (!created.options.domain) warnOfMissingDomain(scope);
  }
  return {
    ...reachedBy(created, path, auth, methods),
    requests: options.function.metricInvocations({ statistic: 'Sum' }),
    serverErrors: options.function.metricErrors({ statistic: 'Sum' }),
  };
}

function reachedBy(
  { options, restApi, host, publicUrl, accessLog }: CreatedRestApi,
  path: string,
  auth: McpRestApiAuthConfig,
  methods: apigw.Method[],
): Omit<McpEndpointConfig, 'requests' | 'serverErrors'> {
  return {
    url: `${publicUrl}${path}`,
    auth,
    allowedHosts: [host],
    publicUrl,
    restApi,
    responseMode: isStreaming(options) ? McpResponseMode.STREAM : McpResponseMode.BUFFERED,
    ...(accessLog && { accessLogGroup: accessLog.group }),
    ...(auth.iamPermission && {
      signingName: 'execute-api',
      invokable: { grantInvoke: grantee => grantMethods(methods, grantee) },
    }),
  };
}

/** The API with its stage, domain and web ACL, and without methods. */
export function createRestApi(
  scope: Construct,
  options: McpRestApiOptions,
  { tracing, encryptionKey }: Pick<McpEndpointBindOptions, 'tracing' | 'encryptionKey'> = {},
): CreatedRestApi {
  const accessLog = createAccessLog(scope, options, REST_API_FIELDS, encryptionKey);
  const restApi = createApi(scope, options, tracing, accessLog);
  const host = options.domain?.domainName ?? apiHost(restApi);
  const publicUrl = options.domain ? `https://${host}` : `https://${host}/${stageName(options)}`;
  if (options.domain) addDomain(scope, restApi, options.domain);
  if (options.managedRules) associateWebAcl(scope, restApi, createManagedRules(scope, 'REGIONAL').attrArn);
  if (options.webAcl) associateWebAcl(scope, restApi, wafv2.CfnWebACL.arnForWebACL(options.webAcl));
  return { options, restApi, accessLog, host, publicUrl };
}

export function checkRestApi(
  api: McpRestApiOptions,
  { timeout }: Pick<McpEndpointBindOptions, 'timeout'>,
): void {
  checkAll(
    () => checkAccessLog(api),
    () => checkRules(api),
    () => checkTimeout(api, timeout),
  );
}

function checkRules({ managedRules, webAcl }: McpRestApiOptions): void {
  if (!managedRules || !webAcl) return;
  const rule = "creates a web ACL, and 'endpoint.webAcl' is another one";
  fail('endpoint.managedRules', true, rule, 'leave one of them out');
}

function checkTimeout(api: McpRestApiOptions, timeout: Duration): void {
  const limit = restApiMaxTimeout(api).toSeconds();
  if ((seconds(timeout) ?? 0) <= limit) return;
  const rule = `must be at most ${limit} seconds behind this REST API, which waits no longer`;
  fail('timeout', timeout, rule, isStreaming(api) ? 'shorten it' : "shorten it or leave 'endpoint.streaming' on");
}

function createApi(
  scope: Construct,
  api: McpRestApiOptions,
  tracing: lambda.Tracing | undefined,
  accessLog: AccessLog | undefined,
): apigw.RestApi {
  const restApi = new apigw.RestApi(scope, 'RestApi', {
    // Metrics are by name, and API Gateway adds up those of all APIs with one name.
    restApiName: Names.uniqueResourceName(scope, { maxLength: 128, separator: '-' }),
    endpointConfiguration: { types: [apigw.EndpointType.REGIONAL] },
    // An account has one such role per region. The CDK retains it, so that no other API loses it with this stack.
    cloudWatchRole: api.cloudWatchRole ?? accessLog !== undefined,
    disableExecuteApiEndpoint: api.domain !== undefined,
    deployOptions: {
      stageName: stageName(api),
      throttlingRateLimit: api.throttlingRateLimit ?? 1000,
      throttlingBurstLimit: api.throttlingBurstLimit ?? 2000,
      tracingEnabled: tracing !== lambda.Tracing.DISABLED,
      ...(accessLog && {
        accessLogDestination: new apigw.LogGroupLogDestination(accessLog.group),
        accessLogFormat: accessLog.format,
      }),
    },
  });
  // The L2 construct writes an output of the stack. Outputs are the app's.
  restApi.node.tryRemoveChild('Endpoint');
  expectFindings(restApi, 'the server validates requests: JSON-RPC has one schema per method', 'AwsSolutions-APIG2');
  const role = restApi.node.tryFindChild('CloudWatchRole');
  if (role) expectFindings(role, 'the policy that AWS gives the role of API Gateway', CLOUD_WATCH_ROLE_FINDING);
  expectStageFindings(restApi.deploymentStage, api, accessLog);
  return restApi;
}

const CLOUD_WATCH_ROLE_FINDING =
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]';

function expectStageFindings(stage: apigw.Stage, api: McpRestApiOptions, accessLog: AccessLog | undefined): void {
  const execution = 'execution logs contain headers and parameters of requests, and none are written for streams';
  expectFindings(stage, execution, 'AwsSolutions-APIG6');
  if (!accessLog) expectFindings(stage, NO_ACCESS_LOG, 'AwsSolutions-APIG1', 'Serverless-APIGWAccessLogging');
  const webAcl = api.webAcl || api.managedRules
    ? 'the web ACL is associated with the stage by a resource of its own'
    : "a web ACL is billed: the app chooses it with 'endpoint.webAcl'";
  expectFindings(stage, webAcl, 'AwsSolutions-APIG3');
}

/** The methods of the MCP endpoint, which have the authorizer. Metadata and preflights are requested without a token. */
function addMethods(
  { restApi, options: api }: CreatedRestApi,
  options: McpEndpointBindOptions,
  { authorizationType, authorizer, bearerTokens }: McpRestApiAuthConfig,
  documents: string[],
): apigw.Method[] {
  const integration = createIntegration(api, options);
  const endpoint = restApi.root.resourceForPath(options.path);
  const methods = ['GET', 'POST', 'DELETE'].map(method =>
    endpoint.addMethod(method, integration, { authorizationType, ...(authorizer && { authorizer }) }),
  );
  const open = (bearerTokens ? documents : []).map(path =>
    restApi.root.resourceForPath(path).addMethod('GET', integration),
  );
  if (options.cors) open.push(endpoint.addMethod('OPTIONS', integration));
  for (const method of open) {
    const reason = 'metadata and preflights are requested without a token';
    expectFindings(method, reason, 'AwsSolutions-APIG4', 'AwsSolutions-COG4');
  }
  for (const method of methods) {
    if (authorizationType === apigw.AuthorizationType.NONE) {
      expectFindings(method, "the chosen 'auth' lets every request through to the server", 'AwsSolutions-APIG4');
    }
    const reason = 'the request authorizer accepts tokens of any issuer, Cognito among them';
    expectFindings(method, reason, 'AwsSolutions-COG4');
  }
  return methods;
}

function createIntegration(
  api: McpRestApiOptions,
  { alias, timeout }: McpEndpointBindOptions,
): apigw.LambdaIntegration {
  const { STREAM, BUFFERED } = apigw.ResponseTransferMode;
  return new apigw.LambdaIntegration(alias, {
    responseTransferMode: isStreaming(api) ? STREAM : BUFFERED,
    timeout: isStreaming(api) ? timeout : BUFFERED_MAX_TIMEOUT,
    allowTestInvoke: false,
  });
}

function grantMethods(methods: apigw.Method[], grantee: iam.IGrantable): iam.Grant {
  const resourceArns = methods.map(method => method.methodArn);
  return iam.Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns });
}

/**
 * Responses of API Gateway to requests without a valid token. API Gateway renames the `WWW-Authenticate` header of a
 * function's response, but not of its own.
 */
function addChallenges(restApi: apigw.RestApi, metadata: string): void {
  if (restApi.node.tryFindChild('Unauthorized')) return;
  const header = (...fields: string[]) => {
    const challenge = ['Bearer', fields.filter(field => field !== '').join(', ')].join(' ').trim();
    return { 'WWW-Authenticate': `'${challenge}'` };
  };
  restApi.addGatewayResponse('Unauthorized', {
    type: apigw.ResponseType.UNAUTHORIZED,
    statusCode: '401',
    responseHeaders: header(metadata),
  });
  restApi.addGatewayResponse('AccessDenied', {
    type: apigw.ResponseType.ACCESS_DENIED,
    statusCode: '403',
    responseHeaders: header('error="insufficient_scope"', metadata),
  });
}

function addDomain(scope: Construct, restApi: apigw.RestApi, domain: McpDomainOptions): void {
  const domainName = restApi.addDomainName('Domain', {
    domainName: domain.domainName,
    certificate: domain.certificate,
    endpointType: apigw.EndpointType.REGIONAL,
    securityPolicy: apigw.SecurityPolicy.TLS_1_2,
  });
  // The CDK has no property for it.
  const resource = domainName.node.defaultChild as apigw.CfnDomainName;
  resource.addPropertyOverride('EndpointConfiguration.IpAddressType', apigw.IpAddressType.DUAL_STACK);
  addRecords(scope, domain, new ApiGatewayDomain(domainName));
}

function associateWebAcl(scope: Construct, restApi: apigw.RestApi, webAclArn: string): void {
  new wafv2.CfnWebACLAssociation(scope, 'WebAclAssociation', {
    webAclArn,
    resourceArn: restApi.deploymentStage.stageArn,
  });
}

function isStreaming(api: McpRestApiOptions): boolean {
  return api.streaming ?? true;
}

/** Text, not a reference to the stage: the stage depends on the function, and its environment has the public URL. */
function stageName(api: McpRestApiOptions): string {
  return api.stageName ?? 'prod';
}

/** A metric of the stage, by its name as text: alarms of it must not depend on the stage, since a deployment depends on them. */
function metricOf({ options, restApi }: CreatedRestApi, metricName: string): cloudwatch.Metric {
  const dimensionsMap = { ApiName: restApi.restApiName, Stage: stageName(options) };
  return new cloudwatch.Metric({ namespace: 'AWS/ApiGateway', metricName, dimensionsMap, statistic: 'Sum' });
}

/** Not taken from `restApi.url`, which depends on the function through the deployment, for the same reason. */
function apiHost(restApi: apigw.RestApi): string {
  const { region, urlSuffix } = Stack.of(restApi);
  return `${restApi.restApiId}.execute-api.${region}.${urlSuffix}`;
}
