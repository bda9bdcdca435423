import { Duration } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';

/** One alarm. It is on above its threshold. */
export interface AlarmOptions {
  readonly metric: cw.IMetric;
  readonly threshold: number;
  readonly description: string;
  readonly evaluationPeriods?: number;
  readonly datapointsToAlarm?: number;
}

export const MINUTE = Duration.minutes(1);

/** What creates an alarm under an id. */
export interface AlarmCollection {
  add(id: string, options: AlarmOptions): void;
}

/**
 * The part in percent of the whole. Below the least count in a period one failure would be a large part: it counts as
 * none.
 */
export function percentOf(part: cw.IMetric, whole: cw.IMetric, least: number = 20): cw.MathExpression {
  return new cw.MathExpression({
    expression: `IF(whole >= ${least}, 100 * part / whole, 0)`,
    usingMetrics: { part, whole },
    period: MINUTE,
    label: '%',
  });
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
