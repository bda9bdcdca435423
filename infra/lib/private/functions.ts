import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { tokenVariables } from '../auth/auth';
import type { IMcpTokenAuthorizerFactory, McpTokenRules } from '../auth/auth-config';
import { MANAGED_MEMORY, addCapacityProvider, managedVersion } from '../managed-instances';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import { ServerFunction, createAlias } from '../server-function';
import type { Tables } from '../state';
import { defined, serverOptions, sharedOptions } from './function-options';
import { storeVariables } from './server-variables';
import { fail } from './validation';

export const INGEST_TIMEOUT = Duration.seconds(30);
const AUTHORIZER_TIMEOUT = Duration.seconds(10);

/** A function and the alias by which it is invoked. */
export interface AliasedFunction {
  readonly function: lambda.Function;
  readonly alias: lambda.Alias;
  /** Not known for a function of the user's own. */
  readonly logGroup?: logs.ILogGroupRef;
}

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
  addAutoScaling(server.alias, props);
  return server;
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

function addAutoScaling(alias: lambda.Alias, props: McpLambdaServerProps): void {
  const { provisionedConcurrentExecutions: minCapacity, maxProvisionedConcurrentExecutions: maxCapacity } = props;
  if (minCapacity === undefined || maxCapacity === undefined) return;
  alias.addAutoScaling({ minCapacity, maxCapacity }).scaleOnUtilization({ utilizationTarget: 0.7 });
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
