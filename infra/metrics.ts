import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Front } from './endpoint/front';

/**
 * Metrics for alarms and dashboards of your own.
 */
export class McpLambdaServerMetrics {
  /** @internal */
  public static _of(front: Front, target: lambda.Function): McpLambdaServerMetrics {
    return new McpLambdaServerMetrics(front, target);
  }

  private constructor(
    private readonly front: Front,
    private readonly target: lambda.Function,
  ) {}

  /**
   * Requests that reached the front.
   */
  public requests(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.front.requests.with(options);
  }

  /**
   * Answers with a status of 500 and above.
   */
  public serverErrors(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.front.serverErrors.with(options);
  }

  /**
   * Invocations that failed.
   */
  public errors(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.target.metricErrors(options);
  }

  /**
   * Invocations that Lambda refused.
   */
  public throttles(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.target.metricThrottles(options);
  }

  /**
   * How long requests take, streams to their end.
   */
  public duration(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.target.metricDuration(options);
  }

  /**
   * Environments in use.
   */
  public concurrency(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.target.metric('ConcurrentExecutions', { statistic: 'Maximum', ...options });
  }
}
