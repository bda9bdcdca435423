import { Duration } from 'aws-cdk-lib';
import * as cw from 'aws-cdk-lib/aws-cloudwatch';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { expectFindings } from '../private/findings';
import { checkAll, checkNumber, fail, seconds } from '../private/validation';
import { LONGEST_INTERVAL, type McpDeploymentOptions, type McpGradualDeploymentOptions } from './deployment-options';

/** What moves the traffic, and what it listens to. */
interface Plan {
  readonly options: McpDeploymentOptions;
  readonly config: (scope: Construct) => codedeploy.ILambdaDeploymentConfig;
  readonly check: () => void;
}

/** The function with the versions to deploy. */
interface DeployedFunction {
  readonly function: lambda.Function;
  readonly alias: lambda.Alias;
  /** The alarms of requests. Their metrics must not depend on the alias. */
  readonly alarms: cw.IAlarm[];
}

/**
 * How the requests of clients move to a new version of the server, with AWS CodeDeploy. A deployment that fails moves all of
 * them back. Functions that write events or run tasks move at once.
 */
export class McpDeployment {
  /**
   * A part of the requests first, and the rest after an interval.
   */
  public static canary(options: McpGradualDeploymentOptions): McpDeployment {
    return new McpDeployment(gradual('canary', options));
  }

  /**
   * The same part of the requests in each interval, until all of them are moved.
   */
  public static linear(options: McpGradualDeploymentOptions): McpDeployment {
    return new McpDeployment(gradual('linear', options));
  }

  /**
   * All requests at once. An alarm that is on at that moment stops the deployment.
   */
  public static allAtOnce(options: McpDeploymentOptions = {}): McpDeployment {
    const config = () => codedeploy.LambdaDeploymentConfig.ALL_AT_ONCE;
    return new McpDeployment({ options, config, check: () => {} });
  }

  private constructor(private readonly plan: Plan) {}

  /**
   * Fails for options that cannot work.
   *
   * @internal
   */
  public _check(): void {
    this.plan.check();
  }

  /**
   * Creates the deployment group of the alias.
   *
   * @internal
   */
  public _bind(scope: Construct, deployed: DeployedFunction): codedeploy.LambdaDeploymentGroup {
    const { options, config } = this.plan;
    const inner = new Construct(scope, 'Deployment');
    const isWatched = options.rollBackOnAlarms ?? true;
    const alarms = isWatched
      ? [versionErrors(inner, deployed), ...deployed.alarms, ...(options.alarms ?? [])]
      : (options.alarms ?? []);
    const group = new codedeploy.LambdaDeploymentGroup(inner, 'Group', {
      alias: deployed.alias,
      deploymentConfig: config(inner),
      alarms,
      autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: alarms.length > 0 },
    });
    if (group.role) expectFindings(group.role, 'the policy that AWS gives CodeDeploy for Lambda', CODEDEPLOY_FINDING);
    return group;
  }
}

const CODEDEPLOY_FINDING =
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]';

function gradual(kind: 'canary' | 'linear', options: McpGradualDeploymentOptions): Plan {
  const { percent: percentage, interval } = options;
  const { timeBasedCanary, timeBasedLinear } = codedeploy.TrafficRouting;
  const routing = kind === 'canary' ? timeBasedCanary : timeBasedLinear;
  const config = (scope: Construct) =>
    new codedeploy.LambdaDeploymentConfig(scope, 'Config', { trafficRouting: routing({ percentage, interval }) });
  return { options, config, check: () => checkGradual(options) };
}

function checkGradual({ percent, interval }: McpGradualDeploymentOptions): void {
  const minutes = (seconds(interval) ?? 60) / 60;
  checkAll(
    () => checkNumber('deployment.percent', percent, 1, 99),
    () => {
      if (Number.isInteger(minutes) && minutes >= 1 && minutes <= LONGEST_INTERVAL.toMinutes()) return;
      const rule = `must be whole minutes from 1 to ${LONGEST_INTERVAL.toMinutes()}, the two days that CodeDeploy waits`;
      fail('deployment.interval', interval, rule, 'use Duration.minutes()');
    },
  );
}

/** Invocations of the new version that failed, however few: the old version still serves most of them. */
function versionErrors(scope: Construct, deployed: DeployedFunction): cw.Alarm {
  const { functionName, currentVersion } = deployed.function;
  const metric = new cw.Metric({
    namespace: 'AWS/Lambda',
    metricName: 'Errors',
    dimensionsMap: {
      FunctionName: functionName,
      Resource: `${functionName}:${deployed.alias.aliasName}`,
      ExecutedVersion: currentVersion.version,
    },
    statistic: 'Sum',
    period: Duration.minutes(1),
  });
  return new cw.Alarm(scope, 'VersionErrors', {
    metric,
    threshold: 0,
    comparisonOperator: cw.ComparisonOperator.GREATER_THAN_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: cw.TreatMissingData.NOT_BREACHING,
    alarmDescription:
      "Invocations of the newest version fail. While it is deployed, CodeDeploy moves requests back to the version before. Runbook: the function's log, level ERROR; after the deployment, scripts/operate rollback.",
  });
}
