// The endpoint of a deploy.toml.
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as route53 from 'aws-cdk-lib/aws-route53';
import type { Construct } from 'constructs';
import { McpEndpoint, type McpDomainOptions, type McpHttpApiOptions, type McpRestApiOptions } from '../../lib';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';
import { given } from './values';
import { ImportedWebAcl } from './web-acl';

const REST_API_KEYS = ['cloud_watch_role', 'web_acl_arn'] as const;

/** The endpoint of `[api_gateway]`, or `undefined` without that section. */
export function toEndpoint(
  scope: Construct,
  { api_gateway: api }: DeployConfig,
  problems: Problems,
): McpEndpoint | undefined {
  switch (api.type) {
    case 'http':
      for (const key of REST_API_KEYS.filter(it => api[it] !== undefined)) {
        problems.add('api_gateway', key, 'left out, or type "rest"', api[key]);
      }
      return McpEndpoint.httpApi(apiOptions(scope, api, problems));
    case 'rest':
      return McpEndpoint.restApi(toRestApiOptions(scope, api, problems));
    default:
      if (Object.keys(api).length > 0) problems.add('api_gateway', 'type', '"http" or "rest"', api.type);
      return undefined;
  }
}

/** The options of both kinds of API. */
function apiOptions(
  scope: Construct,
  api: DeployConfig['api_gateway'],
  problems: Problems,
): McpHttpApiOptions & McpRestApiOptions {
  return {
    stageName: api.stage_name,
    domain: toDomain(scope, api, problems),
    throttlingRateLimit: api.throttling_rate_limit,
    throttlingBurstLimit: api.throttling_burst_limit,
    streaming: api.streaming,
    accessLog: api.access_log,
  };
}

/** The options of a REST API. Resources that it names are imported into the scope. */
export function toRestApiOptions(
  scope: Construct,
  api: DeployConfig['api_gateway'],
  problems: Problems,
): McpRestApiOptions {
  return {
    ...apiOptions(scope, api, problems),
    cloudWatchRole: api.cloud_watch_role,
    webAcl: given(api.web_acl_arn, it => new ImportedWebAcl(scope, 'WebAcl', it)),
  };
}

function toDomain(
  scope: Construct,
  api: DeployConfig['api_gateway'],
  problems: Problems,
): McpDomainOptions | undefined {
  if (api.domain_name === undefined) {
    const other = (['certificate_arn', 'hosted_zone_id', 'hosted_zone_name'] as const).find(
      key => api[key] !== undefined,
    );
    return other && problems.add('api_gateway', 'domain_name', `given where ${other} is`, undefined);
  }
  const { certificate_arn: certificateArn, hosted_zone_id: hostedZoneId, hosted_zone_name: zoneName } = api;
  if ((hostedZoneId === undefined) !== (zoneName === undefined)) {
    problems.add('api_gateway', 'hosted_zone_id', 'given together with hosted_zone_name', hostedZoneId);
  }
  if (certificateArn === undefined) {
    return problems.add('api_gateway', 'certificate_arn', 'given where domain_name is', undefined);
  }
  return {
    domainName: api.domain_name,
    certificate: acm.Certificate.fromCertificateArn(scope, 'Certificate', certificateArn),
    hostedZone:
      hostedZoneId !== undefined && zoneName !== undefined
        ? route53.HostedZone.fromHostedZoneAttributes(scope, 'HostedZone', { hostedZoneId, zoneName })
        : undefined,
  };
}
