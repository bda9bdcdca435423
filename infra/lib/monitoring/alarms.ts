import { Duration } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { McpResponseMode } from '../endpoint/endpoint-config';
import { LOGIN_TIMEOUT } from '../private/login-function';
import { seconds } from '../private/validation';
import { FEW_MINUTES, MINUTE, chosen, notEmpty, percentOf, tableErrors, tableThrottles, type AlarmOptions } from './alarm';
import type { EventResources } from '../events';
import type { MonitoredResources } from './monitored-resources';
import { McpMonitoringLevel } from './monitoring-level';
import type { McpMonitoringOptions } from './monitoring-options';
import { addServerMetricAlarms } from './server-metrics';
import { addTaskAlarms } from './task-alarms';

const DURATION_PERCENT = 80;

/** Lambda retries a failed event after one minute, and after two more: one that is written then is no reason to act. */
const EVENT_AGE = Duration.minutes(5);

/** The alarms. `scope` is the scope of their ids, which are public: docs/operate.md has a line for each. */
export class Alarms {
  public readonly all: cw.Alarm[] = [];

  /** Those that go off when their cause is gone, unlike those of dead-letter queues. */
  public readonly passing: cw.Alarm[] = [];

  /** Those of requests, which can be reasons to undo a deployment. */
  public readonly ofRequests: cw.Alarm[] = [];

  public constructor(
    private readonly scope: Construct,
    private readonly options: McpMonitoringOptions,
    private readonly resources: MonitoredResources,
  ) {
    this.addServerAlarms();
    if (resources.received) this.addReceivedAlarms(resources.received);
    this.addTableAlarms('StateTable', resources.tables.state);
    this.addTableAlarms('EventTable', resources.tables.events);
    if (resources.login) this.addLoginAlarms(resources.login);
    if (resources.tasks) addTaskAlarms(this, options, resources.tasks);
    if (options.anomalyDetection) this.addAnomalyAlarms();
    if (options.serverMetrics) addServerMetricAlarms(this, options, resources.server.functionName);
  }

  public add(id: string, options: AlarmOptions): void {
    if (options.level !== McpMonitoringLevel.BASIC && this.options.level !== McpMonitoringLevel.FULL) return;
    const { IGNORE, NOT_BREACHING } = cw.TreatMissingData;
    const alarm = new cw.Alarm(this.scope, id, {
      metric: options.metric,
      threshold: options.threshold,
      comparisonOperator: cw.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: options.evaluationPeriods ?? 1,
      datapointsToAlarm: options.datapointsToAlarm ?? 1,
      treatMissingData: options.untilHandled ? IGNORE : NOT_BREACHING,
      alarmDescription: options.description,
    });
    this.all.push(alarm);
    if (!options.untilHandled) this.passing.push(alarm);
  }

  private addServerAlarms(): void {
    const { server, endpoint } = this.resources;
    this.addErrorRateAlarm('ServerErrorRate', server, McpMonitoringLevel.BASIC);
    this.add('EndpointErrorRate', {
      metric: percentOf(endpoint.serverErrors, endpoint.requests),
      level: McpMonitoringLevel.BASIC,
      threshold: this.options.serverErrorRatePercent ?? 1,
      description:
        "Clients get responses with status 500 and above. Runbook: the server's log, level ERROR; if there are none, the function was not invoked: see ServerThrottles.",
      ...FEW_MINUTES,
    });
    this.addThrottlesAlarm('ServerThrottles', server, McpMonitoringLevel.BASIC);
    this.addServerDurationAlarm();
    this.ofRequests.push(...this.all);
    this.addConcurrencyAlarms();
  }

  /**
   * Lambda's Duration is the whole life of a stream, and Lambda has no metric of the time to the first byte. A stream
   * that waits for events ends by itself, so the alarm is right as long as the longest of them ends below the threshold.
   */
  private addServerDurationAlarm(): void {
    const { server, serverTimeout, streamLifetime, endpoint } = this.resources;
    const timeout = seconds(serverTimeout);
    if (timeout === undefined || streamLifetime?.isUnresolved()) return;
    const threshold = (timeout * (this.options.durationPercent ?? DURATION_PERCENT)) / 100;
    const buffered = endpoint.responseMode === McpResponseMode.BUFFERED;
    const longestStream = buffered ? 0 : (seconds(streamLifetime) ?? 0);
    if (longestStream + 1 > threshold) return;
    this.add('ServerDuration', {
      level: chosen(this.options.durationPercent),
      metric: server.metricDuration({ statistic: 'p99', period: MINUTE }),
      threshold: threshold * 1000,
      description:
        'Requests take nearly as long as the timeout. Runbook: the saved query Slow requests names the tool; a stream that waits for events ends before this threshold and is not the cause.',
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
    });
  }

  private addConcurrencyAlarms(): void {
    const { server, serverReservedConcurrency } = this.resources;
    const { accountConcurrency } = this.options;
    if (serverReservedConcurrency !== undefined) {
      const used = server.metric('ConcurrentExecutions', { statistic: 'Maximum', period: MINUTE });
      this.addConcurrencyAlarm('ServerConcurrency', used, serverReservedConcurrency, {
        label: 'reserved concurrency in use, %',
        level: chosen(this.options.concurrencyPercent),
        description:
          'The reserved concurrency is nearly used up: above it requests get 429. Runbook: if open streams use it (many GET or listen requests), shorten streams.lifetime or use managedInstances; otherwise raise reservedConcurrentExecutions.',
      });
    }
    if (accountConcurrency === undefined) return;
    const claimed = new cw.Metric({
      namespace: 'AWS/Lambda',
      metricName: 'ClaimedAccountConcurrency',
      statistic: 'Maximum',
      period: MINUTE,
    });
    this.addConcurrencyAlarm('AccountConcurrency', claimed, accountConcurrency, {
      label: "the account's concurrency in use, %",
      level: McpMonitoringLevel.BASIC,
      description:
        "All functions of the account together nearly use up its concurrency: above it every one of them is throttled. Runbook: find the function whose ConcurrentExecutions grow; if it is this one, its streams do: shorten streams.lifetime or set reservedConcurrentExecutions; otherwise ask for a higher quota.",
    });
  }

  private addConcurrencyAlarm(
    id: string,
    used: cw.IMetric,
    limit: number,
    { label, ...options }: Pick<AlarmOptions, 'description' | 'level'> & { readonly label: string },
  ): void {
    this.add(id, {
      ...options,
      metric: new cw.MathExpression({
        expression: `100 * used / ${limit}`,
        usingMetrics: { used },
        period: MINUTE,
        label,
      }),
      threshold: this.options.concurrencyPercent ?? 80,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
  }

  private addReceivedAlarms(received: EventResources): void {
    const ingest = received.ingest.function;
    // A function of the user's own serves requests as well, and has the alarms of the server.
    if (ingest !== this.resources.server) this.addIngestFunctionAlarms(ingest);
    this.addIngestEventAlarms(ingest);
    this.addDeliveryAlarms(received);
  }

  private addIngestFunctionAlarms(ingest: lambda.Function): void {
    const { options, resources } = this;
    this.addErrorRateAlarm('IngestErrorRate', ingest);
    this.addThrottlesAlarm('IngestThrottles', ingest);
    const limit = resources.ingestTimeout.toMilliseconds();
    this.add('IngestDuration', {
      metric: ingest.metricDuration({ statistic: 'p99', period: MINUTE }),
      threshold: (limit * (options.durationPercent ?? DURATION_PERCENT)) / 100,
      level: chosen(options.durationPercent),
      description:
        'Writing events to the log takes nearly as long as the timeout. Runbook: see EventTableThrottles, then the latency of the event table.',
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
    });
  }

  private addLoginAlarms(login: lambda.Function): void {
    const { durationPercent } = this.options;
    this.addErrorRateAlarm('LoginErrorRate', login, McpMonitoringLevel.BASIC);
    this.addThrottlesAlarm('LoginThrottles', login);
    this.add('LoginDuration', {
      metric: login.metricDuration({ statistic: 'p99', period: MINUTE }),
      threshold: ((login.timeout ?? LOGIN_TIMEOUT).toMilliseconds() * (durationPercent ?? DURATION_PERCENT)) / 100,
      level: chosen(durationPercent),
      description:
        "Sign-ins take nearly as long as the timeout. Runbook: the provider's token endpoint answers slowly, see its status page; otherwise the latency of the state table.",
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
    });
  }

  /** The events of the topic and of rules, which Lambda queues for the function that writes them. */
  private addIngestEventAlarms(ingest: lambda.Function): void {
    const { eventAge } = this.options;
    this.add('IngestEventAge', {
      metric: ingest.metric('AsyncEventAge', { statistic: 'Maximum', period: MINUTE }),
      threshold: (eventAge ?? EVENT_AGE).toMilliseconds(),
      level: chosen(eventAge),
      description:
        'Events wait before they are written to the log. Runbook: see IngestThrottles and IngestErrorRate; raise ingestOptions.reservedConcurrentExecutions.',
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
    this.add('IngestEventsDropped', {
      metric: ingest.metric('AsyncEventsDropped', { statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        'Events failed after all retries. Runbook: their messages are in the IngestFailures queue with the reason; correct the cause, then redrive the queue or publish them again.',
    });
    this.add('IngestDestinationFailures', {
      metric: ingest.metric('DestinationDeliveryFailures', { statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "Events failed after all retries and could not be sent to the IngestFailures queue: they are lost. Runbook: check the queue's policy and key.",
    });
  }

  private addTableAlarms(id: string, table: dynamodb.ITable): void {
    this.add(`${id}Throttles`, {
      metric: tableThrottles(table),
      threshold: 0,
      description:
        'DynamoDB throttles reads or writes. Runbook: if the table has maximum request units (state.maxReadRequestUnits, state.maxWriteRequestUnits) raise them; otherwise one partition is hot: Contributor Insights names it.',
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
    this.add(`${id}SystemErrors`, {
      metric: tableErrors(table),
      threshold: 0,
      description: 'DynamoDB fails. Runbook: the AWS Health Dashboard; the server retries, and its clients may retry.',
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
  }

  private addDeliveryAlarms({ topic, queues }: EventResources): void {
    this.add('TopicMessagesLost', {
      metric: topic.metric('NumberOfNotificationsFailedToRedriveToDlq', { statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "SNS could not deliver a message to the function, nor send it to the DeliveryFailures queue: it is lost. Runbook: check the queue's policy and key, then publish it again.",
    });
    for (const [id, queue] of Object.entries({ DeliveryFailures: queues.delivery, IngestFailures: queues.ingest })) {
      this.add(`${id}NotEmpty`, {
        ...notEmpty(queue),
        description: `The ${id} queue has messages. Runbook: receive one (it contains the reason), correct the cause, publish it again, delete it; messages expire after 14 days.`,
      });
    }
  }

  /** The median of the duration: streams move it only where they are half of all requests. */
  private addAnomalyAlarms(): void {
    const { endpoint, server } = this.resources;
    const period = Duration.minutes(5);
    this.addAnomalyAlarm('EndpointRequestsAnomaly', {
      metric: endpoint.requests.with({ period }),
      comparisonOperator: cw.ComparisonOperator.LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD,
      alarmDescription:
        'The number of requests is unusual for the time. Runbook: fewer: can clients reach the endpoint, are their tokens accepted; more: which session sends them (the saved query Requests of a session).',
    });
    this.addAnomalyAlarm('ServerDurationAnomaly', {
      metric: server.metricDuration({ statistic: 'p50', period }),
      comparisonOperator: cw.ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
      alarmDescription:
        'Half of the requests take longer than is usual for the time. Runbook: the saved query Slow requests; did more clients open streams.',
    });
  }

  private addAnomalyAlarm(
    id: string,
    options: Pick<cw.AnomalyDetectionAlarmProps, 'metric' | 'comparisonOperator' | 'alarmDescription'>,
  ): void {
    const alarm = new cw.AnomalyDetectionAlarm(this.scope, id, {
      ...options,
      stdDevs: 3,
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
      treatMissingData: cw.TreatMissingData.NOT_BREACHING,
    });
    this.all.push(alarm);
    this.passing.push(alarm);
  }

  private addErrorRateAlarm(id: string, target: lambda.Function, level?: McpMonitoringLevel): void {
    const options = { statistic: 'Sum', period: MINUTE };
    this.add(id, {
      metric: percentOf(target.metricErrors(options), target.metricInvocations(options)),
      threshold: this.options.errorRatePercent ?? 1,
      description:
        'Invocations fail: timeouts, crashes, missing configuration. Runbook: the function\'s log, lines with "Task timed out", "Runtime exited" or level ERROR; after a deployment, scripts/operate rollback.',
      ...FEW_MINUTES,
      ...(level && { level }),
    });
  }

  private addThrottlesAlarm(id: string, target: lambda.Function, level?: McpMonitoringLevel): void {
    this.add(id, {
      ...(level && { level }),
      metric: target.metricThrottles({ statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      description:
        "Lambda throttles invocations. Runbook: compare ConcurrentExecutions with the reserved concurrency and with the account's quota; raise the one that is used up.",
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    });
  }
}
