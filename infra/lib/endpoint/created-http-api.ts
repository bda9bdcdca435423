import { Duration, Names } from 'aws-cdk-lib';
import * as apigw from 'aws-cdk-lib/aws-apigatewayv2';
import { ApiGatewayv2DomainProperties } from 'aws-cdk-lib/aws-route53-targets';
import type { Construct } from 'constructs';
import { expectFindings } from '../private/findings';
import { NO_ACCESS_LOG, type AccessLog } from './access-log';
import { addRecords } from './domain';
import type { McpDomainOptions, McpHttpApiOptions } from './endpoint-options';

/** The integration timeout of an HTTP API: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
export const HTTP_API_MAX_TIMEOUT = Duration.seconds(30);

/** The stage that is not part of the URL. */
export const DEFAULT_STAGE = '$default';

/** The API with its stage and domain, and without routes. */
export function createHttpApi(
  scope: Construct,
  api: McpHttpApiOptions,
  accessLog: AccessLog | undefined,
): apigw.HttpApi {
  const httpApi = new apigw.HttpApi(scope, 'HttpApi', {
    apiName: Names.uniqueResourceName(scope, { maxLength: 128, separator: '-' }),
    createDefaultStage: false,
    disableExecuteApiEndpoint: api.domain !== undefined,
  });
  const domainName = api.domain && createDomain(scope, api.domain);
  const stage = httpApi.addStage('Stage', {
    stageName: api.stageName ?? DEFAULT_STAGE,
    autoDeploy: true,
    ...(domainName && { domainMapping: { domainName } }),
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

function createDomain(scope: Construct, domain: McpDomainOptions): apigw.DomainName {
  const { domainName, certificate } = domain;
  const created = new apigw.DomainName(scope, 'Domain', {
    domainName,
    certificate,
    securityPolicy: apigw.SecurityPolicy.TLS_1_2,
    ipAddressType: apigw.IpAddressType.DUAL_STACK,
  });
  addRecords(scope, domain, new ApiGatewayv2DomainProperties(created.regionalDomainName, created.regionalHostedZoneId));
  return created;
}
