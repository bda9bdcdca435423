import { Stack } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { allowAlarms } from '../events';
import { addWarning } from '../private/findings';
import { Alarms } from './alarms';
import { addApplicationSignals } from './application-signals';
import { createDashboard } from './dashboard';
import type { MonitoredResources } from './monitored-resources';
import type { McpMonitoringOptions } from './monitoring-options';
import { saveQueries } from './saved-queries';

/**
 * The alarms, a composite alarm for all of them, the dashboard, and saved queries.
 */
export class Monitoring extends Construct {
  public readonly alarms: cw.Alarm[] = [];
  public readonly alarmTopic: sns.ITopic | undefined;
  public readonly dashboard: cw.Dashboard | undefined;

  public constructor(scope: Construct, options: McpMonitoringOptions, resources: MonitoredResources) {
    super(scope, 'Monitoring');
    if (options.serverMetrics) warnOfDroppedMetrics(scope, resources.applicationLogLevel);
    if (options.alarms ?? true) {
      this.alarmTopic = options.alarmTopic ?? createAlarmTopic(this);
      this.alarms = new Alarms(this, options, resources, this.alarmTopic).all;
      if (options.compositeAlarm ?? true) this.addCompositeAlarm(this.alarmTopic);
    }
    if (options.dashboard ?? true) {
      this.dashboard = createDashboard(this, resources, this.alarms, options.serverMetrics ?? false);
    }
    if ((options.savedQueries ?? true) && resources.logGroups.length > 0) saveQueries(this, resources.logGroups);
    if (options.applicationSignals) addApplicationSignals(this, resources.endpoint);
  }

  private addCompositeAlarm(topic: sns.ITopic): void {
    const composite = new cw.CompositeAlarm(this, 'AnyAlarm', {
      alarmRule: cw.AlarmRule.anyOf(...this.alarms),
      alarmDescription: `At least one alarm of the MCP server ${Stack.of(this).stackName} is on. Runbook: find which, and read its description.`,
    });
    composite.addAlarmAction(new SnsAction(topic));
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

function createAlarmTopic(scope: Construct): sns.Topic {
  const topic = new sns.Topic(scope, 'AlarmTopic', { displayName: 'MCP server alarms', enforceSSL: true });
  allowAlarms(topic, undefined);
  return topic;
}
