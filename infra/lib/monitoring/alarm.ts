import { Duration } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { McpMonitoringLevel } from './monitoring-level';

/** One alarm. It is on above its threshold. */
export interface AlarmOptions {
  readonly metric: cw.IMetric;
  readonly threshold: number;
  readonly description: string;
  readonly evaluationPeriods?: number;
  readonly datapointsToAlarm?: number;
  /** The lowest level of monitoring that has the alarm. Default: `FULL`. */
  readonly level?: McpMonitoringLevel;
  /** Whether the alarm stays on until a person acts, so that it would hide others in the composite alarm. */
  readonly untilHandled?: boolean;
}

/** The level of an alarm that an option of its own asks for: every level that has alarms. */
export function chosen(option: unknown): McpMonitoringLevel {
  return option === undefined ? McpMonitoringLevel.FULL : McpMonitoringLevel.BASIC;
}

export const MINUTE = Duration.minutes(1);

/** What creates an alarm under an id. */
export interface AlarmCollection {
  add(id: string, options: AlarmOptions): void;
}

/** The number of requests in a minute from which their rate says something, and that of failures with fewer requests. */
const ENOUGH = 20;
const ENOUGH_FAILURES = 3;

/**
 * The part in percent of the whole, in each minute. In a minute with few requests, one or two failures are a large part:
 * they count as 100 % if more than half of the requests failed, otherwise as none.
 */
export function percentOf(part: cw.IMetric, whole: cw.IMetric, enough: number = ENOUGH): cw.MathExpression {
  const few = `IF(part >= ${ENOUGH_FAILURES}, 100 * part / whole, IF(2 * part > whole, 100, 0))`;
  return new cw.MathExpression({
    expression: `IF(whole >= ${enough}, 100 * part / whole, ${few})`,
    usingMetrics: { part, whole },
    period: MINUTE,
    label: '%',
  });
}

/**
 * Three minutes with too many failures within a quarter of an hour: after three minutes on a busy server, and on one with
 * a request every five minutes if all of them fail.
 */
export const FEW_MINUTES = { evaluationPeriods: 15, datapointsToAlarm: 3 } as const;

/** The operations on which each table depends most: each is a metric of an alarm, and billed. */
const OPERATIONS = [
  dynamodb.Operation.GET_ITEM,
  dynamodb.Operation.QUERY,
  dynamodb.Operation.UPDATE_ITEM,
  dynamodb.Operation.TRANSACT_WRITE_ITEMS,
];

/** Requests that DynamoDB failed. */
export function tableErrors(table: dynamodb.ITable): cw.IMetric {
  return table.metricSystemErrorsForOperations({ operations: OPERATIONS, statistic: 'Sum', period: MINUTE });
}

/** Throttled reads and writes of a table. */
export function tableThrottles(table: dynamodb.ITable): cw.MathExpression {
  const throttles = (kind: string) => table.metric(`${kind}ThrottleEvents`, { statistic: 'Sum', period: MINUTE });
  return new cw.MathExpression({
    expression: 'FILL(r, 0) + FILL(w, 0)',
    usingMetrics: { r: throttles('Read'), w: throttles('Write') },
    period: MINUTE,
    label: 'throttled reads and writes',
  });
}

/** Messages in a dead-letter queue. SQS has no metric of a queue that nothing has used for hours. */
export function notEmpty(queue: sqs.IQueue): Omit<AlarmOptions, 'description'> {
  return {
    metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: MINUTE }),
    threshold: 0,
    level: McpMonitoringLevel.BASIC,
    untilHandled: true,
  };
}
