import { Duration } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { EventResources } from '../events';
import { seconds } from '../private/validation';
import type { McpTasksConfig } from '../tasks/tasks-config';
import { tableThrottles } from './alarm';
import type { MonitoredResources } from './monitored-resources';
import { serverMetricRows, taskMetricRow } from './server-metrics';

/** The dashboard: a row per question, in the order of docs/operate.md. */
export function createDashboard(
  scope: Construct,
  resources: MonitoredResources,
  alarms: cw.Alarm[],
  serverMetrics: boolean,
): cw.Dashboard {
  const dashboard = new cw.Dashboard(scope, 'Dashboard', { defaultInterval: Duration.hours(3) });
  if (alarms.length > 0) dashboard.addWidgets(new cw.AlarmStatusWidget({ alarms, width: 24, height: 4 }));
  dashboard.addWidgets(...requestRow(resources));
  dashboard.addWidgets(...functionRow(resources));
  if (serverMetrics) {
    for (const row of serverMetricRows(resources.server.functionName)) dashboard.addWidgets(...row);
    const { worker, workerService } = resources.tasks ?? {};
    // Workers on Fargate write no metrics to CloudWatch.
    if (worker && !workerService) dashboard.addWidgets(...taskMetricRow(resources.server.functionName, worker.function.functionName));
  }
  if (resources.received) dashboard.addWidgets(...eventRow(resources.received, resources.server));
  if (resources.tasks) dashboard.addWidgets(...taskRow(resources.tasks));
  dashboard.addWidgets(...tableRow(resources));
  return dashboard;
}

function graph(title: string, left: cw.IMetric[], right: cw.IMetric[] = [], limits: cw.HorizontalAnnotation[] = []) {
  return new cw.GraphWidget({ title, left, right, width: 12, leftAnnotations: limits });
}

function requestRow({ endpoint, server }: MonitoredResources): cw.IWidget[] {
  return [
    graph('Requests and responses of 500 and above', [endpoint.requests], [endpoint.serverErrors]),
    graph('Invocations, errors and throttles', [server.metricInvocations()], [
      server.metricErrors(),
      server.metricThrottles(),
    ]),
  ];
}

function functionRow({ server, serverTimeout, serverReservedConcurrency: reserved }: MonitoredResources): cw.IWidget[] {
  const limit = seconds(serverTimeout);
  const timeout = limit === undefined ? [] : [{ value: limit * 1000, label: 'timeout' }];
  return [
    graph(
      'Duration, streams included',
      ['p50', 'p90', 'p99'].map(statistic => server.metricDuration({ statistic })),
      [],
      timeout,
    ),
    graph(
      'Concurrent executions',
      [server.metric('ConcurrentExecutions', { statistic: 'Maximum' })],
      [],
      reserved === undefined ? [] : [{ value: reserved, label: 'reserved' }],
    ),
  ];
}

function eventRow({ ingest, topic, queues }: EventResources, server: lambda.Function): cw.IWidget[] {
  const { function: target } = ingest;
  const counts = target === server ? [] : [target.metricInvocations(), target.metricErrors()];
  return [
    graph(
      'Events',
      [topic.metricNumberOfMessagesPublished(), ...counts],
      [target.metric('AsyncEventAge', { statistic: 'Maximum' })],
    ),
    graph('Messages in the dead-letter queues, and failed deliveries of the topic', [
      ...[queues.delivery, queues.ingest].map(queue => queue.metricApproximateNumberOfMessagesVisible()),
      topic.metricNumberOfNotificationsFailed(),
    ]),
  ];
}

function taskRow({ queue, worker, failures, workerFailures }: McpTasksConfig): cw.IWidget[] {
  const metrics = (it: lambda.Function) => [it.metricInvocations(), it.metricErrors(), it.metricThrottles()];
  return [
    graph(
      'Tasks that wait and that run, and the age of the oldest message',
      [queue.metricApproximateNumberOfMessagesVisible(), queue.metricApproximateNumberOfMessagesNotVisible()],
      [queue.metricApproximateAgeOfOldestMessage()],
    ),
    graph(
      'Invocations, errors and throttles of the worker, and messages in its dead-letter queues',
      worker ? metrics(worker.function) : [],
      [failures, workerFailures].flatMap(it => it?.metricApproximateNumberOfMessagesVisible() ?? []),
    ),
  ];
}

function tableRow({ tables }: MonitoredResources): cw.IWidget[] {
  return Object.entries({ StateTable: tables.state, EventTable: tables.events }).map(([id, table]) => {
    const used = (kind: string) => table.metric(`Consumed${kind}CapacityUnits`, { statistic: 'Sum' });
    return graph(`${id}: units read and written, and throttles`, [used('Read'), used('Write')], [
      tableThrottles(table),
    ]);
  });
}
