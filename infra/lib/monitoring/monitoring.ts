import { Stack } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { allowAlarms } from '../events';
import { addWarning } from '../private/findings';
import { Alarms } from './alarms';
import { addApplicationSignals } from './application-signals';
import { createDashboard } from './dashboard';
import type { MonitoredResources } from './monitored-resources';
import { McpMonitoringLevel } from './monitoring-level';
import type { McpMonitoringOptions } from './monitoring-options';
import { saveQueries } from './saved-queries';

/**
 * The alarms, a composite alarm for all of them, the dashboard, and saved queries.
 */
export class Monitoring extends Construct {
  public readonly alarms: cw.Alarm[] = [];
  /** Those of requests, which can be reasons to undo a deployment. */
  public readonly ofRequests: cw.Alarm[] = [];
  public readonly compositeAlarm: cw.CompositeAlarm | undefined;
  public readonly alarmTopic: sns.ITopic | undefined;
  public readonly dashboard: cw.Dashboard | undefined;

  public constructor(scope: Construct, options: McpMonitoringOptions, resources: MonitoredResources) {
    super(scope, 'Monitoring');
    if (options.serverMetrics) warnOfDroppedMetrics(scope, resources.applicationLogLevel);
    const level = options.level ?? McpMonitoringLevel.BASIC;
    const [isFull, isNone] = [level === McpMonitoringLevel.FULL, level === McpMonitoringLevel.NONE];
    if (options.alarms ?? !isNone) {
      this.alarmTopic = options.alarmTopic ?? createAlarmTopic(this, options.alarmEmail, resources.encryptionKey);
      const alarms = new Alarms(this, options, resources);
      this.alarms = alarms.all;
      this.ofRequests = alarms.ofRequests;
      if (options.compositeAlarm ?? isFull) this.compositeAlarm = this.createCompositeAlarm(alarms.passing);
      this.notify(this.alarmTopic, alarms, options.notifyEachAlarm ?? false);
    }
    if (options.dashboard ?? isFull) {
      this.dashboard = createDashboard(this, resources, this.alarms, options.serverMetrics ?? false);
    }
    if ((options.savedQueries ?? !isNone) && resources.logGroups.length > 0) saveQueries(this, resources.logGroups);
    if (options.applicationSignals) addApplicationSignals(this, resources.endpoint);
  }

  private createCompositeAlarm(alarms: cw.Alarm[]): cw.CompositeAlarm {
    return new cw.CompositeAlarm(this, 'AnyAlarm', {
      alarmRule: cw.AlarmRule.anyOf(...alarms),
      alarmDescription: `At least one alarm of the MCP server ${Stack.of(this).stackName} is on. Runbook: find which, and read its description.`,
    });
  }

  /** One message for each trouble, and one when it is over: of the composite alarm, and of the alarms that it leaves out. */
  private notify(topic: sns.ITopic, { all, passing }: Alarms, each: boolean): void {
    const composite = this.compositeAlarm;
    const single = composite && !each ? all.filter(alarm => !passing.includes(alarm)) : all;
    for (const alarm of [...(composite && !each ? [composite] : []), ...single]) {
      alarm.addAlarmAction(new SnsAction(topic));
      alarm.addOkAction(new SnsAction(topic));
    }
  }
}

/**
 * Metrics are lines of the log. Lambda takes a line without a level for one at INFO:
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
function warnOfDroppedMetrics(scope: Construct, level: lambda.ApplicationLogLevel | undefined): void {
  const { TRACE, DEBUG, INFO } = lambda.ApplicationLogLevel;
  if (level === undefined || [TRACE, DEBUG, INFO].includes(level)) return;
  const problem = `Lambda drops lines below 'applicationLogLevelV2', which is ${level}: metrics without a level among them`;
  addWarning(scope, 'dropped-metrics', `${problem}; set it to INFO, and the level in the program with RUST_LOG`);
}

function createAlarmTopic(scope: Construct, email: string | undefined, key: kms.IKey | undefined): sns.Topic {
  const topic = new sns.Topic(scope, 'AlarmTopic', {
    displayName: 'MCP server alarms',
    enforceSSL: true,
    ...(key && { masterKey: key }),
  });
  allowAlarms(topic, key);
  if (email !== undefined) topic.addSubscription(new EmailSubscription(email));
  return topic;
}
