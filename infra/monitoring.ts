import { Duration, Stack } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { allowAlarms } from './events';
import type { Front } from './endpoint/front';
import { checkNumber, refuse } from './validation';

/**
 * Alarms and the dashboard.
 */
export interface McpMonitoringProps {
  /**
   * Whether there are any alarms.
   *
   * @default true
   */
  readonly alarms?: boolean;

  /**
   * Whether there is one more alarm that stands for all of them: the one to be called for.
   *
   * @default true
   */
  readonly compositeAlarm?: boolean;

  /**
   * Whether there is a dashboard.
   *
   * @default true
   */
  readonly dashboard?: boolean;

  /**
   * Where alarms go. Never the topic of events: an alarm about the function would call the function.
   *
   * @default - a topic of its own without subscribers
   */
  readonly alarmTopic?: sns.ITopic;

  /**
   * Failed invocations of any role, in percent.
   *
   * @default 1
   */
  readonly errorRatePercent?: number;

  /**
   * Answers with a status of 500 or more, in percent.
   *
   * @default 1
   */
  readonly serverErrorRatePercent?: number;

  /**
   * How much of its timeout the ingest function may take, in percent. Not watched on the server: streams run to their
   * end by design.
   *
   * @default 80
   */
  readonly durationPercent?: number;

  /**
   * How much of the reserved concurrency may be in use, in percent.
   *
   * @default 80
   */
  readonly concurrencyPercent?: number;

  /**
   * How long a message may wait for the ingest function.
   *
   * @default Duration.seconds(60)
   */
  readonly eventAge?: Duration;
}

/** What is watched. */
export interface Watched {
  readonly front: Front;
  readonly server: lambda.Function;
  readonly serverReserved: number | undefined;
  /** Absent where the server takes events itself. */
  readonly ingest: lambda.Function | undefined;
  readonly ingestTimeout: Duration;
  readonly tables: { readonly [name: string]: dynamodb.ITable };
  readonly topic: sns.ITopic;
  readonly failures: { readonly [name: string]: sqs.IQueue };
}

interface AlarmOptions {
  readonly metric: cw.IMetric;
  readonly threshold: number;
  readonly description: string;
  readonly periods?: number;
  readonly breaching?: number;
}

const MINUTE = Duration.minutes(1);

export function checkMonitoring(props: McpMonitoringProps, events: sns.ITopic | undefined): void {
  const percents = ['errorRatePercent', 'serverErrorRatePercent', 'durationPercent', 'concurrencyPercent'] as const;
  for (const name of percents) checkNumber(`monitoring.${name}`, props[name], 1, 100);
  if (props.alarmTopic && events && props.alarmTopic.topicArn === events.topicArn) {
    const rule = "must not be 'events.topic': an alarm about the function would call the function";
    refuse('monitoring.alarmTopic', props.alarmTopic.topicArn, rule, 'use another topic');
  }
}

/**
 * The alarms, one that stands for all of them, and the dashboard.
 */
export class Monitoring extends Construct {
  public readonly alarms: cw.Alarm[] = [];
  public readonly alarmTopic: sns.ITopic | undefined;
  public readonly dashboard: cw.Dashboard | undefined;

  public constructor(
    scope: Construct,
    private readonly props: McpMonitoringProps,
    private readonly watched: Watched,
  ) {
    super(scope, 'Monitoring');
    if (props.alarms ?? true) {
      this.alarmTopic = props.alarmTopic ?? alarmTopic(this);
      this.watchServer();
      if (watched.ingest) this.watchIngest(watched.ingest);
      this.watchResources();
      if (props.compositeAlarm ?? true) this.standForAll(this.alarmTopic);
    }
    if (props.dashboard ?? true) this.dashboard = this.draw();
  }

  private standForAll(topic: sns.ITopic): void {
    const composite = new cw.CompositeAlarm(this, 'Any', {
      alarmRule: cw.AlarmRule.anyOf(...this.alarms),
      alarmDescription: `Something is wrong with the MCP server ${Stack.of(this).stackName}. Runbook: look which of its alarms is on and read that one's description.`,
    });
    composite.addAlarmAction(new SnsAction(topic));
  }

  private watchServer(): void {
    const { server, front, serverReserved } = this.watched;
    this.errorRate('ServerErrorRate', server);
    this.alarm('FrontErrorRate', {
      metric: percent(front.serverErrors, front.requests),
      threshold: this.props.serverErrorRatePercent ?? 1,
      description:
        "Clients get errors of 500 and above. Runbook: the server's log, level ERROR; if it has none, the function was not reached: look at ServerThrottles.",
      periods: 5,
      breaching: 3,
    });
    this.throttles('ServerThrottles', server);
    if (serverReserved === undefined) return;
    const used = server.metric('ConcurrentExecutions', { statistic: 'Maximum', period: MINUTE });
    this.alarm('ServerConcurrency', {
      metric: new cw.MathExpression({
        expression: `100 * used / ${serverReserved}`,
        usingMetrics: { used },
        period: MINUTE,
        label: 'reserved concurrency in use, %',
      }),
      threshold: this.props.concurrencyPercent ?? 80,
      description:
        'The reserved concurrency is nearly used up: soon requests are refused with 429. Runbook: if streams hold it (many GET or listen requests), shorten streams.life or use managedInstances; otherwise raise reservedConcurrency.',
      periods: 3,
      breaching: 2,
    });
  }

  private watchIngest(ingest: lambda.Function): void {
    const { props, watched } = this;
    this.errorRate('IngestErrorRate', ingest);
    this.throttles('IngestThrottles', ingest);
    const limit = watched.ingestTimeout.toMilliseconds();
    this.alarm('IngestDuration', {
      metric: ingest.metricDuration({ statistic: 'p99', period: MINUTE }),
      threshold: (limit * (props.durationPercent ?? 80)) / 100,
      description:
        'Writing events to the log takes nearly as long as it may. Runbook: look at EventTableThrottles, then at the latency of the event table.',
      periods: 5,
      breaching: 3,
    });
    this.alarm('IngestEventAge', {
      metric: ingest.metric('AsyncEventAge', { statistic: 'Maximum', period: MINUTE }),
      threshold: (props.eventAge ?? Duration.seconds(60)).toMilliseconds(),
      description:
        'Events wait before they are written to the log. Runbook: look at IngestThrottles and IngestErrorRate; raise events.ingestReservedConcurrency.',
    });
    this.alarm('IngestEventsDropped', {
      metric: ingest.metric('AsyncEventsDropped', { statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        'Events were given up. Runbook: their messages are in the IngestFailures queue with the reason; mend that, then start a redrive or publish them again.',
    });
    this.alarm('IngestDestinationFailures', {
      metric: ingest.metric('DestinationDeliveryFailures', { statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "Events were given up and could not be put into the IngestFailures queue: they are lost. Runbook: check the queue's policy and key.",
    });
  }

  private watchResources(): void {
    const { tables, topic, failures } = this.watched;
    for (const [name, table] of Object.entries(tables)) {
      const throttles = (kind: string) => table.metric(`${kind}ThrottleEvents`, { statistic: 'Sum', period: MINUTE });
      this.alarm(`${name}Throttles`, {
        metric: new cw.MathExpression({
          expression: 'FILL(r, 0) + FILL(w, 0)',
          usingMetrics: { r: throttles('Read'), w: throttles('Write') },
          period: MINUTE,
          label: 'throttled reads and writes',
        }),
        threshold: 0,
        description:
          'DynamoDB refuses reads or writes. Runbook: if the table has caps (state.maxReadRequestUnits, state.maxWriteRequestUnits) raise them; else one partition is hot: Contributor Insights names it.',
        periods: 3,
        breaching: 2,
      });
      this.alarm(`${name}SystemErrors`, {
        metric: table.metric('SystemErrors', {
          statistic: 'Sum',
          period: MINUTE,
          dimensionsMap: { TableName: table.tableName, Operation: 'PutItem' },
        }),
        threshold: 0,
        description:
          'DynamoDB fails. Runbook: the AWS Health Dashboard; the server retries and tells clients to try again.',
        periods: 3,
        breaching: 2,
      });
    }
    this.alarm('TopicDeliveryFailures', {
      metric: topic.metricNumberOfNotificationsFailed({ statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "SNS could not hand a message to the function. Runbook: its messages are in the DeliveryFailures queue; check the function's permission for the topic, then publish them again.",
    });
    for (const [name, queue] of Object.entries(failures)) {
      this.alarm(`${name}NotEmpty`, {
        metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: MINUTE }),
        threshold: 0,
        description: `Messages wait in the ${name} queue. Runbook: read one (it says why it is there), mend the cause, publish it again, delete it; they expire after 14 days.`,
      });
    }
  }

  private errorRate(id: string, target: lambda.Function): void {
    const options = { statistic: 'Sum', period: MINUTE };
    this.alarm(id, {
      metric: percent(target.metricErrors(options), target.metricInvocations(options)),
      threshold: this.props.errorRatePercent ?? 1,
      description:
        'Invocations fail: time-outs, crashes, lost configuration. Runbook: the function\'s log, lines with "Task timed out", "Runtime exited" or level ERROR; after a deployment, scripts/operate rollback.',
      periods: 5,
      breaching: 3,
    });
  }

  private throttles(id: string, target: lambda.Function): void {
    this.alarm(id, {
      metric: target.metricThrottles({ statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "Lambda refuses invocations. Runbook: compare ConcurrentExecutions with the reserved concurrency and with the account's quota; raise what is used up.",
      periods: 3,
      breaching: 2,
    });
  }

  private alarm(id: string, options: AlarmOptions): void {
    const alarm = new cw.Alarm(this, id, {
      metric: options.metric,
      threshold: options.threshold,
      comparisonOperator: cw.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: options.periods ?? 1,
      datapointsToAlarm: options.breaching ?? 1,
      treatMissingData: cw.TreatMissingData.NOT_BREACHING,
      alarmDescription: options.description,
    });
    if (this.alarmTopic) alarm.addAlarmAction(new SnsAction(this.alarmTopic));
    this.alarms.push(alarm);
  }

  private draw(): cw.Dashboard {
    const { front, server, ingest, tables, topic, failures } = this.watched;
    const graph = (title: string, left: cw.IMetric[], right: cw.IMetric[] = []) =>
      new cw.GraphWidget({ title, left, right, width: 12 });
    const dashboard = new cw.Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    if (this.alarms.length > 0)
      dashboard.addWidgets(new cw.AlarmStatusWidget({ alarms: this.alarms, width: 24, height: 4 }));
    dashboard.addWidgets(
      graph(
        'Requests and errors',
        [front.requests, front.serverErrors],
        [server.metricErrors(), server.metricThrottles()],
      ),
      graph(
        'Environments in use, and how long requests take',
        [server.metric('ConcurrentExecutions', { statistic: 'Maximum' })],
        [server.metricDuration({ statistic: 'p50' }), server.metricDuration({ statistic: 'p99' })],
      ),
    );
    const published = topic.metricNumberOfMessagesPublished();
    const age = ingest ? [ingest.metric('AsyncEventAge', { statistic: 'Maximum' })] : [];
    dashboard.addWidgets(
      graph('Events', [published, ...(ingest ? [ingest.metricInvocations(), ingest.metricErrors()] : [])], age),
      graph(
        'What could not be delivered',
        Object.values(failures).map(queue => queue.metricApproximateNumberOfMessagesVisible()),
      ),
    );
    for (const [name, table] of Object.entries(tables)) {
      const used = (kind: string) => table.metric(`Consumed${kind}CapacityUnits`, { statistic: 'Sum' });
      dashboard.addWidgets(graph(`${name}: units read and written`, [used('Read'), used('Write')]));
    }
    return dashboard;
  }
}

/** Of few requests one failure is a large part: below 20 in the period it says nothing. */
function percent(part: cw.IMetric, whole: cw.IMetric): cw.MathExpression {
  return new cw.MathExpression({
    expression: 'IF(whole >= 20, 100 * part / whole, 0)',
    usingMetrics: { part, whole },
    period: MINUTE,
    label: '%',
  });
}

function alarmTopic(scope: Construct): sns.Topic {
  const topic = new sns.Topic(scope, 'AlarmTopic', { displayName: 'MCP server alarms', enforceSSL: true });
  allowAlarms(topic, undefined);
  return topic;
}

/** Where a dashboard is seen. */
export function dashboardUrl(dashboard: cw.Dashboard): string {
  const { region, partition } = Stack.of(dashboard);
  const console = partition === 'aws-cn' ? 'console.amazonaws.cn' : 'console.aws.amazon.com';
  return `https://${region}.${console}/cloudwatch/home?region=${region}#dashboards:name=${dashboard.dashboardName}`;
}
