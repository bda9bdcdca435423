// Each alarm on the metrics of a server, evaluated as CloudWatch does with lines that a function wrote: tests/lambda compares
// tests/fixtures/metric-lines.jsonl with a run in the emulator.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { percentOf, root, synth } from './synth.ts';

interface Directive {
  Namespace: string;
  Dimensions: string[][];
  Metrics: { Name: string; Unit: string }[];
}
type Line = { _aws: { CloudWatchMetrics: Directive[] } } & Record<string, unknown>;

const LINES: Line[] = readFileSync(join(root, 'tests', 'fixtures', 'metric-lines.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line));
const FUNCTION = LINES[0]!.FunctionName as string;

/** The lines of one kind. */
const linesWhere = (wanted: (line: Line) => boolean) => {
  const lines = LINES.filter(wanted);
  expect(lines.length).toBeGreaterThan(0);
  return lines;
};
const FAILED = () => linesWhere(line => line.Tool === 'failing' && line.ToolErrors === 1);
const WORKED = () => linesWhere(line => line.Tool === 'failing' && line.ToolErrors === 0);
const times = (count: number, lines: Line[]) => Array.from({ length: count }, () => lines[0]!);

interface MetricSpec {
  Namespace: string;
  MetricName: string;
  Dimensions: { Name: string; Value: unknown }[];
}

/** What CloudWatch extracts of lines for a metric: those with exactly these dimensions. */
function valuesOf(lines: Line[], { Namespace, MetricName, Dimensions }: MetricSpec): number[] {
  const names = Dimensions.map(({ Name }) => Name).sort();
  return lines.flatMap(line => {
    const isDefined = line._aws.CloudWatchMetrics.some(
      directive =>
        directive.Namespace === Namespace &&
        directive.Metrics.some(({ Name }) => Name === MetricName) &&
        directive.Dimensions.some(set => JSON.stringify([...set].sort()) === JSON.stringify(names)),
    );
    // The name of the function is a reference in the template.
    const isOf = Dimensions.every(({ Name, Value }) => line[Name] === (typeof Value === 'string' ? Value : FUNCTION));
    return isDefined && isOf ? [line[MetricName] as number | number[]].flat() : [];
  });
}

function statisticOf(values: number[], statistic: string): number | undefined {
  if (values.length === 0) return undefined;
  if (statistic === 'Sum') return values.reduce((sum, value) => sum + value, 0);
  if (statistic === 'p99') return [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1];
  throw new Error(`a statistic that this test does not know: ${statistic}`);
}

/** The value of an alarm's metric in one minute. */
function valueOf(alarm: any, lines: Line[]): number | undefined {
  if (!alarm.Metrics) return statisticOf(valuesOf(lines, alarm), alarm.Statistic ?? alarm.ExtendedStatistic);
  const values: Record<string, number | undefined> = {};
  for (const { Id, MetricStat } of alarm.Metrics.filter((it: any) => it.MetricStat)) {
    expect(MetricStat.Period).toBe(60);
    values[Id] = statisticOf(valuesOf(lines, MetricStat.Metric), MetricStat.Stat);
  }
  const { Expression } = alarm.Metrics.find((it: any) => it.Expression);
  const { part, whole } = values;
  return part === undefined || whole === undefined ? undefined : percentOf(Expression, part, whole);
}

/** Whether an alarm is on when a minute with these lines comes again and again. */
function isOn(alarm: any, minute: Line[], minutes: number): boolean {
  expect(alarm.ComparisonOperator).toBe('GreaterThanThreshold');
  expect(alarm.TreatMissingData).toBe('notBreaching');
  const window = Array.from({ length: alarm.EvaluationPeriods }, (_, at) => (at < minutes ? minute : []));
  const breaching = window.filter(lines => (valueOf(alarm, lines) ?? -Infinity) > alarm.Threshold);
  return breaching.length >= alarm.DatapointsToAlarm;
}

const alarms = () => {
  const { template } = synth({
    monitoring: { serverMetrics: true, tools: ['failing'], eventLag: Duration.millis(5) },
  });
  const all = Object.entries(template.findResources('AWS::CloudWatch::Alarm'))
    .map(([id, { Properties }]: [string, any]) => [id.replace(/^McpMonitoring|[0-9A-F]{8}$/g, ''), Properties] as const)
    .filter(([, alarm]) => JSON.stringify(alarm).includes('"McpLambdaServer"'));
  return new Map(all);
};

describe('an alarm on the metrics of a server', () => {
  const all = alarms();

  it('is one of these', () => {
    expect([...all.keys()].sort()).toEqual(['EventLag', 'StreamsRefused', 'ToolErrorRate', 'ToolErrorRatefailing']);
  });

  it.each([
    ['ToolErrorRate', () => times(20, FAILED()), 3],
    ['ToolErrorRatefailing', () => times(20, FAILED()), 3],
    ['ToolErrorRate', () => times(1, FAILED()), 3],
    ['EventLag', () => linesWhere(line => line.EventLag !== undefined), 3],
    ['StreamsRefused', () => linesWhere(line => line.StreamsRefused !== undefined), 2],
  ] as const)('%s is on when it should be, and not a minute earlier', (id, lines, minutes) => {
    const alarm = all.get(id);
    expect(isOn(alarm, lines(), minutes)).toBe(true);
    expect(isOn(alarm, lines(), minutes - 1)).toBe(false);
  });

  it('is off while everything works', () => {
    for (const [id, alarm] of all) expect(isOn(alarm, times(20, WORKED()), 15), id).toBe(false);
    // One failure in twenty calls is 5 %.
    const few = [...times(19, WORKED()), ...times(1, FAILED())];
    expect(isOn(all.get('ToolErrorRate'), few, 15)).toBe(false);
  });

  it('is off for calls of a name that a client invented', () => {
    const invented = linesWhere(line => line.Tool === 'other');
    expect(isOn(all.get('ToolErrorRatefailing'), times(20, invented), 15)).toBe(false);
  });
});
