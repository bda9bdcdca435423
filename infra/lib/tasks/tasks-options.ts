import type { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { McpFunctionOptions } from '../server-function';

/**
 * Options of tasks and of their queue, however they are run.
 */
export interface McpTasksOptions {
  /**
   * An existing queue: a standard queue with a visibility timeout above the timeout of the worker function. It should
   * have a dead-letter queue.
   *
   * @default - a new queue that requires TLS, with the dead-letter queue `TaskFailures`
   */
  readonly queue?: sqs.IQueue;

  /**
   * The KMS key that encrypts the new queue and its dead-letter queue. Messages contain the ids of tasks only.
   *
   * @default - a key that SQS manages
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * How long the new queue keeps a message. A task outlives its message: a sweep sends another one.
   *
   * @default Duration.days(4)
   */
  readonly retention?: Duration;

  /**
   * How often a message is received before it is moved to the dead-letter queue: workers crashed, or the tables failed. A
   * tool that fails is no reason, its task has ended.
   *
   * @default 5
   */
  readonly maxReceiveCount?: number;

  /**
   * How long a task can be read, from its creation. It is stopped at the end of that time if it has not ended.
   *
   * @default Duration.hours(1)
   */
  readonly ttl?: Duration;

  /**
   * How many tasks of one caller may be open.
   *
   * @default 32
   */
  readonly perPrincipal?: number;

  /**
   * How long a worker may be silent before another one may go on with its task.
   *
   * @default Duration.seconds(60)
   */
  readonly lease?: Duration;

  /**
   * How many workers may end without a word before a task fails.
   *
   * @default 5
   */
  readonly attempts?: number;

  /**
   * The event bus on which other systems publish updates of tasks: events with the detail type `MCP Task Update`. A
   * principal with the permission to publish there can update every task, that of a Step Functions state machine for
   * example. `grants.updateTasks()` needs no event bus.
   *
   * @default - none
   */
  readonly updatesFrom?: events.IEventBus;
}

/**
 * Options of tasks that run on a Lambda function.
 */
export interface McpTaskQueueOptions extends McpTasksOptions {
  /**
   * Options of the worker function. Shortly before the timeout a task goes on in the next invocation, from its last
   * checkpoint.
   *
   * @default - 256 MiB, 15 minutes, no reserved concurrency
   */
  readonly workerOptions?: McpFunctionOptions;

  /**
   * How many tasks run at a time, from 2 to 1000.
   *
   * @default 10
   */
  readonly maxConcurrency?: number;

  /**
   * How many tasks one invocation runs at a time, from 1 to 10. More than one pays off for tasks that take seconds.
   *
   * @default 1
   */
  readonly batchSize?: number;

  /**
   * How long Lambda waits for a full batch. Needs a `batchSize` above 1.
   *
   * @default - it does not wait
   */
  readonly batchWindow?: Duration;
}

/**
 * Options of tasks that run on AWS Fargate: for work that cannot be done in steps of 15 minutes, or that needs more
 * than Lambda has.
 */
export interface McpFargateTasksOptions extends McpTasksOptions {
  /**
   * The image of the server's program, for the architecture of the server's functions. The construct sets the
   * environment variable `MCP_ROLE=worker`.
   */
  readonly image: ecs.ContainerImage;

  /**
   * The cluster. Either this or `vpc` is needed.
   *
   * @default - a new cluster in `vpc`
   */
  readonly cluster?: ecs.ICluster;

  /**
   * The VPC of a new cluster. Workers need a route to DynamoDB, SQS, CloudWatch Logs and the registry of the image.
   *
   * @default - that of `cluster`
   */
  readonly vpc?: ec2.IVpc;

  /**
   * The subnets of the workers.
   *
   * @default - private subnets with egress
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The security groups of the workers.
   *
   * @default - a new one that allows all outbound traffic, and no inbound traffic
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * The CPU units of a worker: 256, 512, 1024, 2048, 4096, 8192 or 16384.
   *
   * @default 256
   */
  readonly cpu?: number;

  /**
   * The memory of a worker, in MiB, as Fargate allows it for `cpu`.
   *
   * @default 512
   */
  readonly memoryLimitMiB?: number;

  /**
   * The minimum number of workers. With 0 the first task waits until a worker has started.
   *
   * @default 1
   */
  readonly minWorkers?: number;

  /**
   * The maximum number of workers. Workers are added while messages wait, and removed when no task runs.
   *
   * @default 4
   */
  readonly maxWorkers?: number;

  /**
   * How many tasks one worker runs at a time.
   *
   * @default 16
   */
  readonly tasksPerWorker?: number;
}
