import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { McpEndpointConfig } from './endpoint/endpoint-config';

/**
 * Metrics of an MCP server, for alarms and dashboards of your own.
 */
export class McpLambdaServerMetrics {
  /** @internal */
  public static _of(endpoint: McpEndpointConfig, server: lambda.IFunction): McpLambdaServerMetrics {
    return new McpLambdaServerMetrics(endpoint, server);
  }

  private constructor(
    private readonly endpoint: McpEndpointConfig,
    private readonly server: lambda.IFunction,
  ) {}

  /**
   * The number of requests to the endpoint.
   */
  public requests(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.endpoint.requests.with(options);
  }

  /**
   * The number of responses of the endpoint with status 500 and above.
   */
  public serverErrors(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.endpoint.serverErrors.with(options);
  }

  /**
   * The number of failed invocations.
   */
  public errors(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.server.metricErrors(options);
  }

  /**
   * The number of throttled invocations.
   */
  public throttles(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.server.metricThrottles(options);
  }

  /**
   * The duration of requests. That of a stream ends when the stream ends.
   */
  public duration(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.server.metricDuration(options);
  }

  /**
   * The number of concurrent executions.
   */
  public concurrency(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.server.metric('ConcurrentExecutions', { statistic: 'Maximum', ...options });
  }
}
