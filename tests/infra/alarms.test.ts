// Which alarms there are, what they cost, what they watch, and of what they notify.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import { McpMonitoringLevel, McpTasks, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { construct, failureOf, namesOf, one, percentOf, program, root, synth, type Synthesised } from './synth.ts';

const FULL: McpLambdaServerProps = { monitoring: { level: McpMonitoringLevel.FULL } };
const ALARM_TOPIC = [{ Ref: 'McpMonitoringAlarmTopic4C0BC84D' }];

/** The price of a month as docs/cost.md has it: each metric of an alarm, composite alarms, dashboards, secrets. */
function priceOf({ template }: Synthesised): number {
  const of = (type: string) => Object.values(template.findResources(type)) as any[];
  const metrics = of('AWS::CloudWatch::Alarm').flatMap(
    ({ Properties }) => Properties.Metrics?.filter((it: any) => it.MetricStat) ?? [Properties],
  );
  const [composites, dashboards] = [of('AWS::CloudWatch::CompositeAlarm'), of('AWS::CloudWatch::Dashboard')];
  return Math.round(10 * metrics.length + 50 * composites.length + 300 * dashboards.length) / 100;
}

describe('a level of monitoring', () => {
  const level = (level?: McpMonitoringLevel, props: McpLambdaServerProps = {}) =>
    synth({ ...props, ...(level && { monitoring: { level } }) });
  const BASIC = [
    'ServerErrorRate',
    'EndpointErrorRate',
    'ServerThrottles',
    'DeliveryFailuresNotEmpty',
    'IngestFailuresNotEmpty',
  ];

  it('is BASIC by default: what a person is to be woken for, and no dashboard', () => {
    const synthesised = level();
    expect(namesOf(synthesised)).toEqual(BASIC);
    expect(namesOf(level(McpMonitoringLevel.BASIC))).toEqual(BASIC);
    synthesised.template.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
    synthesised.template.resourceCountIs('AWS::Logs::QueryDefinition', 4);
    synthesised.template.allResourcesProperties('AWS::CloudWatch::Alarm', {
      AlarmActions: ALARM_TOPIC,
      OKActions: ALARM_TOPIC,
    });
    expect(synthesised.server.compositeAlarm).toBeUndefined();
  });

  it('has alarms of tasks where there are tasks', () => {
    const tasks = ['TaskFailuresNotEmpty', 'WorkerErrorRate', 'WorkerFailuresNotEmpty'];
    expect(namesOf(level(undefined, { tasks: McpTasks.queue() }))).toEqual([...BASIC, ...tasks]);
  });

  it('that is NONE creates nothing', () => {
    const { template } = level(McpMonitoringLevel.NONE);
    expect(JSON.stringify(template.toJSON())).not.toMatch(/AWS::CloudWatch|QueryDefinition|AlarmTopic/);
  });

  it('has the price that docs/cost.md and its own comment have', () => {
    const [none, basic, full] = [McpMonitoringLevel.NONE, McpMonitoringLevel.BASIC, McpMonitoringLevel.FULL].map(it => [
      priceOf(level(it)),
      priceOf(level(it, { tasks: McpTasks.queue() })),
    ]);
    expect({ none, basic, full }).toEqual({ none: [0, 0], basic: [0.7, 1.1], full: [6.3, 7.1] });
    const documented = readFileSync(join(root, 'infra', 'lib', 'monitoring', 'monitoring-level.ts'), 'utf8');
    expect(documented.match(/\$\d\.\d\d|\$0\./g)?.slice(3)).toEqual(['$0.', '$0.70', '$0.40', '$6.30', '$0.80']);
    const cost = readFileSync(join(root, 'docs', 'cost.md'), 'utf8');
    for (const price of ['$0.70', '$6.30', '$0.40', '$0.80']) expect(cost.split('\n## ')[1]).toContain(price);
  });

  it('has the alarms whose options are set, and the parts that are chosen', () => {
    const { template } = synth({
      reservedConcurrentExecutions: 5,
      tasks: McpTasks.queue(),
      monitoring: {
        compositeAlarm: true,
        dashboard: true,
        durationPercent: 90,
        concurrencyPercent: 90,
        eventAge: Duration.minutes(9),
        taskAge: Duration.hours(1),
      },
    });
    const names = Object.keys(template.findResources('AWS::CloudWatch::Alarm')).join();
    for (const name of ['ServerDuration', 'ServerConcurrency', 'IngestDuration', 'IngestEventAge', 'TaskAge']) {
      expect(names).toContain(name);
    }
    template.resourceCountIs('AWS::CloudWatch::CompositeAlarm', 1);
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });
});

describe('notifications', () => {
  const actions = (template: Synthesised['template'], id: string) => {
    const type = id === 'AnyAlarm' ? 'CompositeAlarm' : 'Alarm';
    const { AlarmActions, OKActions } = one(template, `AWS::CloudWatch::${type}`, `McpMonitoring${id}`).Properties;
    return [AlarmActions, OKActions];
  };
  const both = [ALARM_TOPIC, ALARM_TOPIC];
  const none = [undefined, undefined];

  // A queue stays on until a person empties it: in the composite alarm it would hide an outage.
  it('come once for each trouble: from the composite alarm, and from the queues that it leaves out', () => {
    const { template } = synth(FULL);
    const ids = ['AnyAlarm', 'ServerErrorRate', 'IngestEventAge', 'DeliveryFailuresNotEmpty'];
    expect(ids.map(id => actions(template, id))).toEqual([both, none, none, both]);
    const rule = JSON.stringify(one(template, 'AWS::CloudWatch::CompositeAlarm').Properties.AlarmRule);
    expect(rule).toContain('McpMonitoringServerErrorRate');
    expect(rule).not.toContain('NotEmpty');
  });

  it('come from each alarm if that is chosen, or without a composite alarm', () => {
    const each = synth({ monitoring: { level: McpMonitoringLevel.FULL, notifyEachAlarm: true } }).template;
    expect(['AnyAlarm', 'ServerErrorRate'].map(id => actions(each, id))).toEqual([none, both]);
    const single = synth({ monitoring: { level: McpMonitoringLevel.FULL, compositeAlarm: false } }).template;
    expect(actions(single, 'ServerErrorRate')).toEqual(both);
  });

  it('are sent to an address that is subscribed', () => {
    const { template } = synth({ monitoring: { alarmEmail: 'ops@example.com' } });
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
      TopicArn: ALARM_TOPIC[0],
    });
  });

  it('are published by alarms of this account and region only', () => {
    const policy = one(synth().template, 'AWS::SNS::TopicPolicy', 'McpMonitoringAlarmTopic').Properties.PolicyDocument;
    expect(policy.Statement[1].Condition).toEqual({
      StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
      ArnLike: {
        'aws:SourceArn': {
          'Fn::Join': [
            '',
            [
              'arn:',
              { Ref: 'AWS::Partition' },
              ':cloudwatch:',
              { Ref: 'AWS::Region' },
              ':',
              { Ref: 'AWS::AccountId' },
              ':alarm:*',
            ],
          ],
        },
      },
    });
  });

  it('are refused where nothing can send them', () => {
    const topic = (stack: Stack) => sns.Topic.fromTopicArn(stack, 'Given', 'arn:aws:sns:eu-central-1:111122223333:a');
    const failures = (make: (stack: Stack) => McpLambdaServerProps) => failureOf(() => construct(make)).split('\n');
    expect(failures(stack => ({ monitoring: { alarmTopic: topic(stack), alarmEmail: 'nobody' } }))).toEqual([
      "'monitoring.alarmEmail' must be an address, got: nobody; write ops@example.com",
    ]);
    expect(failures(stack => ({ monitoring: { alarmTopic: topic(stack), alarmEmail: 'a@example.com' } }))).toEqual([
      "'monitoring.alarmEmail' does not apply to an existing 'monitoring.alarmTopic', got: a@example.com; subscribe it where the topic is defined",
    ]);
    expect(failures(() => ({ monitoring: { alarms: false, alarmEmail: 'a@example.com', errorRatePercent: 2 } }))).toEqual([
      "'monitoring.alarmEmail' needs alarms, and 'monitoring' has none, got: a@example.com; leave it out, or create alarms",
      "'monitoring.errorRatePercent' needs alarms, and 'monitoring' has none, got: 2; leave it out, or create alarms",
    ]);
  });
});

describe('what an alarm watches', () => {
  const alarm = (id: string, props: Parameters<typeof synth>[0] = FULL) =>
    one(synth(props).template, 'AWS::CloudWatch::Alarm', `McpMonitoring${id}`).Properties;

  it('is every operation that carries a table, not that of one kind of write', () => {
    for (const id of ['StateTableSystemErrors', 'EventTableSystemErrors']) {
      const operations = alarm(id)
        .Metrics.filter((it: any) => it.MetricStat)
        .map((it: any) => it.MetricStat.Metric.Dimensions.find(({ Name }: any) => Name === 'Operation').Value);
      expect(operations.sort()).toEqual(['GetItem', 'Query', 'TransactWriteItems', 'UpdateItem']);
    }
  });

  it('is an event that waits longer than the retries of a failed one', () => {
    expect(alarm('IngestEventAge')).toMatchObject({ Threshold: 300_000, EvaluationPeriods: 3, DatapointsToAlarm: 2 });
  });

  it('is a queue also while SQS has no metric of it, hours after its last message', () => {
    for (const id of ['DeliveryFailuresNotEmpty', 'IngestFailuresNotEmpty']) {
      expect(alarm(id).TreatMissingData).toBe('ignore');
    }
  });

  it('is a message that is lost, beside those in the queue', () => {
    expect(alarm('TopicMessagesLost').MetricName).toBe('NumberOfNotificationsFailedToRedriveToDlq');
  });

  it('is the events of a function of the user too', () => {
    const own = (stack: Stack): McpLambdaServerProps => ({
      ...FULL,
      function: new lambda.Function(stack, 'Own', {
        code: program(),
        handler: 'bootstrap',
        runtime: lambda.Runtime.PROVIDED_AL2023,
        timeout: Duration.seconds(120),
      }),
    });
    for (const id of ['IngestEventAge', 'IngestEventsDropped', 'IngestDestinationFailures']) {
      expect(alarm(id, own).Dimensions).toEqual([{ Name: 'FunctionName', Value: { Ref: expect.stringMatching(/^Own/) } }]);
    }
  });
});

describe('the rate of errors', () => {
  const { Metrics, ...alarm } = one(synth().template, 'AWS::CloudWatch::Alarm', 'McpMonitoringServerErrorRate').Properties;
  const rate = (part: number, whole: number) => percentOf(Metrics[0].Expression, part, whole);

  it.each([
    ['19 requests, of which all fail', 19, 19, 100],
    ['one request, which fails', 1, 1, 100],
    ['two requests, of which one fails', 1, 2, 0],
    ['three of ten', 3, 10, 30],
    ['one of nineteen', 1, 19, 0],
    ['one of a hundred', 1, 100, 1],
    ['no request', 0, 0, 0],
  ])('of %s counts', (_, part, whole, percent) => {
    expect(rate(part, whole)).toBe(percent);
  });

  it('is too high after three such minutes of fifteen: of a server with a request every five minutes too', () => {
    expect(alarm).toMatchObject({ Threshold: 1, EvaluationPeriods: 15, DatapointsToAlarm: 3 });
  });
});
