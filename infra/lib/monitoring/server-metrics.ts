import { Duration } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import { FEW_MINUTES, MINUTE, percentOf, type AlarmCollection } from './alarm';
import { McpMonitoringLevel } from './monitoring-level';
import type { McpMonitoringOptions } from './monitoring-options';

/**
 * The metrics that a server writes itself. `tests/contract/metrics.json` lists them; the tests of both sides compare
 * themselves with it.
 */
export const SERVER_METRICS = {
  namespace: 'McpLambdaServer',
  function: 'FunctionName',
  method: 'Method',
  tool: 'Tool',
  status: 'Status',
  names: [
    'Calls',
    'Errors',
    'ToolErrors',
    'Duration',
    'ColdStarts',
    'OpenStreams',
    'StreamsRefused',
    'EventLag',
    'PayloadBytes',
    'StoreRoundTrips',
    'TasksCreated',
    'TasksEnded',
    'TaskDuration',
    'TaskQueueTime',
  ],
} as const;

type Name = (typeof SERVER_METRICS.names)[number];
type Dimension = 'tool' | 'method' | 'status';

/** A metric of a server, of one tool or method if `by` names it. */
export function serverMetric(
  functionName: string,
  metricName: Name,
  statistic: string,
  by: { readonly [dimension: string]: string } = {},
): cw.Metric {
  return new cw.Metric({
    namespace: SERVER_METRICS.namespace,
    metricName,
    statistic,
    period: MINUTE,
    dimensionsMap: { [SERVER_METRICS.function]: functionName, ...by },
  });
}

/** The metric by tool, method or status, for a graph: alarms cannot search. */
export function searchServerMetric(functionName: string, name: Name, by: Dimension, statistic: string): cw.IMetric {
  const { namespace, function: ofFunction } = SERVER_METRICS;
  const dimension = SERVER_METRICS[by];
  const search = `{${namespace},${ofFunction},${dimension}} MetricName="${name}" ${ofFunction}="${functionName}"`;
  return new cw.SearchExpression({
    expression: `SEARCH('${search}', '${statistic}', ${MINUTE.toSeconds()})`,
    label: `\${PROP('Dim.${dimension}')}`,
    period: MINUTE,
  });
}

/** The rows of the dashboard. */
export function serverMetricRows(functionName: string): cw.IWidget[][] {
  const by = (title: string, name: Name, dimension: Dimension, statistic: string) =>
    new cw.GraphWidget({
      title,
      left: [searchServerMetric(functionName, name, dimension, statistic)],
      width: 8,
    });
  const all = (title: string, name: Name, statistic: string) =>
    new cw.GraphWidget({ title, left: [serverMetric(functionName, name, statistic)], width: 8 });
  return [
    [
      by('Calls by tool', 'Calls', 'tool', 'Sum'),
      by('Duration by tool, p99', 'Duration', 'tool', 'p99'),
      by('Errors by tool', 'ToolErrors', 'tool', 'Sum'),
    ],
    [
      by('Calls by method', 'Calls', 'method', 'Sum'),
      by('JSON-RPC errors by method', 'Errors', 'method', 'Sum'),
      by('Calls to the store by method', 'StoreRoundTrips', 'method', 'Average'),
    ],
    [
      all('Time from event to stream, p99', 'EventLag', 'p99'),
      all('Open streams', 'OpenStreams', 'Sum'),
      all('Cold starts', 'ColdStarts', 'Sum'),
    ],
  ];
}

/** The row of the dashboard for tasks, which the worker counts. */
export function taskMetricRow(server: string, worker: string): cw.IWidget[] {
  const graph = (title: string, left: cw.IMetric[]) => new cw.GraphWidget({ title, left, width: 8 });
  return [
    graph('Tasks created, and ended by status', [
      serverMetric(server, 'TasksCreated', 'Sum'),
      searchServerMetric(worker, 'TasksEnded', 'status', 'Sum'),
    ]),
    graph('Time from creation to the first worker, p99', [serverMetric(worker, 'TaskQueueTime', 'p99')]),
    graph('Time from creation to the end by tool, p99', [searchServerMetric(worker, 'TaskDuration', 'tool', 'p99')]),
  ];
}

export function addTaskMetricAlarm(alarms: AlarmCollection, options: McpMonitoringOptions, worker: string): void {
  const level = McpMonitoringLevel.BASIC;
  const failed = { [SERVER_METRICS.status]: 'failed' };
  alarms.add('TaskFailureRate', {
    metric: percentOf(
      serverMetric(worker, 'TasksEnded', 'Sum', failed),
      serverMetric(worker, 'TasksEnded', 'Sum'),
      5,
    ),
    threshold: options.toolErrorRatePercent ?? 10,
    description:
      'Tasks fail: with an error of the protocol, or because their workers ended without a word. Runbook: the lines "task ended" with the status failed in the log of the worker.',
    ...FEW_MINUTES,
    level,
  });
}

export function addServerMetricAlarms(alarms: AlarmCollection, options: McpMonitoringOptions, functionName: string): void {
  const level = McpMonitoringLevel.BASIC;
  const percent = options.toolErrorRatePercent ?? 10;
  for (const tool of [undefined, ...(options.tools ?? [])]) {
    const calls: { [dimension: string]: string } =
      tool === undefined ? { [SERVER_METRICS.method]: 'tools/call' } : { [SERVER_METRICS.tool]: tool };
    const errors = tool === undefined ? {} : calls;
    alarms.add(`ToolErrorRate${tool === undefined ? '' : `-${tool.replace(/\//g, '.')}`}`, {
      metric: percentOf(
        serverMetric(functionName, 'ToolErrors', 'Sum', errors),
        serverMetric(functionName, 'Calls', 'Sum', calls),
      ),
      threshold: percent,
      description: `Calls of ${tool ?? 'tools'} end in an error. Runbook: the saved query Errors by tool, then the lines of one request (scripts/operate logs --request-id).`,
      ...FEW_MINUTES,
      level,
    });
  }
  alarms.add('EventLag', {
    metric: serverMetric(functionName, 'EventLag', 'p99'),
    threshold: (options.eventLag ?? Duration.seconds(5)).toMilliseconds(),
    description:
      'Events reach open streams late. Runbook: see EventTableThrottles and IngestEventAge; raise mcpEvents.fanoutReplicas where many streams are open.',
    level,
    evaluationPeriods: 5,
    datapointsToAlarm: 3,
  });
  alarms.add('StreamsRefused', {
    metric: serverMetric(functionName, 'StreamsRefused', 'Sum'),
    threshold: 0,
    description:
      'A caller has as many streams open as it may, and another was refused. Runbook: does a client open streams without closing them; otherwise raise streams.perPrincipal.',
    level,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
  });
}
