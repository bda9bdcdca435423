// Converts a deploy.toml to properties of the construct.
import { resolve } from 'node:path';
import { Duration, PropertyInjectors, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { McpMonitoringLevel, McpTasks, type McpLambdaServerProps, type McpSessions } from '../../lib';
import { toAuth } from './auth';
import { toDeployment } from './deployment';
import { toAdditional, toEndpoint } from './endpoint';
import { toLargeResults } from './large-results';
import { network } from './network';
import { toToolResources } from './tools';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';
import { given, seconds } from './values';

/**
 * `scope` is the scope of imported resources; paths are relative to `folder`. Keys that do not go together are noted as
 * problems, and their properties are left out.
 */
export function toProps(
  scope: Construct,
  config: DeployConfig,
  folder: string,
  problems: Problems,
): McpLambdaServerProps {
  const days = config.observability.log_retention_days;
  if (days !== undefined) setLogRetention(scope, days, problems);
  return {
    ...program(config, folder),
    ...functionOptions(config),
    secrets: toSecrets(scope, config),
    ...network(scope, config, problems),
    endpoint: toEndpoint(scope, config, problems),
    additionalEndpoints: toAdditional(config, problems),
    auth: problems.attempt(() => toAuth(scope, config, problems)),
    path: config.endpoint.path,
    allowedHosts: config.endpoint.allowed_hosts,
    publicUrl: config.endpoint.public_url,
    cors: toCors(config, problems),
    streams: {
      enabled: config.streams.enabled,
      lifetime: seconds(config.streams.lifetime_seconds),
      perPrincipal: config.streams.per_principal,
    },
    state: toState(scope, config),
    mcpEvents: {
      enabled: config.events.enabled,
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
    toolResources: toToolResources(scope, config, problems),
    tasks: toTasks(scope, config, problems),
    largeResults: toLargeResults(scope, config, problems),
    deployment: toDeployment(config, problems),
    monitoring: toMonitoring(scope, config),
  };
}

function toTasks(scope: Construct, { tasks }: DeployConfig, problems: Problems): McpTasks | undefined {
  if (!tasks.enabled) {
    const other = Object.keys(tasks).find(key => key !== 'enabled');
    return other === undefined ? undefined : problems.add('tasks', 'enabled', `true where ${other} is given`, tasks.enabled);
  }
  return McpTasks.queue({
    workerOptions: {
      memorySize: tasks.memory_size,
      timeout: seconds(tasks.timeout_seconds),
      reservedConcurrentExecutions: tasks.reserved_concurrent_executions,
    },
    maxConcurrency: tasks.max_concurrency,
    batchSize: tasks.batch_size,
    batchWindow: seconds(tasks.batch_window_seconds),
    maxReceiveCount: tasks.max_receive_count,
    ttl: seconds(tasks.ttl_seconds),
    perPrincipal: tasks.per_principal,
    lease: seconds(tasks.lease_seconds),
    attempts: tasks.attempts,
    updatesFrom: given(tasks.update_event_bus, name => events.EventBus.fromEventBusName(scope, 'UpdateBus', name)),
  });
}

function toMonitoring(scope: Construct, { observability }: DeployConfig): McpLambdaServerProps['monitoring'] {
  return {
    level: monitoringLevel(observability),
    alarms: observability.alarms,
    compositeAlarm: observability.composite_alarm,
    dashboard: observability.dashboard,
    savedQueries: observability.saved_queries,
    alarmTopic: given(observability.alarm_topic_arn, it => sns.Topic.fromTopicArn(scope, 'AlarmTopic', it)),
    alarmEmail: observability.alarm_email,
    accountConcurrency: observability.account_concurrency,
    anomalyDetection: observability.anomaly_detection,
    serverMetrics: observability.server_metrics,
    tools: observability.tools,
    applicationSignals: observability.application_signals,
  };
}

/** Other tools write `alarms = true` and mean all of them. */
function monitoringLevel({ level, alarms }: DeployConfig['observability']): McpMonitoringLevel | undefined {
  if (level === undefined) return alarms ? McpMonitoringLevel.FULL : undefined;
  return level as McpMonitoringLevel;
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
    ephemeralStorageSize: given(settings.ephemeral_storage_size, it => Size.mebibytes(it)),
    timeout: seconds(settings.timeout_seconds),
    environment: settings.environment,
    reservedConcurrentExecutions: settings.reserved_concurrent_executions,
    provisionedConcurrentExecutions: settings.provisioned_concurrent_executions,
    maxProvisionedConcurrentExecutions: settings.max_provisioned_concurrent_executions,
    tracing: given(settings.tracing, it => tracing[it as keyof typeof tracing]),
    applicationLogLevelV2: config.observability.application_log_level as lambda.ApplicationLogLevel | undefined,
    systemLogLevelV2: config.observability.system_log_level as lambda.SystemLogLevel | undefined,
    insightsVersion: config.observability.lambda_insights ? lambda.LambdaInsightsVersion.VERSION_1_0_498_0 : undefined,
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
function setLogRetention(scope: Construct, days: number, problems: Problems): void {
  const retention = logRetention(days, problems);
  if (retention === undefined) return;
  PropertyInjectors.of(scope).add({
    constructUniqueId: logs.LogGroup.PROPERTY_INJECTION_ID,
    inject: (original: logs.LogGroupProps) => ({ ...original, retention }),
  });
}

/** CloudWatch Logs knows certain numbers of days only. */
function logRetention(days: number, problems: Problems): logs.RetentionDays | undefined {
  const allowed = Object.values(logs.RetentionDays).filter((it): it is number => typeof it === 'number' && it <= 3653);
  if (allowed.includes(days)) return days;
  const expected = `one of ${allowed.sort((a, b) => a - b).join(', ')}`;
  return problems.add('observability', 'log_retention_days', expected, days);
}

function toCors({ endpoint }: DeployConfig, problems: Problems): McpLambdaServerProps['cors'] {
  if (endpoint.cors_origins === undefined) {
    const other = (['cors_credentials', 'cors_max_age_seconds'] as const).find(key => endpoint[key] !== undefined);
    return other && problems.add('endpoint', 'cors_origins', `given where ${other} is`, undefined);
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
    removalPolicy: given(state.removal, it => (it === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)),
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
