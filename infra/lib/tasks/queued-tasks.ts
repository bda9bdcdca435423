import { Duration } from 'aws-cdk-lib';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { expectFindings } from '../private/findings';
import { checkAll, checkNumber, checkSeconds, fail } from '../private/validation';
import { checkOptionsOfFunction } from '../server-function';
import { checkTasks, createTaskQueue, LONGEST_DELAY, taskVariables } from './task-queue';
import type { McpTasksBindOptions, McpTasksConfig, McpWorkerFunction } from './tasks-config';
import type { McpTaskQueueOptions } from './tasks-options';
import { addSweepAndUpdates, createWorker } from './worker';

const TIMEOUT = Duration.minutes(15);
const MAX_CONCURRENCY = 10;

/**
 * How much longer a message is hidden than an invocation may take. A message of an invocation that was killed is
 * received again after that time.
 */
const VISIBILITY_MARGIN = Duration.seconds(60);

export function checkQueuedTasks(options: McpTaskQueueOptions): void {
  checkAll(
    () => checkTasks(options),
    () => checkOptionsOfFunction('tasks.workerOptions', options.workerOptions ?? {}),
    () => checkConcurrency(options),
    () => checkBatches(options),
  );
}

function checkConcurrency({ maxConcurrency, workerOptions }: McpTaskQueueOptions): void {
  checkNumber('tasks.maxConcurrency', maxConcurrency, 2, 1000);
  const reserved = workerOptions?.reservedConcurrentExecutions;
  const most = maxConcurrency ?? MAX_CONCURRENCY;
  if (reserved === undefined || most <= reserved) return;
  const rule = `must be at least 'tasks.maxConcurrency', which is ${most}: messages that Lambda throttles end in the dead-letter queue`;
  fail('tasks.workerOptions.reservedConcurrentExecutions', reserved, rule, 'raise it, or lower that');
}

function checkBatches({ batchSize, batchWindow }: McpTaskQueueOptions): void {
  checkNumber('tasks.batchSize', batchSize, 1, 10);
  checkSeconds('tasks.batchWindow', batchWindow, 300, 'shorten it');
  if (batchWindow === undefined || (batchSize ?? 1) > 1) return;
  fail('tasks.batchWindow', batchWindow, "needs a 'tasks.batchSize' above 1: one message is a full batch", 'set both');
}

/** Creates the queue, and the function that runs its tasks, sweeps and takes updates. */
export function bindQueuedTasks(options: McpTaskQueueOptions, bound: McpTasksBindOptions): McpTasksConfig {
  const { scope, workers, encryptionKey } = bound;
  const timeout = options.workerOptions?.timeout ?? TIMEOUT;
  const window = options.batchWindow ?? Duration.seconds(0);
  const taskQueue = createTaskQueue(bound, options, timeout.plus(window).plus(VISIBILITY_MARGIN));
  const environment = taskVariables(options);
  const worker = createWorker(workers, taskQueue.queue, {
    description: 'MCP server: runs tasks',
    timeout,
    environment,
    ...(options.workerOptions && { workerOptions: options.workerOptions }),
  });
  invokeForMessages(worker, taskQueue.queue, options);
  return {
    ...taskQueue,
    environment,
    worker,
    workerFailures: addSweepAndUpdates(scope, worker, options.updatesFrom, encryptionKey),
    // A message waits until its task is due, then for its worker.
    expectedAge: LONGEST_DELAY.plus(window).plus(timeout),
  };
}

/** Lambda deletes the message of a task unless the worker reports it as failed. */
function invokeForMessages({ alias }: McpWorkerFunction, queue: sqs.IQueue, options: McpTaskQueueOptions): void {
  const mapping = alias.addEventSourceMapping('TaskQueue', {
    eventSourceArn: queue.queueArn,
    batchSize: options.batchSize ?? 1,
    ...(options.batchWindow && { maxBatchingWindow: options.batchWindow }),
    maxConcurrency: options.maxConcurrency ?? MAX_CONCURRENCY,
    reportBatchItemFailures: true,
  });
  queue.grantConsumeMessages(alias);
  const reason = 'a queue has a dead-letter queue of its own; its mapping takes no destination';
  expectFindings(mapping, reason, 'Serverless-LambdaEventSourceMappingDestination');
}
