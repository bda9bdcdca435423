import { Token, type Duration } from 'aws-cdk-lib';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { checkAll, checkEach, checkNumber, fail } from '../private/validation';
import { McpMonitoringLevel } from './monitoring-level';

/**
 * Alarms, the dashboard, and saved queries of the logs.
 */
export interface McpMonitoringOptions {
  /**
   * How much is monitored. An alarm with an option of its own, such as `eventAge` or `serverMetrics`, is created at every
   * level with alarms if its option is set.
   *
   * @default McpMonitoringLevel.BASIC
   */
  readonly level?: McpMonitoringLevel;

  /**
   * Whether alarms are created.
   *
   * @default - those of `level`
   */
  readonly alarms?: boolean;

  /**
   * Whether one composite alarm is created for all alarms, except for those of dead-letter queues: these stay on until a
   * person empties the queue, and would hide all others. $0.50 a month.
   *
   * @default - true with McpMonitoringLevel.FULL
   */
  readonly compositeAlarm?: boolean;

  /**
   * Whether each alarm notifies, where a composite alarm does so for them.
   *
   * @default false
   */
  readonly notifyEachAlarm?: boolean;

  /**
   * Whether a dashboard is created. $3.00 a month.
   *
   * @default - true with McpMonitoringLevel.FULL
   */
  readonly dashboard?: boolean;

  /**
   * Whether queries of the logs are saved in CloudWatch Logs Insights: the requests of a session, slow requests, errors
   * by tool, and all lines of one request. A function of your own has none: its log group is not known.
   *
   * @default - true, except with McpMonitoringLevel.NONE
   */
  readonly savedQueries?: boolean;

  /**
   * The topic that alarms notify, when they are on and when they are off again. Not the topic of events: an alarm about the
   * function would invoke the function.
   *
   * @default - a new topic, with no subscriber but `alarmEmail`
   */
  readonly alarmTopic?: sns.ITopic;

  /**
   * An address that is subscribed to the new topic of alarms. SNS sends a message there that must be confirmed.
   *
   * @default - none: subscribe to `alarmTopic` of the server
   */
  readonly alarmEmail?: string;

  /**
   * The alarm threshold for failed invocations of a function, in percent.
   *
   * @default 1
   */
  readonly errorRatePercent?: number;

  /**
   * The alarm threshold for responses with status 500 and above, in percent.
   *
   * @default 1
   */
  readonly serverErrorRatePercent?: number;

  /**
   * The alarm threshold for the duration of a function, in percent of its timeout. The server has this alarm only where
   * streams end below the threshold: a stream that waits for events is not slow.
   *
   * @default 80
   */
  readonly durationPercent?: number;

  /**
   * The alarm threshold for concurrency in use, in percent of `reservedConcurrentExecutions` and of
   * `accountConcurrency`.
   *
   * @default 80
   */
  readonly concurrencyPercent?: number;

  /**
   * The quota of concurrent executions of the account in this region. It cannot be known at synthesis. Without reserved
   * concurrency the server shares it with all other functions, and each open stream uses one.
   *
   * @default - no alarm for the account's concurrency
   */
  readonly accountConcurrency?: number;

  /**
   * The alarm threshold for the time that a message waits for the ingest function. Lambda's second and last retry of a
   * failed one begins after three minutes.
   *
   * @default Duration.minutes(5)
   */
  readonly eventAge?: Duration;

  /**
   * The alarm threshold for the age of the oldest message of a task. The age includes the time for which a message is
   * delayed, and that for which its task runs. With `McpTasks.fargate()` a message is as old as its task runs.
   *
   * @default - 35 minutes: SQS's longest delay, the timeout of the worker function, and five minutes. None for Fargate
   */
  readonly taskAge?: Duration;

  /**
   * Whether alarms are created for a number of requests and a duration that are unusual for the time of day and week.
   * CloudWatch learns what is usual for two weeks, and bills such an alarm as three.
   *
   * @default false
   */
  readonly anomalyDetection?: boolean;

  /**
   * Whether alarms and rows of the dashboard are created for the metrics that a server writes itself, by tool and
   * method. They need the feature `metrics` of the program: `tests/contract/metrics.json` of the repository lists
   * them.
   *
   * @default false
   */
  readonly serverMetrics?: boolean;

  /**
   * Tools with an alarm of their own for their rate of errors. Each is two metrics. Needs `serverMetrics`.
   *
   * @default - one alarm for all tools together
   */
  readonly tools?: string[];

  /**
   * The alarm threshold for calls of tools that end in an error, and for tasks that fail, in percent. Needs
   * `serverMetrics`.
   *
   * @default 10
   */
  readonly toolErrorRatePercent?: number;

  /**
   * The alarm threshold for the time from an event to its first byte on a stream. Needs `serverMetrics`.
   *
   * @default Duration.seconds(5)
   */
  readonly eventLag?: Duration;

  /**
   * Whether CloudWatch Application Signals is enabled for the account, with an objective for this server: 99 % of requests
   * in 30 days are answered with a status below 500. AWS's layers for Application Signals instrument managed runtimes
   * only, so that the objective is on the endpoint's metrics.
   *
   * @default false
   */
  readonly applicationSignals?: boolean;
}

const PERCENTS = [
  'errorRatePercent',
  'serverErrorRatePercent',
  'durationPercent',
  'concurrencyPercent',
  'toolErrorRatePercent',
] as const;

export function checkMonitoring(options: McpMonitoringOptions, eventsTopic: sns.ITopic | undefined): void {
  checkAll(
    () => checkEach(PERCENTS, name => checkNumber(`monitoring.${name}`, options[name], 1, 100)),
    () => checkNumber('monitoring.accountConcurrency', options.accountConcurrency, 1, 1_000_000),
    () => checkServerMetrics(options),
    () => checkTools(options.tools ?? []),
    () => checkAlarmOptions(options),
    () => checkAlarmTopic(options, eventsTopic),
  );
}

function checkAlarmTopic({ alarmTopic }: McpMonitoringOptions, eventsTopic: sns.ITopic | undefined): void {
  if (!alarmTopic || !eventsTopic || alarmTopic.topicArn !== eventsTopic.topicArn) return;
  const rule = "must not be 'mcpEvents.topic': an alarm about the function would invoke the function";
  fail('monitoring.alarmTopic', alarmTopic.topicArn, rule, 'use another topic');
}

/** Options that do nothing without alarms, or without the composite alarm. */
function checkAlarmOptions(options: McpMonitoringOptions): void {
  const { alarmEmail: email, level } = options;
  if (email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(email) && !Token.isUnresolved(email)) {
    fail('monitoring.alarmEmail', email, 'must be an address', 'write ops@example.com');
  }
  if (email !== undefined && options.alarmTopic) {
    const rule = "does not apply to an existing 'monitoring.alarmTopic'";
    fail('monitoring.alarmEmail', email, rule, 'subscribe it where the topic is defined');
  }
  if (options.alarms ?? level !== McpMonitoringLevel.NONE) return;
  checkEach(OF_ALARMS, name => {
    if (options[name] === undefined) return;
    const rule = "needs alarms, and 'monitoring' has none";
    fail(`monitoring.${name}`, options[name], rule, 'leave it out, or create alarms');
  });
}

const OF_ALARMS = [
  'compositeAlarm',
  'notifyEachAlarm',
  'alarmTopic',
  'alarmEmail',
  'errorRatePercent',
  'serverErrorRatePercent',
  'durationPercent',
  'concurrencyPercent',
  'accountConcurrency',
  'eventAge',
  'taskAge',
  'anomalyDetection',
] as const;

function checkServerMetrics(options: McpMonitoringOptions): void {
  checkEach(['tools', 'toolErrorRatePercent', 'eventLag'] as const, name => {
    if (options[name] === undefined || options.serverMetrics) return;
    fail(`monitoring.${name}`, options[name], "needs 'monitoring.serverMetrics'", 'set that as well, or leave this out');
  });
}

function checkTools(tools: string[]): void {
  checkEach(tools, tool => {
    if (/^[A-Za-z0-9_./-]{1,128}$/.test(tool)) return;
    const rule = 'must be names of tools: letters, digits and _ . / -';
    fail('monitoring.tools', tool, rule, 'write the name as tools/list has it');
  });
}
