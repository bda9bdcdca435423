import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { McpEndpointConfig } from './endpoint/endpoint-config';
import { fail } from './private/validation';
import type { McpTasksConfig } from './tasks/tasks-config';

/**
 * Metrics of an MCP server, for alarms and dashboards of your own.
 */
export class McpLambdaServerMetrics {
  /** @internal */
  public static _of(
    endpoint: McpEndpointConfig,
    server: lambda.IFunction,
    tasks: McpTasksConfig | undefined,
  ): McpLambdaServerMetrics {
    return new McpLambdaServerMetrics(endpoint, server, tasks);
  }

  private constructor(
    private readonly endpoint: McpEndpointConfig,
    private readonly server: lambda.IFunction,
    private readonly tasks: McpTasksConfig | undefined,
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

  /**
   * The number of messages of tasks that wait for a worker.
   */
  public tasksWaiting(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.taskQueue().metricApproximateNumberOfMessagesVisible(options);
  }

  /**
   * The number of messages of tasks that workers have received and not yet deleted: about the number of tasks that run.
   */
  public tasksRunning(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.taskQueue().metricApproximateNumberOfMessagesNotVisible(options);
  }

  /**
   * The age of the oldest message of a task. That of a task that runs counts too.
   */
  public taskAge(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.taskQueue().metricApproximateAgeOfOldestMessage(options);
  }

  private taskQueue(): sqs.IQueue {
    if (this.tasks) return this.tasks.queue;
    return fail('tasks', undefined, 'is needed for metrics of tasks', "give 'tasks' to the server");
  }
}
