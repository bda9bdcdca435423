// The endpoint of a deploy.toml.
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as route53 from 'aws-cdk-lib/aws-route53';
import type { Construct } from 'constructs';
import { McpEndpoint, type McpDomainOptions, type McpHttpApiOptions, type McpRestApiOptions } from '../../lib';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';
import { given, seconds } from './values';
import { ImportedWebAcl } from './web-acl';

const REST_API_KEYS = ['cloud_watch_role', 'web_acl_arn', 'managed_rules'] as const;

/** The endpoint of `[api_gateway]`, or `undefined` without that section. */
export function toEndpoint(
  scope: Construct,
  { api_gateway: api, cloud_front: front }: DeployConfig,
  problems: Problems,
): McpEndpoint | undefined {
  if (Object.keys(front).length > 0 && front.enabled !== false) return toCloudFront(scope, { api, front }, problems);
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

/** The Function URL beside an API, for clients that have not moved to the API yet. */
export function toAdditional({ api_gateway: api, endpoint }: DeployConfig, problems: Problems): McpEndpoint[] | undefined {
  if (!endpoint.keep_function_url) return undefined;
  if (api.type !== undefined) return [McpEndpoint.functionUrl()];
  return problems.add('endpoint', 'keep_function_url', 'false or left out where there is no [api_gateway]', true);
}

/** The options of both kinds of API. */
function apiOptions(
  scope: Construct,
  api: DeployConfig['api_gateway'],
  problems: Problems,
): McpHttpApiOptions & McpRestApiOptions {
  return {
    stageName: api.stage_name,
    domain: toDomain(scope, 'api_gateway', api, problems),
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
    managedRules: api.managed_rules,
    webAcl: given(api.web_acl_arn, it => new ImportedWebAcl(scope, 'WebAcl', it)),
  };
}

/** A Function URL behind CloudFront: an API has a domain and a web ACL of its own. */
function toCloudFront(
  scope: Construct,
  { api, front }: { readonly api: DeployConfig['api_gateway']; readonly front: DeployConfig['cloud_front'] },
  problems: Problems,
): McpEndpoint | undefined {
  if (Object.keys(api).length > 0) {
    return problems.add('cloud_front', 'enabled', 'false or left out where there is an [api_gateway]', front.enabled);
  }
  const domain = toDomain(scope, 'cloud_front', front, problems);
  const readTimeout = seconds(front.read_timeout_seconds);
  return McpEndpoint.functionUrl({
    cloudFront: {
      ...(domain && { domain }),
      ...(front.web_acl_arn !== undefined && { webAcl: new ImportedWebAcl(scope, 'WebAcl', front.web_acl_arn) }),
      ...(front.managed_rules !== undefined && { managedRules: front.managed_rules }),
      ...(front.countries?.length && { geoRestriction: cloudfront.GeoRestriction.allowlist(...front.countries) }),
      ...(readTimeout && { readTimeout }),
    },
  });
}

type Domain = Pick<
  DeployConfig['cloud_front'],
  'domain_name' | 'certificate_arn' | 'hosted_zone_id' | 'hosted_zone_name'
>;

function toDomain(
  scope: Construct,
  section: 'api_gateway' | 'cloud_front',
  api: Domain,
  problems: Problems,
): McpDomainOptions | undefined {
  if (api.domain_name === undefined) {
    const other = (['certificate_arn', 'hosted_zone_id', 'hosted_zone_name'] as const).find(
      key => api[key] !== undefined,
    );
    return other && problems.add(section, 'domain_name', `given where ${other} is`, undefined);
  }
  const { certificate_arn: certificateArn, hosted_zone_id: hostedZoneId, hosted_zone_name: zoneName } = api;
  if ((hostedZoneId === undefined) !== (zoneName === undefined)) {
    problems.add(section, 'hosted_zone_id', 'given together with hosted_zone_name', hostedZoneId);
  }
  if (certificateArn === undefined) {
    return problems.add(section, 'certificate_arn', 'given where domain_name is', undefined);
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
