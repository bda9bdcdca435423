import { Duration, Stack } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { allowAlarms, type DeadLetterQueues } from './events';
import type { McpEndpointConfig } from './endpoint/endpoint-config';
import { checkNumber, fail } from './private/validation';
import type { Tables } from './state';

/**
 * Alarms and the dashboard.
 */
export interface McpMonitoringOptions {
  /**
   * Whether alarms are created.
   *
   * @default true
   */
  readonly alarms?: boolean;

  /**
   * Whether one composite alarm is created for all alarms: the one to be notified of.
   *
   * @default true
   */
  readonly compositeAlarm?: boolean;

  /**
   * Whether a dashboard is created.
   *
   * @default true
   */
  readonly dashboard?: boolean;

  /**
   * The topic that alarms notify. Not the topic of events: an alarm about the function would invoke the function.
   *
   * @default - a new topic without subscribers
   */
  readonly alarmTopic?: sns.ITopic;

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
   * The alarm threshold for the duration of the ingest function, in percent of its timeout. The server has no such
   * alarm: streams use up their timeout by design.
   *
   * @default 80
   */
  readonly durationPercent?: number;

  /**
   * The alarm threshold for reserved concurrency in use, in percent.
   *
   * @default 80
   */
  readonly concurrencyPercent?: number;

  /**
   * The alarm threshold for the time that a message waits for the ingest function.
   *
   * @default Duration.seconds(60)
   */
  readonly eventAge?: Duration;
}

/** The functions that are monitored. */
export interface MonitoredFunctions {
  readonly server: lambda.Function;
  readonly serverReservedConcurrency: number | undefined;
  /** `undefined` if the server writes events itself. */
  readonly ingest: lambda.Function | undefined;
  readonly ingestTimeout: Duration;
}

/** The resources that are monitored. */
export interface MonitoredResources extends MonitoredFunctions {
  readonly endpoint: McpEndpointConfig;
  readonly tables: Tables;
  readonly topic: sns.ITopic;
  readonly queues: DeadLetterQueues;
}

interface AlarmOptions {
  readonly metric: cw.IMetric;
  readonly threshold: number;
  readonly description: string;
  readonly evaluationPeriods?: number;
  readonly datapointsToAlarm?: number;
}

const MINUTE = Duration.minutes(1);

export function checkMonitoring(options: McpMonitoringOptions, eventsTopic: sns.ITopic | undefined): void {
  const percents = ['errorRatePercent', 'serverErrorRatePercent', 'durationPercent', 'concurrencyPercent'] as const;
  for (const name of percents) checkNumber(`monitoring.${name}`, options[name], 1, 100);
  const { alarmTopic } = options;
  if (!alarmTopic || !eventsTopic || alarmTopic.topicArn !== eventsTopic.topicArn) return;
  const rule = "must not be 'mcpEvents.topic': an alarm about the function would invoke the function";
  fail('monitoring.alarmTopic', alarmTopic.topicArn, rule, 'use another topic');
}

/**
 * The alarms, a composite alarm for all of them, and the dashboard.
 */
export class Monitoring extends Construct {
  public readonly alarms: cw.Alarm[] = [];
  public readonly alarmTopic: sns.ITopic | undefined;
  public readonly dashboard: cw.Dashboard | undefined;

  public constructor(
    scope: Construct,
    private readonly options: McpMonitoringOptions,
    private readonly resources: MonitoredResources,
  ) {
    super(scope, 'Monitoring');
    if (options.alarms ?? true) {
      this.alarmTopic = options.alarmTopic ?? createAlarmTopic(this);
      this.addServerAlarms();
      if (resources.ingest) this.addIngestAlarms(resources.ingest);
      this.addTableAlarms('StateTable', resources.tables.state);
      this.addTableAlarms('EventTable', resources.tables.events);
      this.addDeliveryAlarms();
      if (options.compositeAlarm ?? true) this.addCompositeAlarm(this.alarmTopic);
    }
    if (options.dashboard ?? true) this.dashboard = this.createDashboard();
  }

  private addCompositeAlarm(topic: sns.ITopic): void {
    const composite = new cw.CompositeAlarm(this, 'AnyAlarm', {
      alarmRule: cw.AlarmRule.anyOf(...this.alarms),
      alarmDescription: `At least one alarm of the MCP server ${Stack.of(this).stackName} is on. Runbook: find which, and read its description.`,
    });
    composite.addAlarmAction(new SnsAction(topic));
  }

  private addServerAlarms(): void {
    const { server, endpoint, serverReservedConcurrency } = this.resources;
    this.addErrorRateAlarm('ServerErrorRate', server);
    this.addAlarm('EndpointErrorRate', {
      metric: percentOf(endpoint.serverErrors, endpoint.requests),
      threshold: this.options.serverErrorRatePercent ?? 1,
      description:
        "Clients get responses with status 500 and above. Runbook: the server's log, level ERROR; if there are none, the function was not invoked: see ServerThrottles.",
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
    });
    this.addThrottlesAlarm('ServerThrottles', server);
    if (serverReservedConcurrency === undefined) return;
    const used = server.metric('ConcurrentExecutions', { statistic: 'Maximum', period: MINUTE });
    this.addAlarm('ServerConcurrency', {
      metric: new cw.MathExpression({
        expression: `100 * used / ${serverReservedConcurrency}`,
        usingMetrics: { used },
        period: MINUTE,
        label: 'reserved concurrency in use, %',
      }),
      threshold: this.options.concurrencyPercent ?? 80,
      description:
        'The reserved concurrency is nearly used up: above it requests get 429. Runbook: if open streams use it (many GET or listen requests), shorten streams.lifetime or use managedInstances; otherwise raise reservedConcurrentExecutions.',
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
  }

  private addIngestAlarms(ingest: lambda.Function): void {
    const { options, resources } = this;
    this.addErrorRateAlarm('IngestErrorRate', ingest);
    this.addThrottlesAlarm('IngestThrottles', ingest);
    const limit = resources.ingestTimeout.toMilliseconds();
    this.addAlarm('IngestDuration', {
      metric: ingest.metricDuration({ statistic: 'p99', period: MINUTE }),
      threshold: (limit * (options.durationPercent ?? 80)) / 100,
      description:
        'Writing events to the log takes nearly as long as the timeout. Runbook: see EventTableThrottles, then the latency of the event table.',
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
    });
    this.addAlarm('IngestEventAge', {
      metric: ingest.metric('AsyncEventAge', { statistic: 'Maximum', period: MINUTE }),
      threshold: (options.eventAge ?? Duration.seconds(60)).toMilliseconds(),
      description:
        'Events wait before they are written to the log. Runbook: see IngestThrottles and IngestErrorRate; raise ingestOptions.reservedConcurrentExecutions.',
    });
    this.addAlarm('IngestEventsDropped', {
      metric: ingest.metric('AsyncEventsDropped', { statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        'Events failed after all retries. Runbook: their messages are in the IngestFailures queue with the reason; correct the cause, then redrive the queue or publish them again.',
    });
    this.addAlarm('IngestDestinationFailures', {
      metric: ingest.metric('DestinationDeliveryFailures', { statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "Events failed after all retries and could not be sent to the IngestFailures queue: they are lost. Runbook: check the queue's policy and key.",
    });
  }

  private addTableAlarms(id: string, table: dynamodb.ITable): void {
    const throttles = (kind: string) => table.metric(`${kind}ThrottleEvents`, { statistic: 'Sum', period: MINUTE });
    this.addAlarm(`${id}Throttles`, {
      metric: new cw.MathExpression({
        expression: 'FILL(r, 0) + FILL(w, 0)',
        usingMetrics: { r: throttles('Read'), w: throttles('Write') },
        period: MINUTE,
        label: 'throttled reads and writes',
      }),
      threshold: 0,
      description:
        'DynamoDB throttles reads or writes. Runbook: if the table has maximum request units (state.maxReadRequestUnits, state.maxWriteRequestUnits) raise them; otherwise one partition is hot: Contributor Insights names it.',
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
    this.addAlarm(`${id}SystemErrors`, {
      metric: table.metric('SystemErrors', {
        statistic: 'Sum',
        period: MINUTE,
        dimensionsMap: { TableName: table.tableName, Operation: 'PutItem' },
      }),
      threshold: 0,
      description: 'DynamoDB fails. Runbook: the AWS Health Dashboard; the server retries, and its clients may retry.',
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
  }

  private addDeliveryAlarms(): void {
    const { topic, queues } = this.resources;
    this.addAlarm('TopicDeliveryFailures', {
      metric: topic.metricNumberOfNotificationsFailed({ statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "SNS could not deliver a message to the function. Runbook: its messages are in the DeliveryFailures queue; check the function's permission for the topic, then publish them again.",
    });
    for (const [id, queue] of Object.entries({ DeliveryFailures: queues.delivery, IngestFailures: queues.ingest })) {
      this.addAlarm(`${id}NotEmpty`, {
        metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: MINUTE }),
        threshold: 0,
        description: `The ${id} queue has messages. Runbook: receive one (it contains the reason), correct the cause, publish it again, delete it; messages expire after 14 days.`,
      });
    }
  }

  private addErrorRateAlarm(id: string, target: lambda.Function): void {
    const options = { statistic: 'Sum', period: MINUTE };
    this.addAlarm(id, {
      metric: percentOf(target.metricErrors(options), target.metricInvocations(options)),
      threshold: this.options.errorRatePercent ?? 1,
      description:
        'Invocations fail: timeouts, crashes, missing configuration. Runbook: the function\'s log, lines with "Task timed out", "Runtime exited" or level ERROR; after a deployment, scripts/operate rollback.',
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
    });
  }

  private addThrottlesAlarm(id: string, target: lambda.Function): void {
    this.addAlarm(id, {
      metric: target.metricThrottles({ statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "Lambda throttles invocations. Runbook: compare ConcurrentExecutions with the reserved concurrency and with the account's quota; raise the one that is used up.",
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
  }

  private addAlarm(id: string, options: AlarmOptions): void {
    const alarm = new cw.Alarm(this, id, {
      metric: options.metric,
      threshold: options.threshold,
      comparisonOperator: cw.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: options.evaluationPeriods ?? 1,
      datapointsToAlarm: options.datapointsToAlarm ?? 1,
      treatMissingData: cw.TreatMissingData.NOT_BREACHING,
      alarmDescription: options.description,
    });
    if (this.alarmTopic) alarm.addAlarmAction(new SnsAction(this.alarmTopic));
    this.alarms.push(alarm);
  }

  private createDashboard(): cw.Dashboard {
    const { endpoint, server, ingest, tables, topic, queues } = this.resources;
    const graph = (title: string, left: cw.IMetric[], right: cw.IMetric[] = []) =>
      new cw.GraphWidget({ title, left, right, width: 12 });
    const dashboard = new cw.Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    if (this.alarms.length > 0)
      dashboard.addWidgets(new cw.AlarmStatusWidget({ alarms: this.alarms, width: 24, height: 4 }));
    dashboard.addWidgets(
      graph(
        'Requests and errors',
        [endpoint.requests, endpoint.serverErrors],
        [server.metricErrors(), server.metricThrottles()],
      ),
      graph(
        'Concurrent executions and duration',
        [server.metric('ConcurrentExecutions', { statistic: 'Maximum' })],
        [server.metricDuration({ statistic: 'p50' }), server.metricDuration({ statistic: 'p99' })],
      ),
    );
    const published = topic.metricNumberOfMessagesPublished();
    const age = ingest ? [ingest.metric('AsyncEventAge', { statistic: 'Maximum' })] : [];
    dashboard.addWidgets(
      graph('Events', [published, ...(ingest ? [ingest.metricInvocations(), ingest.metricErrors()] : [])], age),
      graph(
        'Messages in the dead-letter queues',
        [queues.delivery, queues.ingest].map(queue => queue.metricApproximateNumberOfMessagesVisible()),
      ),
    );
    for (const [id, table] of Object.entries({ StateTable: tables.state, EventTable: tables.events })) {
      const used = (kind: string) => table.metric(`Consumed${kind}CapacityUnits`, { statistic: 'Sum' });
      dashboard.addWidgets(graph(`${id}: units read and written`, [used('Read'), used('Write')]));
    }
    return dashboard;
  }
}

/** The part in percent of the whole. Below 20 in a period one failure would be a large part: it counts as none. */
function percentOf(part: cw.IMetric, whole: cw.IMetric): cw.MathExpression {
  return new cw.MathExpression({
    expression: 'IF(whole >= 20, 100 * part / whole, 0)',
    usingMetrics: { part, whole },
    period: MINUTE,
    label: '%',
  });
}

function createAlarmTopic(scope: Construct): sns.Topic {
  const topic = new sns.Topic(scope, 'AlarmTopic', { displayName: 'MCP server alarms', enforceSSL: true });
  allowAlarms(topic, undefined);
  return topic;
}
