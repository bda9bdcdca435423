// Alarms, the dashboard, saved queries, and what is off by default.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks } from 'cdk-nag';
import { beforeAll, describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, McpFindings, McpMonitoringLevel, McpTasks, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { LINE } from '../../infra/lib/monitoring/saved-queries.ts';
import { SERVER_METRICS } from '../../infra/lib/monitoring/server-metrics.ts';
import { construct, failureOf, namesOf, one, program, root, synth, type Synthesised } from './synth.ts';

const contract = <T>(name: string) => JSON.parse(readFileSync(join(root, 'tests', 'contract', name), 'utf8')) as T;

/** Everything that creates an alarm. */
const EVERYTHING: McpLambdaServerProps = {
  reservedConcurrentExecutions: 40,
  tasks: McpTasks.queue(),
  monitoring: { level: McpMonitoringLevel.FULL, accountConcurrency: 1000, anomalyDetection: true, serverMetrics: true },
};

const FULL: McpLambdaServerProps = { monitoring: { level: McpMonitoringLevel.FULL } };
const ALARM_TOPIC = [{ Ref: 'McpMonitoringAlarmTopic4C0BC84D' }];

describe('monitoring', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = synth({ ...FULL, reservedConcurrentExecutions: 40 });
  });
  const threshold = (template: Synthesised['template'], id: string) =>
    one(template, 'AWS::CloudWatch::Alarm', `McpMonitoring${id}`).Properties.Threshold;

  it('has alarms with a runbook, and no alarm for missing data', () => {
    const alarms = Object.entries(synthesised.template.findResources('AWS::CloudWatch::Alarm'));
    const names = alarms.map(([id]) => id.replace(/^McpMonitoring|[0-9A-F]{8}$/g, ''));
    expect(names).toEqual([
      'ServerErrorRate',
      'EndpointErrorRate',
      'ServerThrottles',
      'ServerDuration',
      'ServerConcurrency',
      'IngestErrorRate',
      'IngestThrottles',
      'IngestDuration',
      'IngestEventAge',
      'IngestEventsDropped',
      'IngestDestinationFailures',
      'TopicMessagesLost',
      'DeliveryFailuresNotEmpty',
      'IngestFailuresNotEmpty',
      'StateTableThrottles',
      'StateTableSystemErrors',
      'EventTableThrottles',
      'EventTableSystemErrors',
    ]);
    for (const [id, alarm] of alarms) {
      expect(alarm['Properties'], id).toMatchObject({
        AlarmDescription: expect.stringMatching(/Runbook: ./),
        TreatMissingData: id.includes('NotEmpty') ? 'ignore' : 'notBreaching',
        ComparisonOperator: 'GreaterThanThreshold',
      });
    }
  });

  it('has default thresholds', () => {
    const ids = [
      'ServerErrorRate',
      'EndpointErrorRate',
      'ServerThrottles',
      'ServerDuration',
      'ServerConcurrency',
      'IngestDuration',
      'IngestEventAge',
      'DeliveryFailuresNotEmpty',
    ];
    expect(ids.map(id => threshold(synthesised.template, id))).toEqual([1, 1, 0, 96_000, 80, 24_000, 300_000, 0]);
  });

  it('has a rate of errors of all invocations', () => {
    const { Metrics } = one(synthesised.template, 'AWS::CloudWatch::Alarm', 'McpMonitoringServerErrorRate').Properties;
    expect(Metrics.slice(1).map((it: any) => [it.Id, it.MetricStat.Metric.MetricName, it.MetricStat.Stat])).toEqual([
      ['part', 'Errors', 'Sum'],
      ['whole', 'Invocations', 'Sum'],
    ]);
  });

  it('has a composite alarm of those that pass', () => {
    const any = one(synthesised.template, 'AWS::CloudWatch::CompositeAlarm', 'McpMonitoringAnyAlarm').Properties;
    expect(JSON.stringify(any.AlarmRule).match(/ALARM\(/g)).toHaveLength(16);
    expect(synthesised.server.compositeAlarm).toBeDefined();
  });

  it('has the thresholds and the topic that are given', () => {
    const { template } = synth(stack => ({
      reservedConcurrentExecutions: 40,
      timeout: Duration.seconds(140),
      ingestOptions: { timeout: Duration.seconds(10) },
      monitoring: {
        level: McpMonitoringLevel.FULL,
        compositeAlarm: false,
        alarmTopic: new sns.Topic(stack, 'Pager'),
        errorRatePercent: 5,
        serverErrorRatePercent: 6,
        durationPercent: 50,
        concurrencyPercent: 70,
        eventAge: Duration.seconds(5),
      },
    }));
    const ids = [
      'ServerErrorRate',
      'EndpointErrorRate',
      'ServerDuration',
      'ServerConcurrency',
      'IngestDuration',
      'IngestEventAge',
    ];
    expect(ids.map(id => threshold(template, id))).toEqual([5, 6, 70_000, 70, 5_000, 5_000]);
    template.allResourcesProperties('AWS::CloudWatch::Alarm', {
      AlarmActions: [{ Ref: Match.stringLikeRegexp('^Pager') }],
    });
    template.resourceCountIs('AWS::SNS::Topic', 2);
  });

  it('can be left out', () => {
    const { template } = synth({ monitoring: { alarms: false, dashboard: false, savedQueries: false } });
    template.resourceCountIs('AWS::Logs::QueryDefinition', 0);
    for (const type of ['Alarm', 'CompositeAlarm', 'Dashboard'])
      template.resourceCountIs(`AWS::CloudWatch::${type}`, 0);
    template.resourceCountIs('AWS::SNS::Topic', 1);
  });

  it('gives metrics for alarms of the app', () => {
    const { server, stack } = synthesised;
    const names = (['requests', 'serverErrors', 'errors', 'throttles', 'duration', 'concurrency'] as const).map(name =>
      server.metrics[name]({ period: Duration.hours(1) }),
    );
    expect(names.map(it => it.metricName)).toEqual([
      'UrlRequestCount',
      'Url5xxCount',
      'Errors',
      'Throttles',
      'Duration',
      'ConcurrentExecutions',
    ]);
    expect(names.every(it => it.period.toHours() === 1)).toBe(true);
    expect(stack.resolve(server.url)).toBeDefined();
  });
});

describe('the alarm for the duration of the server', () => {
  const has = (props: McpLambdaServerProps | ((stack: Stack) => McpLambdaServerProps)) =>
    namesOf(synth(stack => ({ ...FULL, ...(typeof props === 'function' ? props(stack) : props) }))).includes('ServerDuration');

  it('is there while the longest stream ends below its threshold', () => {
    expect(has({ streams: { lifetime: Duration.seconds(95) } })).toBe(true);
    expect(has({ endpoint: McpEndpoint.httpApi() })).toBe(true);
    expect(has({ timeout: Duration.seconds(60), streams: { enabled: false } })).toBe(true);
    expect(has({ timeout: Duration.seconds(3) })).toBe(true);
  });

  // A stream of GET or listen lasts as long as it may: it would look like a slow request.
  it('is left out where streams would make it false', () => {
    expect(has({ streams: { lifetime: Duration.seconds(96) } })).toBe(false);
    expect(has({ timeout: Duration.seconds(60) })).toBe(false);
  });

  it('is left out for a function whose timeout is not known', () => {
    const own = (stack: Stack, timeout?: Duration) =>
      new lambda.Function(stack, 'Own', {
        code: program(),
        handler: 'bootstrap',
        runtime: lambda.Runtime.PROVIDED_AL2023,
        ...(timeout && { timeout }),
      });
    expect(has(stack => ({ function: own(stack) }))).toBe(false);
    expect(has(stack => ({ function: own(stack, Duration.seconds(200)) }))).toBe(true);
  });
});

describe('what is off by default', () => {
  it('is an alarm for the concurrency of the account', () => {
    const { template } = synth({ monitoring: { accountConcurrency: 500, concurrencyPercent: 90 } });
    const alarm = one(template, 'AWS::CloudWatch::Alarm', 'McpMonitoringAccountConcurrency').Properties;
    expect(alarm.Threshold).toBe(90);
    expect(alarm.Metrics[0].Expression).toBe('100 * used / 500');
    expect(alarm.Metrics[1].MetricStat.Metric).toEqual({
      Namespace: 'AWS/Lambda',
      MetricName: 'ClaimedAccountConcurrency',
    });
  });

  it('is anomaly detection', () => {
    const { template } = synth({ monitoring: { anomalyDetection: true } });
    const alarm = (id: string) => one(template, 'AWS::CloudWatch::Alarm', `McpMonitoring${id}`).Properties;
    expect(alarm('EndpointRequestsAnomaly')).toMatchObject({
      ComparisonOperator: 'LessThanLowerOrGreaterThanUpperThreshold',
      TreatMissingData: 'notBreaching',
      AlarmActions: ALARM_TOPIC,
    });
    expect(alarm('ServerDurationAnomaly').ComparisonOperator).toBe('GreaterThanUpperThreshold');
    expect(JSON.stringify(alarm('ServerDurationAnomaly').Metrics)).toMatch(/ANOMALY_DETECTION_BAND.*"Stat":"p50"/);
  });

  it('are alarms and rows for the metrics of the server, of each named tool too', () => {
    const { template } = synth({
      monitoring: {
        serverMetrics: true,
        dashboard: true,
        tools: ['echo'],
        toolErrorRatePercent: 20,
        eventLag: Duration.seconds(9),
      },
    });
    const alarm = (id: string) => one(template, 'AWS::CloudWatch::Alarm', `McpMonitoring${id}`).Properties;
    const FunctionName = { Ref: 'McpServer6A6A2BCF' };
    expect(alarm('EventLag')).toMatchObject({ Threshold: 9000, Namespace: 'McpLambdaServer' });
    expect(alarm('StreamsRefused').Dimensions).toEqual([{ Name: 'FunctionName', Value: FunctionName }]);
    const tool = alarm('ToolErrorRateecho');
    expect(tool.Threshold).toBe(20);
    expect(tool.Metrics.slice(1).map((it: any) => it.MetricStat.Metric.Dimensions)).toEqual([
      [
        { Name: 'FunctionName', Value: FunctionName },
        { Name: 'Tool', Value: 'echo' },
      ],
      [
        { Name: 'FunctionName', Value: FunctionName },
        { Name: 'Tool', Value: 'echo' },
      ],
    ]);
    expect(dashboardOf(template)).toContain('{McpLambdaServer,FunctionName,Tool}');
  });

  it('is an objective of Application Signals', () => {
    const { template } = synth({ monitoring: { applicationSignals: true } });
    template.resourceCountIs('AWS::ApplicationSignals::Discovery', 1);
    const objective = one(template, 'AWS::ApplicationSignals::ServiceLevelObjective');
    expect(objective.Properties.Goal.AttainmentGoal).toBe(99);
    expect(JSON.stringify(objective.Properties.RequestBasedSli)).toMatch(/Url5xxCount.*UrlRequestCount/);
  });

  it('is Lambda Insights: a layer of the region and a policy for every function', () => {
    const insightsVersion = lambda.LambdaInsightsVersion.VERSION_1_0_498_0;
    const { template, server } = synth({ insightsVersion }, { env: { region: 'eu-central-1' } });
    for (const id of ['McpServer', 'McpIngest']) {
      const [layer] = one(template, 'AWS::Lambda::Function', id).Properties.Layers;
      expect(layer).toMatch(/^arn:aws:lambda:eu-central-1:\d{12}:layer:LambdaInsightsExtension-Arm64:\d+$/);
      const role = one(template, 'AWS::IAM::Role', id).Properties;
      expect(JSON.stringify(role.ManagedPolicyArns)).toContain('CloudWatchLambdaInsightsExecutionRolePolicy');
    }
    McpFindings.acknowledge(server);
    expect(new AwsSolutionsChecks(undefined, { verbose: true }).validateScope(server).violations).toEqual([]);
  });
});

describe('refused', () => {
  const insightsVersion = lambda.LambdaInsightsVersion.VERSION_1_0_498_0;

  it('is Lambda Insights in a region that AWS has no layer in', () => {
    const call = () => construct({ insightsVersion }, { env: { region: 'nowhere-1' } });
    expect(failureOf(call)).toContain('nowhere-1');
  });

  it('are more layers than Lambda takes, those of Insights included', () => {
    const layer = (stack: Stack, at: number) =>
      lambda.LayerVersion.fromLayerVersionArn(stack, `L${at}`, `arn:aws:lambda:r:111122223333:layer:l${at}:1`);
    const layers = (stack: Stack) => [1, 2, 3, 4, 5].map(at => layer(stack, at));
    expect(failureOf(() => construct(stack => ({ layers: layers(stack) })))).toBe('it did not fail');
    expect(failureOf(() => construct(stack => ({ insightsVersion, layers: layers(stack) })))).toBe(
      "'layers' must be at most 5, which is Lambda's limit, those of insightsVersion included, got: 6; leave one out, or merge them",
    );
  });

  it('are options of the metrics of the server without them, all at once', () => {
    const monitoring = { tools: ['a b'], toolErrorRatePercent: 0, accountConcurrency: 0 };
    expect(failureOf(() => construct({ monitoring })).split('\n')).toEqual([
      expect.stringMatching(/^'monitoring.toolErrorRatePercent' must be a whole number from 1 to 100, got: 0/),
      expect.stringMatching(/^'monitoring.accountConcurrency' must be a whole number from 1 to /),
      expect.stringMatching(/^'monitoring.tools' needs 'monitoring.serverMetrics'/),
      expect.stringMatching(/^'monitoring.toolErrorRatePercent' needs 'monitoring.serverMetrics'/),
      expect.stringMatching(/^'monitoring.tools' must be names of tools.*got: a b/),
    ]);
  });
});

// Lambda takes a line without a level for one at INFO, and drops it where the level of the function is higher.
it('warns of metrics that Lambda drops', () => {
  const warnings = (applicationLogLevelV2: lambda.ApplicationLogLevel, serverMetrics: boolean) =>
    Annotations.fromStack(construct({ applicationLogLevelV2, monitoring: { serverMetrics } }).stack).findWarning(
      '*',
      Match.stringLikeRegexp('dropped-metrics'),
    );
  expect(warnings(lambda.ApplicationLogLevel.WARN, true)).toHaveLength(1);
  expect(warnings(lambda.ApplicationLogLevel.WARN, false)).toHaveLength(0);
  expect(warnings(lambda.ApplicationLogLevel.INFO, true)).toHaveLength(0);
});

const dashboardOf = (template: Synthesised['template']) =>
  JSON.stringify(one(template, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody);

it('has a dashboard with a graph for each question', () => {
  const body = dashboardOf(synth({ ...FULL, reservedConcurrentExecutions: 40 }).template);
  const metrics = [
    'UrlRequestCount',
    'Url5xxCount',
    'Invocations',
    'Errors',
    'Throttles',
    'Duration',
    'ConcurrentExecutions',
    'NumberOfMessagesPublished',
    'NumberOfNotificationsFailed',
    'AsyncEventAge',
    'ApproximateNumberOfMessagesVisible',
    'ConsumedReadCapacityUnits',
    'ReadThrottleEvents',
    'WriteThrottleEvents',
  ];
  expect(metrics.filter(name => !body.includes(name))).toEqual([]);
  for (const statistic of ['p50', 'p90', 'p99']) expect(body).toContain(statistic);
  expect(body).toMatch(/timeout.*120000|120000.*timeout/);
  expect(body).toMatch(/reserved.*40|40.*reserved/);
  expect(body).not.toContain('McpLambdaServer');
});

describe('saved queries', () => {
  const queriesOf = (props: McpLambdaServerProps | ((stack: Stack) => McpLambdaServerProps)) =>
    Object.values(synth(props).template.findResources('AWS::Logs::QueryDefinition')).map(it => it['Properties']);

  it('are in a folder of the server, on the log groups of both functions', () => {
    const queries = queriesOf({});
    expect(queries.map(({ Name }) => Name)).toEqual([
      'Test/Mcp/Requests of a session',
      'Test/Mcp/Slow requests',
      'Test/Mcp/Errors by tool',
      'Test/Mcp/Lines of a request',
    ]);
    for (const { LogGroupNames } of queries) {
      expect(LogGroupNames).toEqual([{ Ref: 'McpServerLogGroup15E3AE43' }, { Ref: 'McpIngestLogGroup4C980525' }]);
    }
  });

  it('search the access log as well', () => {
    const [query] = queriesOf({ endpoint: McpEndpoint.httpApi() });
    expect(query.LogGroupNames).toContainEqual({ Ref: 'McpAccessLogs71EB15DD' });
  });

  it('are left out for a function whose log group is not known', () => {
    const own = (stack: Stack) =>
      new lambda.Function(stack, 'Own', { code: program(), handler: 'b', runtime: lambda.Runtime.PROVIDED_AL2023 });
    expect(queriesOf(stack => ({ function: own(stack) }))).toEqual([]);
  });

  it('name fields of the line that the server writes, and no others', () => {
    const { fields } = contract<{ fields: Record<string, string> }>('log.json');
    expect(Object.keys(fields)).toEqual(expect.arrayContaining(Object.values(LINE)));
  });
});

describe('metrics.json', () => {
  const { namespace, dimensions, metrics } = contract<{
    namespace: string;
    dimensions: Record<string, string>;
    metrics: { name: string; unit: string; by: string[] }[];
  }>('metrics.json');

  it('has the namespace, the dimensions and the names that the construct uses', () => {
    expect(SERVER_METRICS.namespace).toBe(namespace);
    expect(Object.keys(dimensions)).toEqual(Object.values(SERVER_METRICS).slice(1, 5));
    expect(SERVER_METRICS.names).toEqual(metrics.map(({ name }) => name));
  });

  it('has every set of dimensions that alarms and the dashboard use', () => {
    const { template } = synth({ tasks: McpTasks.queue(), monitoring: { ...FULL.monitoring, serverMetrics: true, tools: ['echo'] } });
    const by = (name: string) => metrics.find(it => it.name === name)!.by;
    const used: [string, string[]][] = [];
    for (const { Properties } of Object.values(template.findResources('AWS::CloudWatch::Alarm')) as any[]) {
      const all = Properties.Metrics?.flatMap((it: any) => it.MetricStat?.Metric ?? []) ?? [Properties];
      for (const metric of all) {
        if (metric.Namespace !== namespace) continue;
        used.push([metric.MetricName, metric.Dimensions.map((it: any) => it.Name)]);
      }
    }
    const searches = /\{McpLambdaServer,FunctionName,(\w+)\} MetricName=[\\"]+(\w+)/g;
    for (const [, dimension, name] of dashboardOf(template).matchAll(searches)) {
      used.push([name!, ['FunctionName', dimension!]]);
    }
    expect(used.length).toBeGreaterThan(8);
    for (const [name, set] of used) {
      const others = set.filter(it => it !== 'FunctionName');
      expect(set, name).toContain('FunctionName');
      expect(by(name), name).toEqual(expect.arrayContaining(others));
    }
  });
});

describe('docs/operate.md', () => {
  const page = readFileSync(join(root, 'docs', 'operate.md'), 'utf8');
  const rows = page.split('\n## Alarms\n')[1]!.split('\n## ')[0]!.split('\n').filter(line => line.startsWith('| `'));
  const documented = rows.flatMap(row => [...row.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));

  it('has every alarm of the template, and no other', () => {
    const everything = synth({ ...EVERYTHING, auth: McpAuth.login({ cognito: {} }) });
    expect([...documented].sort()).toEqual(namesOf(everything).sort());
  });

  it('has the saved queries', () => {
    const queries = Object.values(synth({}).template.findResources('AWS::Logs::QueryDefinition'));
    for (const { Properties } of queries as any[]) expect(page).toContain(`*${Properties.Name.split('/').at(-1)}*`);
  });

  it('is what the descriptions of alarms agree with: no name in them is unknown', () => {
    for (const { Properties } of Object.values(synth(EVERYTHING).template.findResources('AWS::CloudWatch::Alarm')) as any[]) {
      for (const [, name] of String(Properties.AlarmDescription).matchAll(/see ([A-Z]\w+)/g)) {
        expect(documented).toContain(name);
      }
    }
  });
});
