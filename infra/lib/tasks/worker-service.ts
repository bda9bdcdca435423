import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { ALLOCATOR } from '../private/environment';
import { expectFindings } from '../private/findings';
import type { IMcpWorkers } from './tasks-config';
import type { McpFargateTasksOptions } from './tasks-options';

export const DEFAULT_CPU = 256;
export const DEFAULT_MEMORY = 512;
export const DEFAULT_MIN_WORKERS = 1;
export const DEFAULT_MAX_WORKERS = 4;

/** The longest that Fargate waits for a container that is to stop: its worker gives its tasks back in that time. */
const STOP_TIMEOUT = Duration.seconds(120);

/** What a worker needs. */
interface WorkerResources {
  readonly workers: IMcpWorkers;
  readonly queue: sqs.IQueue;
  readonly environment: { [name: string]: string };
  readonly logGroup: logs.ILogGroup;
}

/** The log group of the service. */
export function createServiceLogGroup(scope: Construct, encryptionKey: kms.IKey | undefined): logs.LogGroup {
  return new logs.LogGroup(scope, 'WorkerServiceLogGroup', {
    ...(encryptionKey && { encryptionKey }),
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** The service that runs tasks. */
export function createWorkerService(
  scope: Construct,
  options: McpFargateTasksOptions,
  resources: WorkerResources,
): ecs.FargateService {
  const minimum = options.minWorkers ?? DEFAULT_MIN_WORKERS;
  const maximum = Math.max(options.maxWorkers ?? DEFAULT_MAX_WORKERS, minimum);
  const service = new ecs.FargateService(scope, 'WorkerService', {
    cluster: options.cluster ?? createCluster(scope, options),
    taskDefinition: createTaskDefinition(scope, options, resources),
    // Application Auto Scaling sets the number; a deployment leaves it.
    ...(minimum === maximum && { desiredCount: minimum }),
    ...(options.vpcSubnets && { vpcSubnets: options.vpcSubnets }),
    ...(options.securityGroups && { securityGroups: options.securityGroups }),
    circuitBreaker: { rollback: true },
    minHealthyPercent: 100,
    maxHealthyPercent: 200,
  });
  if (minimum < maximum) addScaling(service, resources.queue, minimum, maximum);
  return service;
}

function createCluster(scope: Construct, { vpc }: McpFargateTasksOptions): ecs.Cluster {
  return new ecs.Cluster(scope, 'WorkerCluster', {
    ...(vpc && { vpc }),
    containerInsightsV2: ecs.ContainerInsights.ENABLED,
  });
}

function createTaskDefinition(
  scope: Construct,
  options: McpFargateTasksOptions,
  { workers, environment, logGroup }: WorkerResources,
): ecs.FargateTaskDefinition {
  const onArm = workers.architecture === lambda.Architecture.ARM_64;
  const definition = new ecs.FargateTaskDefinition(scope, 'WorkerTask', {
    cpu: options.cpu ?? DEFAULT_CPU,
    memoryLimitMiB: options.memoryLimitMiB ?? DEFAULT_MEMORY,
    runtimePlatform: {
      cpuArchitecture: onArm ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64,
      operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
    },
  });
  definition.addContainer('Worker', {
    image: options.image,
    // JSON, as in the logs of the functions.
    environment: { MCP_LOG_FORMAT: 'json', ...ALLOCATOR, ...environment },
    logging: ecs.LogDrivers.awsLogs({ streamPrefix: 'worker', logGroup }),
    stopTimeout: STOP_TIMEOUT,
  });
  const reason = 'the variables are names of resources; secrets are read by the program, from the ARN in a variable';
  expectFindings(definition, reason, 'AwsSolutions-ECS2');
  return definition;
}

/**
 * Adds workers while messages wait, and removes one while no task runs at all: Fargate does not say which worker is idle,
 * and a stopped one gives its tasks back.
 */
function addScaling(service: ecs.FargateService, queue: sqs.IQueue, minCapacity: number, maxCapacity: number): void {
  const period = Duration.minutes(1);
  const load = new cw.MathExpression({
    expression: 'IF(waiting > 0, waiting + 1, IF(running > 0, 1, 0))',
    usingMetrics: {
      waiting: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period }),
      running: queue.metricApproximateNumberOfMessagesNotVisible({ statistic: 'Maximum', period }),
    },
    period,
    label: '0: idle, 1: tasks run, more: tasks wait',
  });
  service.autoScaleTaskCount({ minCapacity, maxCapacity }).scaleOnMetric('Load', {
    metric: load,
    scalingSteps: [
      { upper: 0, change: -1 },
      { lower: 2, change: 1 },
      { lower: 50, change: 3 },
    ],
  });
}
