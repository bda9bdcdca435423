import { Duration } from 'aws-cdk-lib';
import { variables } from '../private/environment';
import { grantSend } from '../private/permissions';
import { checkAll, checkNumber, fail } from '../private/validation';
import { checkTasks, createTaskQueue, taskVariables } from './task-queue';
import type { McpTasksBindOptions, McpTasksConfig } from './tasks-config';
import type { McpFargateTasksOptions } from './tasks-options';
import { addSweepAndUpdates, createWorker } from './worker';
import {
  DEFAULT_CPU,
  DEFAULT_MAX_WORKERS,
  DEFAULT_MEMORY,
  DEFAULT_MIN_WORKERS,
  createServiceLogGroup,
  createWorkerService,
} from './worker-service';

/** How long a received message is hidden. Workers prolong that while they run its task. */
const VISIBILITY = Duration.minutes(2);

/** The timeout of the function that sweeps and takes updates: it runs no task. */
const TIMEOUT = Duration.minutes(1);

/** The memory that Fargate allows for CPU units, in MiB: the least, the most, and the step between. */
const MEMORY: { readonly [cpu: number]: readonly [least: number, most: number, step: number] } = {
  256: [512, 2048, 512],
  512: [1024, 4096, 1024],
  1024: [2048, 8192, 1024],
  2048: [4096, 16_384, 1024],
  4096: [8192, 30_720, 1024],
  8192: [16_384, 61_440, 4096],
  16384: [32_768, 122_880, 8192],
};

export function checkFargateTasks(options: McpFargateTasksOptions): void {
  const { minWorkers: least = DEFAULT_MIN_WORKERS, maxWorkers: most } = options;
  checkAll(
    () => checkTasks(options),
    () => checkCluster(options),
    () => checkSize(options),
    () => checkNumber('tasks.minWorkers', options.minWorkers, 0, most ?? DEFAULT_MAX_WORKERS),
    () => checkNumber('tasks.maxWorkers', most, Math.max(1, least), 5000),
    () => checkNumber('tasks.tasksPerWorker', options.tasksPerWorker, 1, 10_000),
  );
}

function checkCluster({ cluster, vpc }: McpFargateTasksOptions): void {
  if (!cluster && !vpc) fail('tasks.vpc', vpc, "is needed where 'tasks.cluster' is not given", 'give one of them');
  if (cluster && vpc) {
    fail('tasks.vpc', vpc.vpcId, "cannot be used with 'tasks.cluster', which has a VPC", 'leave one of them out');
  }
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size */
function checkSize({ cpu = DEFAULT_CPU, memoryLimitMiB = DEFAULT_MEMORY }: McpFargateTasksOptions): void {
  const sizes = MEMORY[cpu];
  if (!sizes) fail('tasks.cpu', cpu, `must be one of ${Object.keys(MEMORY).join(', ')}`, 'choose one of them');
  const [least, most, step] = sizes;
  const ofHalfGigabyte = cpu === 256 && memoryLimitMiB === 1536;
  const fits = memoryLimitMiB >= least && memoryLimitMiB <= most && memoryLimitMiB % step === 0 && !ofHalfGigabyte;
  if (fits) return;
  const rule = cpu === 256 ? 'must be 512, 1024 or 2048' : `must be from ${least} to ${most} in steps of ${step}`;
  fail('tasks.memoryLimitMiB', memoryLimitMiB, `${rule} for a 'tasks.cpu' of ${cpu}`, 'change one of them');
}

/**
 * Creates the queue, the service that runs its tasks, and a function that sweeps and takes updates: it also sends the
 * messages that start the first worker where there are none.
 */
export function bindFargateTasks(options: McpFargateTasksOptions, bound: McpTasksBindOptions): McpTasksConfig {
  const { scope, workers, encryptionKey } = bound;
  const taskQueue = createTaskQueue(bound, options, VISIBILITY);
  const environment = taskVariables(options);
  const worker = createWorker(workers, taskQueue.queue, {
    description: 'MCP server: sweeps tasks and takes updates of them',
    timeout: TIMEOUT,
    environment,
  });
  const logGroup = createServiceLogGroup(scope, encryptionKey);
  const workerService = createWorkerService(scope, options, {
    workers,
    logGroup,
    queue: taskQueue.queue,
    environment: {
      ...workers.environment,
      ...environment,
      ...variables({ role: 'worker', taskQueue: taskQueue.queue.queueUrl, tasksPerProcess: options.tasksPerWorker }),
    },
  });
  const { taskRole } = workerService.taskDefinition;
  taskQueue.queue.grantConsumeMessages(taskRole);
  grantSend(taskQueue.queue, taskRole);
  workers.grantWork(taskRole);
  const workerFailures = addSweepAndUpdates(scope, worker, options.updatesFrom, encryptionKey);
  // A message stays in the queue as long as its task runs, so that its age says nothing.
  return { ...taskQueue, environment, worker, workerFailures, workerService, logGroup };
}
