import { bindFargateTasks, checkFargateTasks } from './fargate-tasks';
import { bindQueuedTasks, checkQueuedTasks } from './queued-tasks';
import type { McpTasksBindOptions, McpTasksConfig } from './tasks-config';
import type { McpFargateTasksOptions, McpTaskQueueOptions } from './tasks-options';

/**
 * Where tools run that take longer than their client waits: calls of tools that the program declares with `task_tool`.
 *
 * Extend it for workers of your own: `bind()` returns the queue from which they take tasks.
 */
export abstract class McpTasks {
  /**
   * Tasks run on a Lambda function, which SQS invokes. A task may take as long as it likes in steps of at most 15 minutes:
   * it goes on from its last checkpoint.
   */
  public static queue(options: McpTaskQueueOptions = {}): McpTasks {
    return new QueuedTasks(options);
  }

  /**
   * Tasks run in containers on AWS Fargate, for any length of time.
   */
  public static fargate(options: McpFargateTasksOptions): McpTasks {
    return new FargateTasks(options);
  }

  /**
   * Fails for options that cannot work.
   *
   * @internal
   */
  public _check(): void {}

  /**
   * Creates the queue and its workers.
   */
  public abstract bind(options: McpTasksBindOptions): McpTasksConfig;
}

class QueuedTasks extends McpTasks {
  public constructor(private readonly options: McpTaskQueueOptions) {
    super();
  }

  /** @internal */
  public override _check(): void {
    checkQueuedTasks(this.options);
  }

  public bind(options: McpTasksBindOptions): McpTasksConfig {
    return bindQueuedTasks(this.options, options);
  }
}

class FargateTasks extends McpTasks {
  public constructor(private readonly options: McpFargateTasksOptions) {
    super();
  }

  /** @internal */
  public override _check(): void {
    checkFargateTasks(this.options);
  }

  public bind(options: McpTasksBindOptions): McpTasksConfig {
    return bindFargateTasks(this.options, options);
  }
}
