import type { Duration } from 'aws-cdk-lib';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { McpFunctionOptions } from '../server-function';

/**
 * A function that runs the server's program as a worker.
 */
export interface McpWorkerFunction {
  /**
   * The function.
   */
  readonly function: lambda.Function;

  /**
   * The alias of it that the queue, the schedule and rules invoke.
   */
  readonly alias: lambda.Alias;
}

/**
 * What a worker function is for, and its options.
 */
export interface McpWorkerFunctionProps {
  /**
   * The description of the function.
   */
  readonly description: string;

  /**
   * The timeout of the function, unless `workerOptions` has one.
   */
  readonly timeout: Duration;

  /**
   * Environment variables of the worker, beside those that it has in common with the server: `TASK_QUEUE_URL`, and
   * those that `bind()` returns.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * Memory, timeout, reserved concurrency and log group.
   *
   * @default - 256 MiB, no reserved concurrency, a new log group
   */
  readonly workerOptions?: McpFunctionOptions;
}

/**
 * Creates workers of a server: programs that run its tools.
 */
export interface IMcpWorkers {
  /**
   * The CPU architecture of the server's functions.
   */
  readonly architecture: lambda.Architecture;

  /**
   * The environment variables that a worker needs: those of the tables, the topic, the secrets, and those that the user
   * of the construct has set.
   */
  readonly environment: { [name: string]: string };

  /**
   * Creates the server's program as a function with the id `Worker`, with `environment` and the permissions of
   * `grantWork()`. A server has one: call it once.
   */
  createWorkerFunction(props: McpWorkerFunctionProps): McpWorkerFunction;

  /**
   * Grants the permissions of a program that runs tools: those for the tables, the topic and the secrets.
   */
  grantWork(grantee: iam.IGrantable): void;
}

/**
 * Options for binding tasks to a server.
 */
export interface McpTasksBindOptions {
  /**
   * The scope for resources that are created.
   */
  readonly scope: Construct;

  /**
   * Creates workers.
   */
  readonly workers: IMcpWorkers;

  /**
   * The KMS key of queues and log groups.
   *
   * @default - keys of AWS
   */
  readonly encryptionKey?: kms.IKey;
}

/**
 * The queue of tasks and its workers, as the server needs to know them.
 */
export interface McpTasksConfig {
  /**
   * The queue to which the server sends the ids of tasks. The server gets the permission, and `TASK_QUEUE_URL`.
   */
  readonly queue: sqs.IQueue;

  /**
   * Environment variables of the server that concern tasks.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * The dead-letter queue of the queue.
   *
   * @default - none, or one that is not known here: there is no alarm for it
   */
  readonly failures?: sqs.IQueue;

  /**
   * The age that the oldest message of the queue has at most while everything works.
   *
   * @default - not known: there is no alarm for the age
   */
  readonly expectedAge?: Duration;

  /**
   * The function that takes updates of tasks and finds those without a worker; it may run tasks as well.
   *
   * @default - none
   */
  readonly worker?: McpWorkerFunction;

  /**
   * The queue of invocations of the function that failed: updates and sweeps.
   *
   * @default - none
   */
  readonly workerFailures?: sqs.IQueue;

  /**
   * The service on Fargate that runs tasks.
   *
   * @default - none
   */
  readonly workerService?: ecs.FargateService;

  /**
   * The log group of workers that are not the function.
   *
   * @default - none
   */
  readonly logGroup?: logs.ILogGroupRef;
}
