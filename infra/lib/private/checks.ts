import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { checkCors } from '../cors';
import { checkKinds } from '../endpoint/several';
import { checkEvents } from '../events';
import { MANAGED_MEMORY, checkManagedInstances } from '../managed-instances';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import { checkMonitoring } from '../monitoring/monitoring-options';
import { checkOptionsOfFunction } from '../server-function';
import { checkState } from '../state';
import { checkStreams } from '../streams';
import { checkToolResources } from '../tool-resources';
import { endpointAndTimeout } from './defaults';
import { ENVIRONMENT } from './environment';
import { checkFunctionOptions } from './function-options';
import { checkStateKeys } from './state-keys';
import { checkAll, checkEach, checkNumber, checkSeconds, fail } from './validation';

/** Lambda's maximum timeout, and the maximum of an asynchronous invocation on managed instances. */
const MAX_TIMEOUT = Duration.seconds(900);
const MANAGED_MAX_TIMEOUT = Duration.seconds(5400);

/** The layers of a function: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_LAYERS = 5;

/**
 * Fails for properties that cannot work, alone or together, before any resource is created: with all problems that can
 * be seen here at once.
 */
export function checkProps(props: McpLambdaServerProps): void {
  const { endpoint, timeout } = endpointAndTimeout(props);
  const additional = props.additionalEndpoints ?? [];
  checkAll(
    () => checkProgram(props),
    () => checkFunctionOptions(props, props.function !== undefined),
    () => checkWithoutOwnFunction(props),
    () => checkTimeout(props),
    () => checkMemory(props),
    () => checkConcurrency(props),
    () => checkVersions(props),
    () => checkNetwork(props),
    () => checkLogLevels(props),
    () => checkLayers(props),
    () => checkPath(props.path),
    () => checkEnvironment(props),
    () => checkStateKeys(props),
    () => props.largeResults?._check(),
    () => props.toolResources && checkToolResources(props.toolResources),
    () => checkOptionsOfFunction('ingestOptions', props.ingestOptions ?? {}),
    () => checkOptionsOfFunction('authorizerOptions', props.authorizerOptions ?? {}),
    () => props.managedInstances && checkManagedInstances(props.managedInstances),
    () => props.cors && checkCors(props.cors),
    () => checkStreams(props.streams ?? {}, timeout),
    () => checkState(props.state ?? {}),
    () => checkEvents(props.mcpEvents ?? {}),
    () => checkIngest(props),
    () => checkTasksOfServer(props),
    () => props.tasks?._check(),
    () => props.deployment?._check(),
    () => checkMonitoring(props.monitoring ?? {}, props.mcpEvents?.topic),
    () => checkKinds(endpoint, additional),
    () =>
      checkEach([endpoint, ...additional], it =>
        it._check({ timeout, ...(props.tenancyConfig && { tenancyConfig: props.tenancyConfig }) }),
      ),
  );
}

function checkProgram(props: McpLambdaServerProps): void {
  const given = (['function', 'code', 'manifestPath'] as const).filter(name => props[name] !== undefined);
  if (given.length > 1) {
    const names = `'${given.join("' and '")}'`;
    fail(given[1] ?? '', names, 'is one of three ways to give the program', 'keep one of them');
  }
  checkEach(['binaryName', 'cargoLambdaFlags'] as const, name => {
    if (props[name] === undefined || (!props.function && !props.code)) return;
    fail(name, props[name], "belongs to 'manifestPath'", "leave it out, or 'function' and 'code'");
  });
}

function checkWithoutOwnFunction(props: McpLambdaServerProps): void {
  if (!props.function) return;
  if (props.managedInstances) {
    const rule = "does not apply where 'function' is given";
    fail('managedInstances', props.managedInstances, rule, 'set it on that function');
  }
  checkEach(['ingestOptions', 'authorizerOptions'] as const, name => {
    if (props[name] === undefined) return;
    const rule = "does not apply where 'function' is given: that function does the work of all of them";
    fail(name, props[name], rule, 'leave it out');
  });
}

function checkIngest({ ingestOptions, mcpEvents }: McpLambdaServerProps): void {
  if (!ingestOptions || mcpEvents?.enabled !== false) return;
  const given = Object.values(ingestOptions).some(value => value !== undefined);
  if (!given) return;
  const rule = "needs events, and 'mcpEvents.enabled' is false";
  fail('ingestOptions', ingestOptions, rule, 'leave one of them out');
}

function checkTasksOfServer(props: McpLambdaServerProps): void {
  const age = props.monitoring?.taskAge;
  if (age && !props.tasks) fail('monitoring.taskAge', age, "needs 'tasks'", 'set that as well, or leave this out');
  if (!props.tasks) return;
  if (props.function) {
    const rule = "needs the program of the workers, and 'function' is no program";
    fail('tasks', 'McpTasks', rule, "give the program as 'code' or 'manifestPath'");
  }
  if (!props.tenancyConfig) return;
  const rule = "cannot be used with 'tenancyConfig': one worker would run tasks of several tenants";
  fail('tasks', 'McpTasks', rule, 'leave one of them out');
}

function checkTimeout(props: McpLambdaServerProps): void {
  const limit = props.managedInstances ? MANAGED_MAX_TIMEOUT : MAX_TIMEOUT;
  const wayOut = props.managedInstances ? 'shorten it' : "shorten it, or run on 'managedInstances'";
  checkSeconds('timeout', props.timeout, limit.toSeconds(), wayOut);
}

function checkMemory(props: McpLambdaServerProps): void {
  const least = props.managedInstances ? MANAGED_MEMORY : 128;
  checkNumber('memorySize', props.memorySize, least, props.managedInstances ? 32_768 : 10_240);
}

function checkConcurrency(props: McpLambdaServerProps): void {
  const reserved = props.reservedConcurrentExecutions;
  const provisioned = props.provisionedConcurrentExecutions;
  const maximum = props.maxProvisionedConcurrentExecutions;
  checkAll(
    () => checkNumber('reservedConcurrentExecutions', reserved, 0, 1_000_000),
    () => checkNumber('provisionedConcurrentExecutions', provisioned, 1, 1_000_000),
    () => checkNumber('maxProvisionedConcurrentExecutions', maximum, provisioned ?? 1, 1_000_000),
  );
  if (maximum !== undefined && provisioned === undefined) {
    const rule = "needs 'provisionedConcurrentExecutions' to scale from";
    fail('maxProvisionedConcurrentExecutions', maximum, rule, 'set both');
  }
  if (provisioned === undefined) return;
  const most = maximum ?? provisioned;
  if (reserved !== undefined && most > reserved) {
    const name = maximum === undefined ? 'provisionedConcurrentExecutions' : 'maxProvisionedConcurrentExecutions';
    const rule = `must be at most 'reservedConcurrentExecutions', which is ${reserved}`;
    fail(name, most, rule, 'raise that or lower this');
  }
  for (const name of ['tenancyConfig', 'managedInstances'] as const) {
    if (!props[name]) continue;
    fail('provisionedConcurrentExecutions', provisioned, `cannot be used with '${name}'`, 'leave one of them out');
  }
}

function checkVersions({ currentVersionOptions: versions, managedInstances }: McpLambdaServerProps): void {
  if (versions && managedInstances) {
    const rule = "cannot be used with 'managedInstances', which decides how many environments a version has";
    fail('currentVersionOptions', versions, rule, 'leave it out');
  }
  if (versions?.provisionedConcurrentExecutions === undefined) return;
  fail(
    'currentVersionOptions.provisionedConcurrentExecutions',
    versions.provisionedConcurrentExecutions,
    'would keep old versions initialized as well',
    "use 'provisionedConcurrentExecutions', which moves with the alias",
  );
}

function checkNetwork(props: McpLambdaServerProps): void {
  const ofVpc = [
    'vpcSubnets',
    'securityGroups',
    'allowAllOutbound',
    'allowAllIpv6Outbound',
    'allowPublicSubnet',
    'ipv6AllowedForDualStack',
    'filesystem',
  ] as const;
  checkEach(ofVpc, name => {
    if (props[name] === undefined || props.vpc) return;
    fail(name, props[name], "needs 'vpc'", "give 'vpc' as well, or leave it out");
  });
  checkEach(['allowAllOutbound', 'allowAllIpv6Outbound'] as const, name => {
    if (props[name] === undefined || !props.securityGroups) return;
    fail(name, props[name], "does not apply to existing 'securityGroups'", 'set it where the groups are defined');
  });
}

function checkLogLevels(props: McpLambdaServerProps): void {
  checkEach(['applicationLogLevelV2', 'systemLogLevelV2'] as const, name => {
    if (props[name] === undefined || props.loggingFormat !== lambda.LoggingFormat.TEXT) return;
    fail(name, props[name], "needs logs in JSON, and 'loggingFormat' is Text", 'leave one of them out');
  });
}

/** Lambda Insights, the collector of OpenTelemetry, and the extension for parameters and secrets are layers as well. */
function checkLayers({ layers = [], ...extensions }: McpLambdaServerProps): void {
  const ofOptions = (['insightsVersion', 'adotInstrumentation', 'paramsAndSecrets'] as const).filter(
    name => extensions[name] !== undefined,
  );
  const count = layers.length + ofOptions.length;
  if (count <= MAX_LAYERS) return;
  const rule = `must be at most ${MAX_LAYERS}, which is Lambda's limit, those of ${ofOptions.join(', ')} included`;
  fail('layers', count, rule, 'leave one out, or merge them');
}

function checkPath(path: string | undefined): void {
  if (path === undefined || /^\/([A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*)?$/.test(path)) return;
  fail('path', path, 'must be a path without a slash at its end', "write '/mcp', or '/' for the root");
}

function checkEnvironment(props: McpLambdaServerProps): void {
  const reserved = new Map<string, string>(Object.values(ENVIRONMENT).map(({ name, prop }) => [name, prop]));
  const names = (['environment', 'secrets'] as const).flatMap(source =>
    Object.keys(props[source] ?? {}).map(name => [source, name] as const),
  );
  checkEach(names, ([source, name]) => {
    const property = reserved.get(name);
    if (property) fail(`${source}.${name}`, name, 'is set by the construct', `use '${property}'`);
    if (/^[A-Za-z][A-Za-z0-9_]+$/.test(name)) return;
    const rule = 'must have names of two or more letters, digits and _ that begin with a letter';
    fail(source, name, rule, 'rename it');
  });
  const both = Object.keys(props.environment ?? {}).find(name => props.secrets?.[name]);
  if (both !== undefined) fail(`secrets.${both}`, both, "is also in 'environment'", 'keep one of them');
}
