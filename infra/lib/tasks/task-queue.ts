import { Duration } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { LONGEST_RETENTION, createDeadLetterQueue, encryption } from '../private/dead-letter-queue';
import { variables, type Variables } from '../private/environment';
import { checkAll, checkEach, checkNumber, checkSeconds, fail, seconds } from '../private/validation';
import type { McpTasksBindOptions } from './tasks-config';
import type { McpTasksOptions } from './tasks-options';

/** SQS delays a message by 15 minutes at most: that of a task that goes on later is delayed again and again. */
export const LONGEST_DELAY = Duration.minutes(15);

/** The longest that SQS hides a message, and the shortest and longest that it keeps one. */
const LONGEST_VISIBILITY = Duration.hours(12);
const SHORTEST_RETENTION = Duration.minutes(1);

/** The shortest lease that the runtime takes. */
const SHORTEST_LEASE = Duration.seconds(10);

/** The most seconds that the runtime's variables take. */
const MOST_SECONDS = 4_294_967_295;

/** The queue of tasks, and its dead-letter queue if that is known. */
export interface TaskQueue {
  readonly queue: sqs.IQueue;
  readonly failures?: sqs.IQueue;
}

export function checkTasks(options: McpTasksOptions): void {
  checkAll(
    () => checkQueue(options),
    () => checkBetween('tasks.retention', options.retention, SHORTEST_RETENTION, LONGEST_RETENTION),
    () => checkNumber('tasks.maxReceiveCount', options.maxReceiveCount, 1, 1000),
    () => checkSeconds('tasks.ttl', options.ttl, MOST_SECONDS, 'shorten it'),
    () => checkNumber('tasks.perPrincipal', options.perPrincipal, 1, 1_000_000),
    () => checkBetween('tasks.lease', options.lease, SHORTEST_LEASE, LONGEST_VISIBILITY),
    () => checkNumber('tasks.attempts', options.attempts, 1, 1000),
  );
}

function checkQueue(options: McpTasksOptions): void {
  const { queue } = options;
  if (queue?.fifo) {
    const rule = 'must be a standard queue: a FIFO queue delays no single message';
    fail('tasks.queue', queue.queueName, rule, 'use a standard queue');
  }
  if (!queue) return;
  checkEach(['encryptionKey', 'retention', 'maxReceiveCount'] as const, name => {
    if (options[name] === undefined) return;
    const rule = 'does not apply to an imported queue';
    fail(`tasks.${name}`, options[name], rule, 'set it where the queue is defined');
  });
}

function checkBetween(property: string, value: Duration | undefined, shortest: Duration, longest: Duration): void {
  const count = seconds(value);
  if (count === undefined) return;
  const [least, most] = [shortest.toSeconds(), longest.toSeconds()];
  if (Number.isInteger(count) && count >= least && count <= most) return;
  fail(property, value, `must be whole seconds from ${least} to ${most}`, 'choose a time within');
}

/** The imported queue, or a new one that hides a message as long as its receiver may work on it. */
export function createTaskQueue(
  { scope, encryptionKey }: McpTasksBindOptions,
  options: McpTasksOptions,
  visibilityTimeout: Duration,
): TaskQueue {
  if (options.queue) return { queue: options.queue };
  const key = options.encryptionKey ?? encryptionKey;
  const failures = createDeadLetterQueue(scope, 'TaskFailures', key);
  const queue = new sqs.Queue(scope, 'TaskQueue', {
    enforceSSL: true,
    ...encryption(key),
    retentionPeriod: options.retention ?? Duration.days(4),
    visibilityTimeout,
    deadLetterQueue: { queue: failures, maxReceiveCount: options.maxReceiveCount ?? 5 },
    // No other queue may use it as its dead-letter queue: a message that is not of a task would go to the workers.
    redriveAllowPolicy: { redrivePermission: sqs.RedrivePermission.DENY_ALL },
  });
  return { queue, failures };
}

/** Environment variables of the server and of its workers. */
export function taskVariables(options: McpTasksOptions): Variables {
  return variables({
    taskTtlSeconds: options.ttl?.toSeconds(),
    tasksPerPrincipal: options.perPrincipal,
    taskLeaseSeconds: options.lease?.toSeconds(),
    taskAttempts: options.attempts,
  });
}
