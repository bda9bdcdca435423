import type { Duration } from 'aws-cdk-lib';
import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ALLOCATOR } from './private/environment';
import { expectFindings } from './private/findings';
import { checkAll, checkNumber, checkSeconds } from './private/validation';
import { createFunction, type McpProgramOptions } from './program';

/**
 * Options of a function beside the server, under the names of `lambda.FunctionOptions`.
 */
export interface McpFunctionOptions {
  /**
   * The name of the function. A function with a name cannot be replaced by one with the same name.
   *
   * @default - a name that CloudFormation makes
   */
  readonly functionName?: string;

  /**
   * The memory of the function, in MiB.
   *
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * The timeout of the function.
   *
   * @default - 30 seconds for the ingest function, 10 seconds for the authorizer
   */
  readonly timeout?: Duration;

  /**
   * The number of environments that are reserved for the function. An account with the initial concurrency quota cannot
   * reserve any.
   *
   * @default - no reservation
   */
  readonly reservedConcurrentExecutions?: number;

  /**
   * The log group of the function.
   *
   * @default - a new log group that keeps logs for a month
   */
  readonly logGroup?: logs.ILogGroupRef;
}

/** The alias that endpoints, the topic and rules invoke. A rollback points it at another version. */
export const ALIAS = 'live';

export function checkOptionsOfFunction(property: string, options: McpFunctionOptions): void {
  const reserved = options.reservedConcurrentExecutions;
  checkAll(
    () => checkNumber(`${property}.memorySize`, options.memorySize, 128, 10_240),
    () => checkSeconds(`${property}.timeout`, options.timeout, 900, 'shorten it'),
    () => checkNumber(`${property}.reservedConcurrentExecutions`, reserved, 1, 1_000_000),
  );
}

/** A function and the alias by which it is invoked. */
export interface AliasedFunction {
  readonly function: lambda.Function;
  readonly alias: lambda.Alias;
  /** The provisioned concurrency, if it is scaled. */
  readonly scaling?: lambda.IScalableFunctionAttribute;
  /** Not known for a function of the user's own. */
  readonly logGroup?: logs.ILogGroupRef;
}

/**
 * One of the functions that run the server's program, with its execution role, its log group, and its alias.
 */
export class ServerFunction extends Construct {
  public readonly function: lambda.Function;
  public readonly alias: lambda.Alias;
  public readonly logGroup: logs.ILogGroupRef;

  public constructor(
    scope: Construct,
    id: string,
    program: McpProgramOptions & { readonly encryptionKey?: kms.IKey },
    options: lambda.FunctionOptions,
    alias: lambda.AliasOptions = {},
  ) {
    super(scope, id);
    const logGroup = options.logGroup ?? this.createLogGroup(program.encryptionKey);
    this.logGroup = logGroup;
    const role = options.role ?? this.createRole(options.description);
    grantExecution(role, logGroup, options.vpc !== undefined);
    const environment = { ...ALLOCATOR, ...options.environment };
    this.function = createFunction(this, program, { ...DEFAULTS, ...options, environment, role, logGroup });
    const reason = 'callers wait for responses; events that fail go to a queue of the alias';
    expectFindings(this.function, reason, 'Serverless-LambdaDLQ');
    if (![lambda.Runtime.PROVIDED_AL2023, lambda.Runtime.FROM_IMAGE].includes(this.function.runtime)) {
      const version = 'the packages of the program are for this version of the runtime';
      expectFindings(this.function, version, 'AwsSolutions-L1', 'Serverless-LambdaLatestVersion');
    }
    if (options.insightsVersion && !options.role) {
      expectFindings(role, 'the policy that AWS gives Lambda Insights', INSIGHTS_FINDING);
    }
    this.alias = createAlias(this, this.function, alias);
  }

  private createLogGroup(encryptionKey: kms.IKey | undefined): logs.LogGroup {
    return new logs.LogGroup(this, 'LogGroup', {
      ...(encryptionKey && { encryptionKey }),
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  private createRole(description: string | undefined): iam.Role {
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      ...(description !== undefined && { description }),
    });
    const reason = 'actions of X-Ray and on network interfaces take no resource';
    expectFindings(role, reason, 'AwsSolutions-IAM5[Resource::*]');
    return role;
  }
}

const INSIGHTS_FINDING =
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/CloudWatchLambdaInsightsExecutionRolePolicy]';

const DEFAULTS: lambda.FunctionOptions = {
  architecture: lambda.Architecture.ARM_64,
  memorySize: 256,
  loggingFormat: lambda.LoggingFormat.JSON,
  tracing: lambda.Tracing.ACTIVE,
  // Old versions are kept for a rollback.
  currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
};

/** The alias of the function's current version. */
export function createAlias(scope: Construct, target: lambda.Function, options: lambda.AliasOptions): lambda.Alias {
  return new lambda.Alias(scope, 'Alias', { ...options, aliasName: ALIAS, version: target.currentVersion });
}

/**
 * Permissions for the function's own log group only. The managed policy AWSLambdaBasicExecutionRole has them for every
 * log group of the account.
 */
function grantExecution(role: iam.IRole, logGroup: logs.ILogGroupRef, inVpc: boolean): void {
  role.addToPrincipalPolicy(
    new iam.PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [`${logGroup.logGroupRef.logGroupArn}`],
    }),
  );
  if (!inVpc) return;
  const network = { actions: NETWORK_ACTIONS, resources: ['*'] };
  role.addToPrincipalPolicy(new iam.PolicyStatement(network));
  // Lambda calls with the role of the function, as the code in it does: calls of code have the ARN of their function.
  const functions = Stack.of(role).formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName: '*',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  const conditions = { ArnLike: { 'lambda:SourceFunctionArn': functions } };
  role.addToPrincipalPolicy(new iam.PolicyStatement({ ...network, effect: iam.Effect.DENY, conditions }));
}

/** Lambda creates network interfaces with the function's role: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions */
const NETWORK_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];
