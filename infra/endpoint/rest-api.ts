import { Duration, Stack } from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigateway';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { ApiGatewayDomain } from 'aws-cdk-lib/aws-route53-targets';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import { explain, warn } from '../findings';
import { refuse, seconds } from '../validation';
import { wellKnownPaths, type Behind, type Front, type Intent } from './front';
import type { RestApiOptions } from './options';

/** A buffered integration waits no longer, and its quota can be raised only at the cost of others. */
const BUFFERED_LIMIT = Duration.seconds(29);
const STREAMED_LIMIT = Duration.minutes(15);

export function checkRestApi(options: RestApiOptions, intent: Intent): void {
  const limit = options.streaming === false ? BUFFERED_LIMIT : STREAMED_LIMIT;
  const timeout = seconds(intent.timeout);
  if (timeout !== undefined && timeout > limit.toSeconds()) {
    const rule = `must be at most ${limit.toSeconds()} seconds behind this REST API, which waits no longer`;
    refuse(
      'timeout',
      intent.timeout,
      rule,
      options.streaming === false ? "shorten it or leave 'endpoint.streaming' on" : 'shorten it',
    );
  }
}

/** A regional REST API that streams. Identity is checked in front. */
export function restApi(options: RestApiOptions, behind: Behind): Front {
  const { scope } = behind;
  const api = createApi(scope, options);
  const integration = integrationOf(options, behind);
  const methods = addMethods(api, behind, integration);
  const host = options.domain?.domainName ?? stageHost(api);
  const publicUrl = options.domain ? `https://${host}` : `https://${host}/${stageName(options)}`;
  if (behind.plan.kind === 'token') {
    challenge(api, `${publicUrl}/.well-known/oauth-protected-resource${behind.path === '/' ? '' : behind.path}`);
    if (!options.domain) {
      const trouble = "clients look for OAuth metadata at the root of the host, which a stage's URL cannot serve";
      warn(scope, 'oauth-without-domain', `${trouble}; set 'endpoint.domain'`);
    }
  }
  if (options.domain) addDomain(scope, api, options.domain);
  if (options.webAclArn !== undefined) {
    const { webAclArn } = options;
    new wafv2.CfnWebACLAssociation(scope, 'WebAcl', { webAclArn, resourceArn: api.deploymentStage.stageArn });
  }
  return {
    url: `${publicUrl}${behind.path}`,
    hosts: [host],
    publicUrl,
    responseMode: options.streaming === false ? 'buffered' : 'stream',
    requests: api.metricCount({ statistic: 'Sum' }),
    serverErrors: api.metricServerError({ statistic: 'Sum' }),
    grantInvoke: grantee =>
      behind.plan.kind === 'iam'
        ? iam.Grant.addToPrincipal({
            grantee,
            actions: ['execute-api:Invoke'],
            resourceArns: methods.map(one => one.methodArn),
          })
        : iam.Grant.drop(grantee, 'the front asks for no IAM permission'),
  };
}

function createApi(scope: Construct, options: RestApiOptions): apigw.RestApi {
  const accessLog = options.accessLog
    ? new logs.LogGroup(scope, 'AccessLogs', { retention: logs.RetentionDays.ONE_MONTH })
    : undefined;
  const api = new apigw.RestApi(scope, 'RestApi', {
    endpointConfiguration: { types: [apigw.EndpointType.REGIONAL] },
    // The role is the account's, and the last stack to go would take it from all others.
    cloudWatchRole: false,
    disableExecuteApiEndpoint: options.domain !== undefined,
    deployOptions: {
      stageName: stageName(options),
      throttlingRateLimit: options.throttlingRate ?? 1000,
      throttlingBurstLimit: options.throttlingBurst ?? 2000,
      tracingEnabled: true,
      ...(accessLog && {
        accessLogDestination: new apigw.LogGroupLogDestination(accessLog),
        accessLogFormat: apigw.AccessLogFormat.jsonWithStandardFields(),
      }),
    },
  });
  explain(api, 'the server validates requests: JSON-RPC is one schema per method', 'AwsSolutions-APIG2');
  const stage = api.deploymentStage;
  const role = 'logs of API Gateway need a role of the whole account; the function logs each request with its identity';
  explain(stage, role, 'AwsSolutions-APIG6');
  if (!accessLog) explain(stage, role, 'AwsSolutions-APIG1', 'Serverless-APIGWAccessLogging');
  if (options.webAclArn !== undefined) explain(stage, 'its web ACL is associated beside it', 'AwsSolutions-APIG3');
  else explain(stage, "a web ACL is a choice with a price: 'endpoint.webAclArn'", 'AwsSolutions-APIG3');
  return api;
}

function integrationOf(options: RestApiOptions, behind: Behind): apigw.LambdaIntegration {
  const streaming = options.streaming ?? true;
  const transfer = apigw.ResponseTransferMode;
  return new apigw.LambdaIntegration(behind.alias, {
    responseTransferMode: streaming ? transfer.STREAM : transfer.BUFFERED,
    timeout: streaming ? behind.timeout : BUFFERED_LIMIT,
    allowTestInvoke: false,
  });
}

function addMethods(api: apigw.RestApi, behind: Behind, integration: apigw.Integration): apigw.Method[] {
  const endpoint = api.root.resourceForPath(behind.path);
  const options = methodOptions(behind);
  const methods = ['GET', 'POST', 'DELETE'].map(method => endpoint.addMethod(method, integration, options));
  const open: apigw.Method[] = [];
  if (behind.plan.kind === 'token') {
    for (const path of wellKnownPaths(behind.path)) {
      open.push(api.root.resourceForPath(path).addMethod('GET', integration));
    }
  }
  if (behind.cors) open.push(endpoint.addMethod('OPTIONS', integration));
  for (const method of open) {
    explain(method, 'metadata and preflights come without a token', 'AwsSolutions-APIG4', 'AwsSolutions-COG4');
  }
  for (const method of methods) {
    if (behind.plan.kind === 'none') explain(method, 'McpAuth.none() was written', 'AwsSolutions-APIG4');
    explain(method, 'tokens of any issuer are judged, those of Cognito among them', 'AwsSolutions-COG4');
  }
  return methods;
}

function methodOptions(behind: Behind): apigw.MethodOptions {
  const { plan } = behind;
  switch (plan.kind) {
    case 'none':
      return { authorizationType: apigw.AuthorizationType.NONE };
    case 'iam':
      return { authorizationType: apigw.AuthorizationType.IAM };
    case 'token':
      return custom(behind.scope, behind.authorizer(plan.rules));
    case 'authorizer':
      return custom(behind.scope, plan.handler);
  }
}

function custom(scope: Construct, handler: lambda.IFunction): apigw.MethodOptions {
  const authorizer = new apigw.RequestAuthorizer(scope, 'Authorizer', {
    handler,
    // Without the header API Gateway answers 401 by itself; with it, one answer serves all methods for a minute.
    identitySources: [apigw.IdentitySource.header('Authorization')],
    resultsCacheTtl: Duration.minutes(1),
  });
  return { authorizer, authorizationType: apigw.AuthorizationType.CUSTOM };
}

/** A 401 of the function's own would reach clients with its WWW-Authenticate renamed; one of the API's does not. */
function challenge(api: apigw.RestApi, metadata: string): void {
  const header = (error: string) => ({ 'WWW-Authenticate': `'Bearer ${error}resource_metadata="${metadata}"'` });
  api.addGatewayResponse('Unauthorized', {
    type: apigw.ResponseType.UNAUTHORIZED,
    statusCode: '401',
    responseHeaders: header(''),
  });
  api.addGatewayResponse('AccessDenied', {
    type: apigw.ResponseType.ACCESS_DENIED,
    statusCode: '403',
    responseHeaders: header('error="insufficient_scope", '),
  });
}

function addDomain(scope: Construct, api: apigw.RestApi, domain: NonNullable<RestApiOptions['domain']>): void {
  const name = api.addDomainName('Domain', {
    domainName: domain.domainName,
    certificate: domain.certificate,
    endpointType: apigw.EndpointType.REGIONAL,
    securityPolicy: apigw.SecurityPolicy.TLS_1_2,
  });
  if (!domain.hostedZone) return;
  new route53.ARecord(scope, 'DomainRecord', {
    zone: domain.hostedZone,
    recordName: `${domain.domainName}.`,
    target: route53.RecordTarget.fromAlias(new ApiGatewayDomain(name)),
  });
}

/** As text: a reference to the stage would wait for the function, which waits to be told its public URL. */
function stageName(options: RestApiOptions): string {
  return options.stageName ?? 'prod';
}

/** `api.url` names the stage's deployment, which names the function: told to the function it would be a circle. */
function stageHost(api: apigw.RestApi): string {
  const { region, urlSuffix } = Stack.of(api);
  return `${api.restApiId}.execute-api.${region}.${urlSuffix}`;
}
