import { Duration, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { createDeadLetterQueue } from '../private/dead-letter-queue';
import { variables } from '../private/environment';
import { QueueDestination, grantSend } from '../private/permissions';
import type { IMcpWorkers, McpWorkerFunction, McpWorkerFunctionProps } from './tasks-config';

/** The event on which a worker looks for tasks that are due and without a message. The runtime knows it by these fields. */
const SWEEP = { source: 'mcp-lambda-server', action: 'sweep-tasks' };

/** The detail type of events of EventBridge that update a task. */
const UPDATE = 'MCP Task Update';

/** Creates the function `Worker`, with the permission to send messages to the queue: a task may go on later. */
export function createWorker(workers: IMcpWorkers, queue: sqs.IQueue, props: McpWorkerFunctionProps): McpWorkerFunction {
  const environment = { ...props.environment, ...variables({ taskQueue: queue.queueUrl }) };
  const worker = workers.createWorkerFunction({ ...props, environment });
  grantSend(queue, worker.function);
  return worker;
}

/**
 * Invokes the worker every minute to sweep, and for events that update a task. Those invocations are asynchronous:
 * Lambda tries each three times, and then moves it to the queue that is returned.
 */
export function addSweepAndUpdates(
  scope: Construct,
  worker: McpWorkerFunction,
  updatesFrom: events.IEventBus | undefined,
  key: kms.IKey | undefined,
): sqs.Queue {
  const failures = createDeadLetterQueue(scope, 'WorkerFailures', key);
  worker.alias.configureAsyncInvoke({
    onFailure: new QueueDestination(failures),
    maxEventAge: Duration.hours(1),
    retryAttempts: 2,
  });
  addSweep(scope, worker, failures);
  if (updatesFrom) addUpdates(scope, worker, failures, updatesFrom);
  return failures;
}

function addSweep(scope: Construct, { alias }: McpWorkerFunction, failures: sqs.Queue): void {
  const role = new iam.Role(scope, 'TaskSweepRole', {
    assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
    description: 'MCP server: invokes the worker every minute',
  });
  new Schedule(scope, 'TaskSweep', {
    description: 'Sends messages for tasks of the MCP server that are due and without one',
    schedule: ScheduleExpression.rate(Duration.minutes(1)),
    target: new LambdaInvoke(alias, {
      role,
      input: ScheduleTargetInput.fromObject(SWEEP),
      // The next one comes in a minute.
      maxEventAge: Duration.minutes(1),
      retryAttempts: 1,
      deadLetterQueue: failures,
    }),
  });
}

function addUpdates(
  scope: Construct,
  { alias }: McpWorkerFunction,
  failures: sqs.Queue,
  eventBus: events.IEventBus,
): void {
  const rule = new events.Rule(scope, 'TaskUpdates', {
    description: 'Updates of tasks of the MCP server',
    eventBus,
    eventPattern: { detailType: [UPDATE] },
  });
  rule.addTarget(new LambdaFunction(alias, { deadLetterQueue: failures }));
}
