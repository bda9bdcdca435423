// From a deploy.toml to the construct's properties.
import { resolve } from 'node:path';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { McpAuth, McpEndpoint, type McpDomain, type McpLambdaServerProps } from '../index';
import { DeployConfigError } from './read';
import type { DeployConfig } from './schema';

/** `scope` holds what is imported; `folder` is what paths begin at. */
export function toProps(scope: Construct, config: DeployConfig, folder: string): McpLambdaServerProps {
  return {
    ...programOf(config, folder),
    ...functionOf(config),
    secrets: secretsOf(scope, config),
    ...networkOf(scope, config),
    endpoint: endpointOf(scope, config),
    auth: authOf(scope, config),
    path: config.endpoint.path,
    allowedHosts: config.endpoint.allowed_hosts,
    publicUrl: config.endpoint.public_url,
    cors: corsOf(config),
    streams: {
      enabled: config.streams.enabled,
      life: seconds(config.streams.life_seconds),
      perPrincipal: config.streams.per_principal,
    },
    state: stateOf(scope, config),
    events: {
      topic: given(config.events.topic_arn, topicArn => sns.Topic.fromTopicArn(scope, 'EventsTopic', topicArn)),
      allowAlarms: config.events.allow_alarms,
      allowEventBridge: config.events.allow_event_bridge,
      ttl: given(config.events.ttl_minutes, it => Duration.minutes(it)),
      fanoutReplicas: config.events.fanout_replicas,
      ingestTimeout: seconds(config.events.ingest_timeout_seconds),
      ingestReservedConcurrency: config.events.ingest_reserved_concurrency,
    },
    monitoring: {
      alarms: config.observability.alarms,
      compositeAlarm: config.observability.composite_alarm,
      dashboard: config.observability.dashboard,
      alarmTopic: given(config.observability.alarm_topic_arn, it => sns.Topic.fromTopicArn(scope, 'AlarmTopic', it)),
    },
  };
}

function programOf({ server }: DeployConfig, folder: string): McpLambdaServerProps {
  return {
    manifestPath: given(server.manifest_path, path => resolve(folder, path)),
    binaryName: server.binary_name,
    cargoLambdaFlags: server.cargo_lambda_flags,
    code: given(server.code, path => lambda.Code.fromAsset(resolve(folder, path))),
  };
}

function functionOf(config: DeployConfig): McpLambdaServerProps {
  const settings = config.lambda;
  const tracing = {
    active: lambda.Tracing.ACTIVE,
    passthrough: lambda.Tracing.PASS_THROUGH,
    disabled: lambda.Tracing.DISABLED,
  };
  const days = config.observability.log_retention_days;
  return {
    architecture: given(settings.architecture, it =>
      it === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
    ),
    memorySize: settings.memory_size,
    timeout: seconds(settings.timeout_seconds),
    environment: settings.environment,
    reservedConcurrency: settings.reserved_concurrency,
    provisionedConcurrency: settings.provisioned_concurrency,
    maxProvisionedConcurrency: settings.max_provisioned_concurrency,
    tracing: given(settings.tracing, it => tracing[it as keyof typeof tracing]),
    logRetention: days === undefined ? undefined : retention(days),
  };
}

/** Those of `scripts/operate secrets`, which begin with the name of the stack. */
function secretsOf(scope: Construct, config: DeployConfig): McpLambdaServerProps['secrets'] {
  const secret = (name: string) =>
    secretsmanager.Secret.fromSecretNameV2(scope, `Secret${name}`, `${Stack.of(scope).stackName}/${name}`);
  return given(config.lambda.secrets, names => Object.fromEntries(names.map(name => [name, secret(name)])));
}

/** CloudWatch Logs keeps logs for so many days or so many, not for any number. */
function retention(days: number): logs.RetentionDays {
  const allowed = Object.values(logs.RetentionDays).filter((it): it is number => typeof it === 'number' && it <= 3653);
  if (allowed.includes(days)) return days;
  return wrong('observability', 'log_retention_days', `one of ${allowed.sort((a, b) => a - b).join(', ')}`, days);
}

function networkOf(scope: Construct, { vpc }: DeployConfig): McpLambdaServerProps {
  if (!(vpc.enabled ?? vpc.vpc_id !== undefined)) return {};
  const { vpc_id: vpcId, subnet_ids: subnets, security_group_ids: groups } = vpc;
  if (vpcId === undefined) return wrong('vpc', 'vpc_id', 'given where the VPC is enabled', vpcId);
  if (!subnets?.length) return wrong('vpc', 'subnet_ids', 'a list of private subnets', subnets);
  if (!groups?.length) return wrong('vpc', 'security_group_ids', 'a list of security groups', groups);
  return {
    vpc: ec2.Vpc.fromVpcAttributes(scope, 'Vpc', {
      vpcId,
      availabilityZones: subnets.map((_, at) => `zone-${at}`),
      privateSubnetIds: subnets,
    }),
    securityGroups: groups.map((id, at) => ec2.SecurityGroup.fromSecurityGroupId(scope, `SecurityGroup${at}`, id)),
  };
}

function endpointOf(scope: Construct, { api_gateway: api }: DeployConfig): McpEndpoint | undefined {
  const throttling = { throttlingRate: api.throttling_rate, throttlingBurst: api.throttling_burst };
  switch (api.type) {
    case 'http': {
      const other = (
        [
          'stage_name',
          'access_log',
          'web_acl_arn',
          'domain_name',
          'certificate_arn',
          'hosted_zone_id',
          'hosted_zone_name',
        ] as const
      ).find(key => api[key] !== undefined);
      if (other) return wrong('api_gateway', other, 'left out, or type "rest"', api[other]);
      return McpEndpoint.httpApi({ ...throttling, streaming: api.streaming });
    }
    case 'rest':
      return McpEndpoint.restApi({
        ...throttling,
        streaming: api.streaming,
        stageName: api.stage_name,
        accessLog: api.access_log,
        webAclArn: api.web_acl_arn,
        domain: domainOf(scope, api),
      });
    default:
      if (Object.keys(api).length > 0) return wrong('api_gateway', 'type', '"http" or "rest"', api.type);
      return undefined;
  }
}

function domainOf(scope: Construct, api: DeployConfig['api_gateway']): McpDomain | undefined {
  if (api.domain_name === undefined) {
    const other = (['certificate_arn', 'hosted_zone_id', 'hosted_zone_name'] as const).find(
      key => api[key] !== undefined,
    );
    return other ? wrong('api_gateway', 'domain_name', `given where ${other} is`, undefined) : undefined;
  }
  if (api.certificate_arn === undefined)
    return wrong('api_gateway', 'certificate_arn', 'given where domain_name is', undefined);
  const { hosted_zone_id: hostedZoneId, hosted_zone_name: zoneName } = api;
  if ((hostedZoneId === undefined) !== (zoneName === undefined)) {
    return wrong('api_gateway', 'hosted_zone_id', 'given together with hosted_zone_name', hostedZoneId);
  }
  return {
    domainName: api.domain_name,
    certificate: acm.Certificate.fromCertificateArn(scope, 'Certificate', api.certificate_arn),
    hostedZone:
      hostedZoneId !== undefined && zoneName !== undefined
        ? route53.HostedZone.fromHostedZoneAttributes(scope, 'HostedZone', { hostedZoneId, zoneName })
        : undefined,
  };
}

/** `enabled = false` is how a file says that everybody may call. */
function authOf(scope: Construct, { auth }: DeployConfig): McpAuth | undefined {
  if (auth.enabled === false) return McpAuth.none();
  const { scopes } = auth;
  switch (auth.provider) {
    case 'jwt':
      if (auth.issuer === undefined) return wrong('auth', 'issuer', 'given where provider is "jwt"', undefined);
      return McpAuth.jwt({ issuer: auth.issuer, audience: auth.audience ?? [], scopes });
    case 'cognito':
      return McpAuth.cognito({ scopes, domainPrefix: auth.domain_prefix, callbackUrls: auth.callback_urls });
    case 'custom':
      if (auth.authorizer_arn === undefined)
        return wrong('auth', 'authorizer_arn', 'given where provider is "custom"', undefined);
      return McpAuth.lambdaAuthorizer(
        lambda.Function.fromFunctionAttributes(scope, 'Authorizer', {
          functionArn: auth.authorizer_arn,
          sameEnvironment: true,
        }),
      );
    case 'iam':
      return McpAuth.iam();
    default:
      if (auth.enabled)
        return wrong('auth', 'provider', '"iam", "jwt", "cognito" or "custom" where enabled is true', undefined);
      return undefined;
  }
}

function corsOf({ endpoint }: DeployConfig): McpLambdaServerProps['cors'] {
  if (endpoint.cors_origins === undefined) {
    const other = (['cors_credentials', 'cors_max_age_seconds'] as const).find(key => endpoint[key] !== undefined);
    return other ? wrong('endpoint', 'cors_origins', `given where ${other} is`, undefined) : undefined;
  }
  return {
    allowOrigins: endpoint.cors_origins,
    allowCredentials: endpoint.cors_credentials,
    maxAge: seconds(endpoint.cors_max_age_seconds),
  };
}

function stateOf(scope: Construct, { state }: DeployConfig): McpLambdaServerProps['state'] {
  const table = (id: string, name: string | undefined) =>
    given(name, it => dynamodb.TableV2.fromTableName(scope, id, it));
  return {
    stateTable: table('StateTable', state.state_table),
    eventTable: table('EventTable', state.event_table),
    removalPolicy: given(state.removal, it => (it === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN)),
    pointInTimeRecovery: state.point_in_time_recovery,
    deletionProtection: state.deletion_protection,
    maxReadRequestUnits: state.max_read_request_units,
    maxWriteRequestUnits: state.max_write_request_units,
    sessionTtl: given(state.session_ttl_minutes, it => Duration.minutes(it)),
  };
}

function seconds(count: number | undefined): Duration | undefined {
  return given(count, it => Duration.seconds(it));
}

function given<T, U>(value: T | undefined, make: (value: T) => U): U | undefined {
  return value === undefined ? undefined : make(value);
}

function wrong(section: string, key: string, expected: string, value: unknown): never {
  throw new DeployConfigError(`[${section}] ${key} must be ${expected}, got: ${JSON.stringify(value)}`);
}
