import { Duration } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { McpTasksConfig } from '../tasks/tasks-config';
import { FEW_MINUTES, MINUTE, chosen, notEmpty, percentOf, type AlarmCollection } from './alarm';
import { McpMonitoringLevel } from './monitoring-level';
import type { McpMonitoringOptions } from './monitoring-options';
import { addTaskMetricAlarm } from './server-metrics';

/** How much older than expected the oldest message may be. */
const AGE_MARGIN = Duration.minutes(5);

/** How long messages may wait while workers receive none. */
const WAIT_MINUTES = 10;

/** The alarms of tasks. */
export function addTaskAlarms(alarms: AlarmCollection, options: McpMonitoringOptions, tasks: McpTasksConfig): void {
  addQueueAlarms(alarms, options, tasks);
  const { worker, failures, workerFailures, workerService } = tasks;
  if (failures) {
    addNotEmpty(alarms, 'TaskFailures', failures, {
      meaning: 'Messages of tasks were received again and again, and never done: workers crashed, or the tables failed.',
      action:
        "the worker's log of that time; correct the cause, then move the messages back (aws sqs start-message-move-task). Their tasks go on even without them.",
    });
  }
  if (worker) addWorkerAlarms(alarms, options, worker.function);
  // Workers on Fargate write no metrics to CloudWatch.
  if (worker && !workerService && options.serverMetrics) {
    addTaskMetricAlarm(alarms, options, worker.function.functionName);
  }
  if (workerFailures) {
    addNotEmpty(alarms, 'WorkerFailures', workerFailures, {
      meaning: 'The worker failed to update a task, or to sweep.',
      action:
        'receive one (it contains the event and the reason) and correct the cause. An update-task event must be sent again; a sweep-tasks event can be deleted.',
    });
  }
}

/**
 * The worker has no alarm for its duration: it gives a task back shortly before its timeout, so that a long duration is
 * no problem.
 */
function addWorkerAlarms(alarms: AlarmCollection, options: McpMonitoringOptions, worker: lambda.Function): void {
  const sum = { statistic: 'Sum', period: MINUTE };
  alarms.add('WorkerErrorRate', {
    // A worker has few invocations: one failure counts.
    metric: percentOf(worker.metricErrors(sum), worker.metricInvocations(sum), 1),
    threshold: options.errorRatePercent ?? 1,
    description:
      'Invocations of the worker fail: timeouts, crashes, missing configuration. Runbook: its log, lines with "Task timed out", "Runtime exited" or level ERROR. A tool that fails is no such error; one that exhausts the memory is.',
    ...FEW_MINUTES,
    level: McpMonitoringLevel.BASIC,
  });
  alarms.add('WorkerThrottles', {
    metric: worker.metricThrottles(sum),
    threshold: 0,
    description:
      "Lambda throttles the worker: messages are received without being run, and end in the TaskFailures queue. Runbook: lower tasks.maxConcurrency below the worker's reserved concurrency and what is left of the account's quota, or raise those.",
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
  });
}

function addQueueAlarms(
  alarms: AlarmCollection,
  options: McpMonitoringOptions,
  { queue, expectedAge, workerService }: McpTasksConfig,
): void {
  alarms.add('TasksWaiting', {
    metric: new cw.MathExpression({
      expression: 'IF(FILL(received, 0) > 0, 0, waiting)',
      usingMetrics: {
        waiting: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Minimum', period: MINUTE }),
        received: queue.metricNumberOfMessagesReceived({ statistic: 'Sum', period: MINUTE }),
      },
      period: MINUTE,
      label: 'messages that wait while none is received',
    }),
    threshold: 0,
    description: workerService
      ? 'Tasks wait, and no worker takes one. Runbook: are the workers running (the events of the service), or all of them busy: raise tasks.maxWorkers or tasks.tasksPerWorker.'
      : 'Tasks wait, and no worker takes one. Runbook: see WorkerThrottles and WorkerErrorRate; is the event source mapping enabled; if all workers are busy, raise tasks.maxConcurrency.',
    evaluationPeriods: WAIT_MINUTES,
    datapointsToAlarm: WAIT_MINUTES,
  });
  const age = options.taskAge ?? expectedAge?.plus(AGE_MARGIN);
  if (age === undefined || age.isUnresolved()) return;
  alarms.add('TaskAge', {
    metric: queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: MINUTE }),
    threshold: age.toSeconds(),
    level: chosen(options.taskAge),
    description:
      'A message of a task is older than its delay and its run together take: its task starts late. Runbook: see TasksWaiting; if tasks run at the limit, raise tasks.maxConcurrency.',
    evaluationPeriods: 5,
    datapointsToAlarm: 3,
  });
}

function addNotEmpty(
  alarms: AlarmCollection,
  id: string,
  queue: sqs.IQueue,
  { meaning, action }: { meaning: string; action: string },
): void {
  alarms.add(`${id}NotEmpty`, {
    ...notEmpty(queue),
    description: `${meaning} Runbook: the ${id} queue: ${action} Messages expire after 14 days.`,
  });
}
