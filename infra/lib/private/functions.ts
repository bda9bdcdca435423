import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { tokenVariables } from '../auth/auth';
import type { IMcpTokenAuthorizerFactory, McpTokenRules } from '../auth/auth-config';
import { grantLargeResults } from '../large-results';
import { MANAGED_MEMORY, addCapacityProvider, managedVersion } from '../managed-instances';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import { ServerFunction, createAlias, type AliasedFunction } from '../server-function';
import type { Tables } from '../state';
import type { IMcpWorkers, McpWorkerFunction, McpWorkerFunctionProps } from '../tasks/tasks-config';
import { grantToolResources } from '../tool-resources';
import { defined, serverOptions, sharedOptions, workerOptions } from './function-options';
import { TABLE_ACTIONS, grantSecret, grantTable } from './permissions';
import { storeVariables, workerVariables, type ToolResources } from './server-variables';
import { fail } from './validation';

export const INGEST_TIMEOUT = Duration.seconds(30);
const AUTHORIZER_TIMEOUT = Duration.seconds(10);

/** The function that serves requests: a new one, or the user's own with a new alias. */
export function createServer(
  scope: Construct,
  props: McpLambdaServerProps,
  tables: Tables,
  timeout: Duration,
): AliasedFunction {
  const aliasOptions = defined({ provisionedConcurrentExecutions: props.provisionedConcurrentExecutions });
  const server = props.function
    ? { function: props.function, alias: createAlias(scope, props.function, aliasOptions) }
    : newServer(scope, props, tables, timeout, aliasOptions);
  const scaling = addAutoScaling(server.alias, props);
  return { ...server, ...(scaling && { scaling }) };
}

function newServer(
  scope: Construct,
  props: McpLambdaServerProps,
  tables: Tables,
  timeout: Duration,
  aliasOptions: lambda.AliasOptions,
): AliasedFunction {
  const managed = props.managedInstances;
  const options: lambda.FunctionOptions = {
    description: 'MCP server: serves requests',
    memorySize: managed ? MANAGED_MEMORY : 256,
    ...serverOptions(props),
    timeout,
    environment: { ...props.environment, ...storeVariables(props, tables) },
    currentVersionOptions: managed
      ? managedVersion(managed)
      : { removalPolicy: RemovalPolicy.RETAIN, ...props.currentVersionOptions },
  };
  const server = new ServerFunction(scope, 'Server', props, options, aliasOptions);
  if (managed) addCapacityProvider(scope, managed, server.function);
  return server;
}

function addAutoScaling(
  alias: lambda.Alias,
  props: McpLambdaServerProps,
): lambda.IScalableFunctionAttribute | undefined {
  const { provisionedConcurrentExecutions: minCapacity, maxProvisionedConcurrentExecutions: maxCapacity } = props;
  if (minCapacity === undefined || maxCapacity === undefined) return undefined;
  const scaling = alias.addAutoScaling({ minCapacity, maxCapacity });
  scaling.scaleOnUtilization({ utilizationTarget: 0.7 });
  return scaling;
}

/** The function that writes events to the log. */
export function createIngest(scope: Construct, props: McpLambdaServerProps, tables: Tables): AliasedFunction {
  return new ServerFunction(scope, 'Ingest', props, {
    ...sharedOptions(props),
    description: 'MCP server: writes events to the log',
    timeout: INGEST_TIMEOUT,
    ...defined(props.ingestOptions ?? {}),
    environment: { ...props.environment, ...storeVariables(props, tables) },
  });
}

/** Creates the function that checks tokens for a REST API. */
export class TokenAuthorizerFactory implements IMcpTokenAuthorizerFactory {
  public constructor(
    private readonly scope: Construct,
    private readonly props: McpLambdaServerProps,
  ) {}

  public createTokenAuthorizer(rules: McpTokenRules): lambda.IFunction {
    const { scope, props } = this;
    if (props.function) {
      const rule = "needs a function that checks tokens, and 'function' cannot be its own authorizer";
      fail('auth', 'tokens', rule, 'use McpAuth.lambdaAuthorizer(), or give the program as code or manifestPath');
    }
    const authorizer = new ServerFunction(scope, 'Authorizer', props, {
      ...sharedOptions(props),
      description: 'MCP server: checks tokens for API Gateway',
      timeout: AUTHORIZER_TIMEOUT,
      ...defined(props.authorizerOptions ?? {}),
      environment: { ...props.environment, ...tokenVariables(rules) },
    });
    return authorizer.alias;
  }
}

/** Creates the functions that run tasks. */
export class WorkerFactory implements IMcpWorkers {
  public readonly architecture: lambda.Architecture;
  public readonly environment: { [name: string]: string };
  /** The log group of the function, once it is created. */
  public logGroup?: logs.ILogGroupRef;

  public constructor(
    private readonly scope: Construct,
    private readonly props: McpLambdaServerProps,
    private readonly tables: Tables,
    private readonly resources: ToolResources,
  ) {
    this.architecture = props.architecture ?? lambda.Architecture.ARM_64;
    this.environment = workerVariables(props, tables, resources);
  }

  public createWorkerFunction(worker: McpWorkerFunctionProps): McpWorkerFunction {
    const created = new ServerFunction(this.scope, 'Worker', this.props, {
      ...workerOptions(this.props),
      description: worker.description,
      timeout: worker.timeout,
      // A task that goes on later sends a message to the queue that invoked the function: Lambda would stop that as a
      // loop after 16 times.
      recursiveLoop: lambda.RecursiveLoop.ALLOW,
      ...defined(worker.workerOptions ?? {}),
      environment: { ...this.environment, ...worker.environment },
    });
    this.logGroup = created.logGroup;
    this.grantWork(created.function);
    return { function: created.function, alias: created.alias };
  }

  public grantWork(grantee: iam.IGrantable): void {
    grantTable(this.tables.state, grantee, TABLE_ACTIONS.serverState);
    grantTable(this.tables.events, grantee, TABLE_ACTIONS.serverEvents);
    const { topic, largeResults } = this.resources;
    topic?.grantPublish(grantee);
    if (largeResults) grantLargeResults(largeResults, grantee);
    if (this.props.toolResources) grantToolResources(this.scope, this.props.toolResources, grantee);
    for (const secret of Object.values(this.props.secrets ?? {})) grantSecret(secret, grantee);
  }
}
