import type { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { McpAuth } from './auth/auth';
import type { McpCorsOptions } from './cors';
import type { McpDeployment } from './deployment/deployment';
import type { McpEndpoint } from './endpoint/endpoint';
import type { McpEventsOptions } from './events';
import type { McpLargeResults } from './large-results';
import type { McpManagedInstancesOptions } from './managed-instances';
import type { McpMonitoringOptions } from './monitoring/monitoring-options';
import type { McpProgramOptions } from './program';
import type { McpFunctionOptions } from './server-function';
import type { McpStateOptions } from './state';
import type { McpStreamsOptions } from './streams';
import type { McpTasks } from './tasks/tasks';
import type { McpToolResources } from './tool-resources';

/**
 * Options of a server, independent of its program. All are optional.
 *
 * The options of `lambda.FunctionOptions` have their own names. Those of a program's environment apply to every
 * function: `architecture`, `environment`, `layers`, `vpc`, `tracing`, `codeSigningConfig` and the like. Those of one
 * function apply to the server: `memorySize`, `timeout`, `reservedConcurrentExecutions`, `role`, `logGroup` and the
 * like. Those of tools apply to the server and to the worker of `tasks`: `filesystem`, `ephemeralStorageSize` and
 * `initialPolicy`. Options that cannot work with this server fail at synthesis. Some defaults differ from Lambda's own:
 *
 * - `architecture`: `lambda.Architecture.ARM_64`
 * - `memorySize`: 256, and 2048 with `managedInstances`
 * - `timeout`: 120 seconds, or less if the endpoint waits less (30 seconds behind an HTTP API)
 * - `tracing`: `lambda.Tracing.ACTIVE`
 * - `logGroup`: a new log group that keeps logs for a month and is deleted with the stack
 * - `loggingFormat`: `lambda.LoggingFormat.JSON`
 * - `applicationLogLevelV2`: Lambda's own, INFO. Lambda takes a line without a level for one at INFO, so that a higher one
 *   drops metrics that a program writes
 * - `role`: a new role with permissions for the function's own log group, tables and topic
 * - `currentVersionOptions`: old versions are retained, for a rollback
 *
 * `reservedConcurrentExecutions` also limits the cost of the server: each open stream occupies an environment.
 */
export interface McpServerOptions extends lambda.FunctionOptions {
  /**
   * The KMS key that encrypts all that is created and stores something: tables, topics, queues, the secret, log groups and
   * environment variables. Its policy then admits CloudWatch, CloudWatch Logs, SNS and EventBridge. A key of its own, such as
   * `state.encryptionKey`, has precedence.
   *
   * @default - keys of AWS
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * The provisioned concurrency of the alias: environments that are always initialized.
   *
   * @default - none
   */
  readonly provisionedConcurrentExecutions?: number;

  /**
   * The provisioned concurrency up to which Application Auto Scaling scales.
   *
   * @default - not scaled
   */
  readonly maxProvisionedConcurrentExecutions?: number;

  /**
   * Runs the server on Lambda Managed Instances, where one environment serves many requests at once. It cannot be
   * undone for an existing function.
   *
   * @default - one request per environment, scaled to zero
   */
  readonly managedInstances?: McpManagedInstancesOptions;

  /**
   * Options of the function that writes events to the log.
   *
   * @default - 256 MiB, 30 seconds, no reserved concurrency
   */
  readonly ingestOptions?: McpFunctionOptions;

  /**
   * Options of the function that checks tokens for a REST API.
   *
   * @default - 256 MiB, 10 seconds, no reserved concurrency
   */
  readonly authorizerOptions?: McpFunctionOptions;

  /**
   * Secrets that the server may read, by the environment variable that holds the secret's ARN.
   *
   * @default - none
   */
  readonly secrets?: { [name: string]: secretsmanager.ISecret };

  /**
   * A secret with the keys that sign `requestState`: one text of 43 characters or more without a colon, or `id:base64` pairs
   * separated by commas, of which the first signs and all verify. The server reads it when a key is first needed, and again after
   * a rotation; what the previous version has signed stays valid. A secret that is imported by its name is found by that.
   *
   * @default - a new secret with one key
   */
  readonly stateKeys?: secretsmanager.ISecret;

  /**
   * How often Secrets Manager makes a new version of the secret, from 4 hours to 999 days. It does not apply to `stateKeys`.
   *
   * @default - never
   */
  readonly stateKeyRotation?: Duration;

  /**
   * Where results of tools go that are too large for a response: `McpLargeResults.s3()`.
   *
   * @default - they are returned as they are, up to the limit of the endpoint
   */
  readonly largeResults?: McpLargeResults;

  /**
   * The resources of AWS that tools of the program may use, such as those of the reference server.
   *
   * @default - none
   */
  readonly toolResources?: McpToolResources;

  /**
   * What clients send their requests to.
   *
   * @default McpEndpoint.functionUrl()
   */
  readonly endpoint?: McpEndpoint;

  /**
   * More endpoints of other kinds, with the same `auth`: so that clients that use the URL of one stay connected while they move to
   * that of `endpoint`.
   *
   * @default - none: when `endpoint` changes its kind, the deployment deletes the URL of the old one
   */
  readonly additionalEndpoints?: McpEndpoint[];

  /**
   * How callers are authenticated.
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
   * The web pages that may call.
   *
   * @default - none
   */
  readonly cors?: McpCorsOptions;

  /**
   * Host names that the server accepts in requests.
   *
   * @default - those of the endpoint, if they do not depend on the function; otherwise all that are routed to it
   */
  readonly allowedHosts?: string[];

  /**
   * The URL that clients use, without the path. Required if clients reach the endpoint through a proxy, such as a CDN:
   * with a domain name of your own. The name that CloudFront makes depends on the distribution, that on the endpoint, and that
   * on the function, which has this URL in its environment.
   *
   * @default - the endpoint's URL
   */
  readonly publicUrl?: string;

  /**
   * Streams that wait for events.
   *
   * @default - on, for at most a minute, 16 per caller
   */
  readonly streams?: McpStreamsOptions;

  /**
   * The tables of sessions, state, replies and events.
   *
   * @default - two new tables
   */
  readonly state?: McpStateOptions;

  /**
   * Events that other systems publish and MCP clients subscribe to. (`events` are the function's event sources.)
   *
   * @default - a new topic
   */
  readonly mcpEvents?: McpEventsOptions;

  /**
   * Alarms, the dashboard, and saved queries of the logs.
   *
   * @default - alarms for failed and throttled requests and for the dead-letter queues, and saved queries
   */
  readonly monitoring?: McpMonitoringOptions;

  /**
   * How requests move to a new version: `McpDeployment.canary()`, `McpDeployment.linear()` or `McpDeployment.allAtOnce()`, with
   * CodeDeploy. The metrics of an endpoint of your own must not depend on the alias, since its alarms end a deployment.
   *
   * @default - at once, without CodeDeploy
   */
  readonly deployment?: McpDeployment;

  /**
   * Tags of every resource.
   *
   * @default - none
   */
  readonly tags?: { [name: string]: string };
}

/**
 * Properties of an `McpLambdaServer`. All are optional.
 */
export interface McpLambdaServerProps extends McpProgramOptions, McpServerOptions {
  /**
   * A function of your own that serves requests and writes events. It keeps its own role, log group and settings.
   *
   * @default - two new functions
   */
  readonly function?: lambda.Function;

  /**
   * Where tools run that take longer than their client waits: `McpTasks.queue()` or `McpTasks.fargate()`. Without it they
   * run within their request, and the server declares no tasks.
   *
   * @default - none: a worker is invoked every minute, so that a server without such tools should have none
   */
  readonly tasks?: McpTasks;
}
