import { Duration, Stack } from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as iam from 'aws-cdk-lib/aws-iam';
import { explain } from '../findings';
import { refuse, seconds } from '../validation';
import type { HttpApiOptions } from './options';
import { wellKnownPaths, type Behind, type Front, type Intent } from './front';

/** An HTTP API waits no longer: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
export const HTTP_API_LIMIT = Duration.seconds(30);

export function checkHttpApi(options: HttpApiOptions, intent: Intent): void {
  if (options.streaming) {
    const rule = 'cannot be true: an HTTP API buffers responses';
    refuse('endpoint.streaming', true, rule, 'use McpEndpoint.functionUrl() or McpEndpoint.restApi()');
  }
  if (intent.auth._name === 'lambdaAuthorizer') {
    const rule = 'is made for the events of a REST API';
    refuse('auth', 'McpAuth.lambdaAuthorizer()', rule, 'use McpEndpoint.restApi(), or McpAuth.jwt()');
  }
  const timeout = seconds(intent.timeout);
  const limit = HTTP_API_LIMIT.toSeconds();
  if (timeout !== undefined && timeout > limit) {
    const rule = `must be at most ${limit} seconds behind an HTTP API, which waits no longer`;
    refuse('timeout', intent.timeout, rule, 'shorten it or use McpEndpoint.restApi()');
  }
}

/** An HTTP API: responses are buffered, identity is checked in front. */
export function httpApi(options: HttpApiOptions, behind: Behind): Front {
  const { scope, alias } = behind;
  const api = new apigw.HttpApi(scope, 'HttpApi', { createDefaultStage: false });
  const stage = api.addStage('Stage', {
    stageName: '$default',
    autoDeploy: true,
    throttle: { rateLimit: options.throttlingRate ?? 1000, burstLimit: options.throttlingBurst ?? 2000 },
  });
  explain(
    stage,
    'the function logs each request with its identity',
    'AwsSolutions-APIG1',
    'Serverless-APIGWAccessLogging',
  );
  const integration = new HttpLambdaIntegration('Integration', alias);
  const authorizer = authorizerOf(behind);
  const methods = [apigw.HttpMethod.GET, apigw.HttpMethod.POST, apigw.HttpMethod.DELETE];
  const routes = api.addRoutes({ path: behind.path, methods, integration, ...(authorizer && { authorizer }) });
  const open: apigw.HttpRoute[] = [];
  if (behind.plan.kind === 'token') {
    for (const path of wellKnownPaths(behind.path)) {
      open.push(...api.addRoutes({ path, methods: [apigw.HttpMethod.GET], integration }));
    }
  }
  if (behind.cors) open.push(...api.addRoutes({ path: behind.path, methods: [apigw.HttpMethod.OPTIONS], integration }));
  for (const route of open) explain(route, 'metadata and preflights come without a token', 'AwsSolutions-APIG4');
  if (behind.plan.kind === 'none') {
    for (const route of routes) explain(route, 'McpAuth.none() was written', 'AwsSolutions-APIG4');
  }
  const { region, urlSuffix } = Stack.of(scope);
  const host = `${api.apiId}.execute-api.${region}.${urlSuffix}`;
  return {
    url: `https://${host}${behind.path}`,
    hosts: [host],
    publicUrl: `https://${host}`,
    responseMode: 'buffered',
    requests: api.metricCount({ statistic: 'Sum' }),
    serverErrors: api.metricServerError({ statistic: 'Sum' }),
    grantInvoke: grantee =>
      behind.plan.kind === 'iam'
        ? routes.map(route => route.grantInvoke(grantee)).reduce((all, one) => all.combine(one))
        : iam.Grant.drop(grantee, 'the front asks for no IAM permission'),
  };
}

function authorizerOf({ plan }: Behind): apigw.IHttpRouteAuthorizer | undefined {
  switch (plan.kind) {
    case 'iam':
      return new HttpIamAuthorizer();
    case 'token':
      return new HttpJwtAuthorizer('Tokens', plan.rules.issuer, { jwtAudience: plan.rules.audience });
    default:
      return undefined;
  }
}
