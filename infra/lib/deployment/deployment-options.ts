import { Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';

/** The longest that CodeDeploy waits before it moves requests on. */
export const LONGEST_INTERVAL = Duration.days(2);

/**
 * Options of a deployment.
 */
export interface McpDeploymentOptions {
  /**
   * Whether alarms end the deployment, and move all requests back: an alarm of its own for failed invocations of the new
   * version, and those of `monitoring` for failed, throttled and slow requests. An alarm that is already on lets no deployment
   * begin: a correction is then deployed with `false`.
   *
   * @default true
   */
  readonly rollBackOnAlarms?: boolean;

  /**
   * Alarms of your own that end the deployment.
   *
   * @default - none
   */
  readonly alarms?: cloudwatch.IAlarm[];
}

/**
 * Options of a deployment in parts.
 */
export interface McpGradualDeploymentOptions extends McpDeploymentOptions {
  /**
   * The part of the requests, in percent: 1 to 99.
   */
  readonly percent: number;

  /**
   * The time before the next part: whole minutes, at most two days. CloudFormation waits for the end of the deployment.
   */
  readonly interval: Duration;
}
