import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { McpAuth } from './auth';
import type { McpCors } from './cors';
import type { McpEndpoint } from './endpoint/endpoint';
import type { McpEventsProps } from './events';
import type { McpManagedInstances } from './managed';
import type { McpMonitoringProps } from './monitoring';
import type { McpStateProps } from './state';
import type { McpStreamsProps } from './streams';

/**
 * Properties of an `McpLambdaServer`. None has to be set.
 */
export interface McpLambdaServerProps {
  /**
   * The Cargo.toml of your server, built with cargo-lambda when the app is synthesised.
   *
   * @default - the reference server, where this construct is used in its own repository
   */
  readonly manifestPath?: string;

  /**
   * The binary to build. A workspace, and a package with several, need it.
   *
   * @default - the package's only binary
   */
  readonly binaryName?: string;

  /**
   * Flags of `cargo lambda build`, such as `--features` and what follows it.
   *
   * @default ['--locked', '--skip-target-check']
   */
  readonly cargoLambdaFlags?: string[];

  /**
   * A program built elsewhere: a directory or zip with an executable called `bootstrap`.
   *
   * @default - built from `manifestPath`
   */
  readonly code?: lambda.Code;

  /**
   * A function of yours that runs the server in every role. It keeps its own role, log group, memory and timeout.
   *
   * @default - functions of their own, one per role
   */
  readonly function?: lambda.Function;

  /**
   * The processors the program is built for.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * Memory of the server function, in MiB. The share of a processor goes with it.
   *
   * @default 256, and 2048 with `managedInstances`
   */
  readonly memorySize?: number;

  /**
   * How long one request may take.
   *
   * @default - 120 seconds, and 30 behind an HTTP API
   */
  readonly timeout?: Duration;

  /**
   * Variables of your own, for every role. Those the construct sets cannot be among them.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * The key that encrypts the environment variables.
   *
   * @default - the key that AWS manages for Lambda
   */
  readonly environmentEncryptionKey?: kms.IKey;

  /**
   * Layers of every role.
   *
   * @default - none
   */
  readonly layers?: lambda.ILayerVersion[];

  /**
   * How long logs are kept.
   *
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * What becomes of the logs when the stack goes.
   *
   * @default RemovalPolicy.DESTROY
   */
  readonly logRemovalPolicy?: RemovalPolicy;

  /**
   * The key that encrypts the logs. It must let CloudWatch Logs use it.
   *
   * @default - the key of CloudWatch Logs
   */
  readonly logEncryptionKey?: kms.IKey;

  /**
   * X-Ray.
   *
   * @default lambda.Tracing.ACTIVE
   */
  readonly tracing?: lambda.Tracing;

  /**
   * Environments that the server may have and nobody else can take. Also the most it can cost: each open stream holds
   * one. Accounts whose concurrency was not raised cannot reserve any, so none is by default.
   *
   * @default - none
   */
  readonly reservedConcurrency?: number;

  /**
   * Environments that are always warm.
   *
   * @default - none
   */
  readonly provisionedConcurrency?: number;

  /**
   * How far warm environments are scaled up while they are in use.
   *
   * @default - not scaled
   */
  readonly maxProvisionedConcurrency?: number;

  /**
   * Runs the server on instances that serve many requests at once. A function that was put there stays there.
   *
   * @default - one request per environment, scaled to zero
   */
  readonly managedInstances?: McpManagedInstances;

  /**
   * Gives each tenant environments of its own. Only behind API Gateway, which says whose request it is.
   *
   * @default false
   */
  readonly tenantIsolation?: boolean;

  /**
   * The network of every role.
   *
   * @default - none of yours
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Its subnets.
   *
   * @default - private subnets with a way out
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups of every role.
   *
   * @default - one of its own per role
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Secrets the server may read, by the variable that gets the secret's ARN.
   *
   * @default - none
   */
  readonly secrets?: { [name: string]: secretsmanager.ISecret };

  /**
   * A secret with the keys that seal `requestState`: a comma list of `id:base64`, the first seals, all open.
   *
   * @default - a secret of its own with one key
   */
  readonly stateKeys?: secretsmanager.ISecret;

  /**
   * What stands in front.
   *
   * @default McpEndpoint.functionUrl()
   */
  readonly endpoint?: McpEndpoint;

  /**
   * Who may call.
   *
   * @default McpAuth.iam()
   */
  readonly auth?: McpAuth;

  /**
   * The path of the MCP endpoint.
   *
   * @default '/mcp'
   */
  readonly path?: string;

  /**
   * Which pages in browsers may call.
   *
   * @default - none
   */
  readonly cors?: McpCors;

  /**
   * Host names the server answers to.
   *
   * @default - the front's, where it has them before the function; else whatever Lambda routes to it
   */
  readonly allowedHosts?: string[];

  /**
   * The URL clients know the server by, without the path. Something in front of the front makes it necessary.
   *
   * @default - the front's
   */
  readonly publicUrl?: string;

  /**
   * Streams that wait for events.
   *
   * @default - on, for at most a minute, 16 per caller
   */
  readonly streams?: McpStreamsProps;

  /**
   * Where sessions, state, replies and events are kept.
   *
   * @default - two tables of its own
   */
  readonly state?: McpStateProps;

  /**
   * How events from outside reach the clients' streams.
   *
   * @default - a topic of its own
   */
  readonly events?: McpEventsProps;

  /**
   * Alarms and the dashboard.
   *
   * @default - all of them
   */
  readonly monitoring?: McpMonitoringProps;

  /**
   * Tags of every resource.
   *
   * @default - none
   */
  readonly tags?: { [name: string]: string };

  /**
   * What the names of the stack's outputs begin with. Two servers in one stack need two.
   *
   * @default - nothing: `McpEndpoint`, `EventsTopicArn`, ...
   */
  readonly outputPrefix?: string;
}
