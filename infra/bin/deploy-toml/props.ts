// Converts a deploy.toml to properties of the construct.
import { resolve } from 'node:path';
import { Duration, PropertyInjectors, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { McpAuth, McpEndpoint, type McpDomainOptions, type McpLambdaServerProps, type McpSessions } from '../../lib';
import { DeployConfigError } from './read';
import type { DeployConfig } from './schema';
import { ImportedWebAcl } from './web-acl';

/** `scope` is the scope of imported resources; paths are relative to `folder`. */
export function toProps(scope: Construct, config: DeployConfig, folder: string): McpLambdaServerProps {
  const days = config.observability.log_retention_days;
  if (days !== undefined) setLogRetention(scope, days);
  return {
    ...program(config, folder),
    ...functionOptions(config),
    secrets: toSecrets(scope, config),
    ...network(scope, config),
    endpoint: toEndpoint(scope, config),
    auth: toAuth(scope, config),
    path: config.endpoint.path,
    allowedHosts: config.endpoint.allowed_hosts,
    publicUrl: config.endpoint.public_url,
    cors: toCors(config),
    streams: {
      enabled: config.streams.enabled,
      lifetime: seconds(config.streams.lifetime_seconds),
      perPrincipal: config.streams.per_principal,
    },
    state: toState(scope, config),
    mcpEvents: {
      topic: given(config.events.topic_arn, topicArn => sns.Topic.fromTopicArn(scope, 'EventsTopic', topicArn)),
      allowAlarms: config.events.allow_alarms,
      allowEventBridge: config.events.allow_event_bridge,
      ttl: given(config.events.ttl_minutes, it => Duration.minutes(it)),
      fanoutReplicas: config.events.fanout_replicas,
    },
    ingestOptions: {
      timeout: seconds(config.events.ingest_timeout_seconds),
      reservedConcurrentExecutions: config.events.ingest_reserved_concurrent_executions,
    },
    monitoring: {
      alarms: config.observability.alarms,
      compositeAlarm: config.observability.composite_alarm,
      dashboard: config.observability.dashboard,
      alarmTopic: given(config.observability.alarm_topic_arn, it => sns.Topic.fromTopicArn(scope, 'AlarmTopic', it)),
    },
  };
}

function program({ server }: DeployConfig, folder: string): McpLambdaServerProps {
  return {
    manifestPath: given(server.manifest_path, path => resolve(folder, path)),
    binaryName: server.binary_name,
    cargoLambdaFlags: server.cargo_lambda_flags,
    code: given(server.code, path => lambda.Code.fromAsset(resolve(folder, path))),
  };
}

function functionOptions(config: DeployConfig): McpLambdaServerProps {
  const settings = config.lambda;
  const tracing = {
    active: lambda.Tracing.ACTIVE,
    passthrough: lambda.Tracing.PASS_THROUGH,
    disabled: lambda.Tracing.DISABLED,
  };
  return {
    architecture: given(settings.architecture, it =>
      it === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
    ),
    memorySize: settings.memory_size,
    timeout: seconds(settings.timeout_seconds),
    environment: settings.environment,
    reservedConcurrentExecutions: settings.reserved_concurrent_executions,
    provisionedConcurrentExecutions: settings.provisioned_concurrent_executions,
    maxProvisionedConcurrentExecutions: settings.max_provisioned_concurrent_executions,
    tracing: given(settings.tracing, it => tracing[it as keyof typeof tracing]),
  };
}

/** Secrets of `scripts/operate secrets`: their names begin with the name of the stack. */
function toSecrets(scope: Construct, config: DeployConfig): McpLambdaServerProps['secrets'] {
  const secret = (name: string) =>
    secretsmanager.Secret.fromSecretNameV2(scope, `Secret${name}`, `${Stack.of(scope).stackName}/${name}`);
  return given(config.lambda.secrets, names => Object.fromEntries(names.map(name => [name, secret(name)])));
}

/**
 * Sets the retention of every log group in the scope: those of the functions and the access log. The log groups keep
 * their logical ids, so that another retention does not delete logs.
 */
function setLogRetention(scope: Construct, days: number): void {
  const retention = logRetention(days);
  PropertyInjectors.of(scope).add({
    constructUniqueId: logs.LogGroup.PROPERTY_INJECTION_ID,
    inject: (original: logs.LogGroupProps) => ({ ...original, retention }),
  });
}

/** CloudWatch Logs knows certain numbers of days only. */
function logRetention(days: number): logs.RetentionDays {
  const allowed = Object.values(logs.RetentionDays).filter((it): it is number => typeof it === 'number' && it <= 3653);
  if (allowed.includes(days)) return days;
  const expected = `one of ${allowed.sort((a, b) => a - b).join(', ')}`;
  return invalid('observability', 'log_retention_days', expected, days);
}

function network(scope: Construct, { vpc }: DeployConfig): McpLambdaServerProps {
  if (!(vpc.enabled ?? vpc.vpc_id !== undefined)) return {};
  const { vpc_id: vpcId, subnet_ids: subnets, security_group_ids: groups } = vpc;
  if (vpcId === undefined) return invalid('vpc', 'vpc_id', 'given where the VPC is enabled', vpcId);
  if (!subnets?.length) return invalid('vpc', 'subnet_ids', 'a list of private subnets', subnets);
  if (!groups?.length) return invalid('vpc', 'security_group_ids', 'a list of security groups', groups);
  return {
    vpc: ec2.Vpc.fromVpcAttributes(scope, 'Vpc', {
      vpcId,
      availabilityZones: subnets.map((_, at) => `zone-${at}`),
      privateSubnetIds: subnets,
    }),
    securityGroups: groups.map((id, at) => ec2.SecurityGroup.fromSecurityGroupId(scope, `SecurityGroup${at}`, id)),
  };
}

function toEndpoint(scope: Construct, { api_gateway: api }: DeployConfig): McpEndpoint | undefined {
  const throttling = {
    throttlingRateLimit: api.throttling_rate_limit,
    throttlingBurstLimit: api.throttling_burst_limit,
  };
  switch (api.type) {
    case 'http': {
      const other = (
        [
          'stage_name',
          'cloud_watch_role',
          'web_acl_arn',
          'domain_name',
          'certificate_arn',
          'hosted_zone_id',
          'hosted_zone_name',
        ] as const
      ).find(key => api[key] !== undefined);
      if (other) return invalid('api_gateway', other, 'left out, or type "rest"', api[other]);
      return McpEndpoint.httpApi({ ...throttling, streaming: api.streaming, accessLog: api.access_log });
    }
    case 'rest':
      return McpEndpoint.restApi({
        ...throttling,
        streaming: api.streaming,
        stageName: api.stage_name,
        accessLog: api.access_log,
        cloudWatchRole: api.cloud_watch_role,
        webAcl: given(api.web_acl_arn, it => new ImportedWebAcl(scope, 'WebAcl', it)),
        domain: toDomain(scope, api),
      });
    default:
      if (Object.keys(api).length > 0) return invalid('api_gateway', 'type', '"http" or "rest"', api.type);
      return undefined;
  }
}

function toDomain(scope: Construct, api: DeployConfig['api_gateway']): McpDomainOptions | undefined {
  if (api.domain_name === undefined) {
    const other = (['certificate_arn', 'hosted_zone_id', 'hosted_zone_name'] as const).find(
      key => api[key] !== undefined,
    );
    return other ? invalid('api_gateway', 'domain_name', `given where ${other} is`, undefined) : undefined;
  }
  if (api.certificate_arn === undefined)
    return invalid('api_gateway', 'certificate_arn', 'given where domain_name is', undefined);
  const { hosted_zone_id: hostedZoneId, hosted_zone_name: zoneName } = api;
  if ((hostedZoneId === undefined) !== (zoneName === undefined)) {
    return invalid('api_gateway', 'hosted_zone_id', 'given together with hosted_zone_name', hostedZoneId);
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

/** `enabled = false` stands for `McpAuth.none()`. */
function toAuth(scope: Construct, { auth }: DeployConfig): McpAuth | undefined {
  if (auth.enabled === false) return McpAuth.none();
  const { scopes } = auth;
  switch (auth.provider) {
    case 'jwt':
      if (auth.issuer === undefined) return invalid('auth', 'issuer', 'given where provider is "jwt"', undefined);
      return McpAuth.jwt({ issuer: auth.issuer, audience: auth.audience ?? [], scopes });
    case 'cognito':
      return McpAuth.cognito({ scopes, domainPrefix: auth.domain_prefix, callbackUrls: auth.callback_urls });
    case 'custom':
      if (auth.authorizer_arn === undefined)
        return invalid('auth', 'authorizer_arn', 'given where provider is "custom"', undefined);
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
        return invalid('auth', 'provider', '"iam", "jwt", "cognito" or "custom" where enabled is true', undefined);
      return undefined;
  }
}

function toCors({ endpoint }: DeployConfig): McpLambdaServerProps['cors'] {
  if (endpoint.cors_origins === undefined) {
    const other = (['cors_credentials', 'cors_max_age_seconds'] as const).find(key => endpoint[key] !== undefined);
    return other ? invalid('endpoint', 'cors_origins', `given where ${other} is`, undefined) : undefined;
  }
  return {
    allowOrigins: endpoint.cors_origins,
    allowCredentials: endpoint.cors_credentials,
    maxAge: seconds(endpoint.cors_max_age_seconds),
  };
}

function toState(scope: Construct, { state }: DeployConfig): McpLambdaServerProps['state'] {
  const table = (id: string, name: string | undefined) =>
    given(name, it => dynamodb.TableV2.fromTableName(scope, id, it));
  return {
    stateTable: table('StateTable', state.state_table),
    eventTable: table('EventTable', state.event_table),
    removalPolicy: given(state.removal, it => (it === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN)),
    pointInTimeRecoverySpecification: given(state.point_in_time_recovery, pointInTimeRecoveryEnabled => ({
      pointInTimeRecoveryEnabled,
    })),
    deletionProtection: state.deletion_protection,
    maxReadRequestUnits: state.max_read_request_units,
    maxWriteRequestUnits: state.max_write_request_units,
    sessions: given(state.sessions, it => it as McpSessions),
    sessionTtl: given(state.session_ttl_minutes, it => Duration.minutes(it)),
  };
}

function seconds(count: number | undefined): Duration | undefined {
  return given(count, it => Duration.seconds(it));
}

function given<T, U>(value: T | undefined, make: (value: T) => U): U | undefined {
  return value === undefined ? undefined : make(value);
}

function invalid(section: string, key: string, expected: string, value: unknown): never {
  throw new DeployConfigError(`[${section}] ${key} must be ${expected}, got: ${JSON.stringify(value)}`);
}
