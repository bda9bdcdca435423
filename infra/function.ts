import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Duration } from 'aws-cdk-lib';
import { RemovalPolicy } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { RustFunction } from 'cargo-lambda-cdk';
import { Construct } from 'constructs';
import type { Variables } from './environment';
import { explain } from './findings';
import type { McpLambdaServerProps } from './props';
import { refuse } from './validation';

/** The name of the reference server's binary. */
const REFERENCE = 'mcp-lambda-reference';

/** The alias everything outside points at; a rollback moves it. */
export const ALIAS = 'live';

/** What one role of the server is made of. */
export interface RoleOptions {
  readonly description: string;
  readonly timeout: Duration;
  readonly memorySize: number;
  readonly environment: Variables;
  readonly reservedConcurrency: number | undefined;
  readonly network: Network | undefined;
  readonly tenantIsolation?: boolean;
  readonly version?: lambda.VersionOptions | undefined;
}

/** Where a function's network interfaces are. */
export interface Network {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection | undefined;
  readonly securityGroups: ec2.ISecurityGroup[] | undefined;
}

/**
 * One role: its function with its own execution role and log group, and the alias it is called by.
 */
export class RoleFunction extends Construct {
  public readonly function: lambda.Function;
  public readonly alias: lambda.Alias;

  public constructor(scope: Construct, id: string, props: McpLambdaServerProps, options: RoleOptions) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Logs', {
      retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
      removalPolicy: props.logRemovalPolicy ?? RemovalPolicy.DESTROY,
      ...(props.logEncryptionKey && { encryptionKey: props.logEncryptionKey }),
    });
    const role = executionRole(this, logGroup, options);
    this.function = program(this, props, functionProps(props, options, role, logGroup));
    explain(role, 'X-Ray and network interfaces have no resources to name', 'AwsSolutions-IAM5[Resource::*]');
    explain(
      this.function,
      'callers wait for answers; what may not be lost has a queue behind its alias',
      'Serverless-LambdaDLQ',
    );
    this.alias = pointAt(this, this.function);
  }
}

/** The alias of a function's newest version. */
export function pointAt(scope: Construct, target: lambda.Function): lambda.Alias {
  return new lambda.Alias(scope, 'Alias', { aliasName: ALIAS, version: target.currentVersion });
}

function functionProps(
  props: McpLambdaServerProps,
  options: RoleOptions,
  role: iam.IRole,
  logGroup: logs.ILogGroup,
): lambda.FunctionOptions {
  const { network, reservedConcurrency } = options;
  return {
    description: options.description,
    architecture: props.architecture ?? lambda.Architecture.ARM_64,
    memorySize: options.memorySize,
    timeout: options.timeout,
    environment: { ...options.environment },
    layers: props.layers ?? [],
    role,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    tracing: props.tracing ?? lambda.Tracing.ACTIVE,
    // Versions stay, so that a rollback has somewhere to go.
    currentVersionOptions: options.version ?? { removalPolicy: RemovalPolicy.RETAIN },
    ...(reservedConcurrency !== undefined && { reservedConcurrentExecutions: reservedConcurrency }),
    ...(network && { vpc: network.vpc }),
    ...(network?.subnets && { vpcSubnets: network.subnets }),
    ...(network?.securityGroups && { securityGroups: network.securityGroups }),
    ...(props.environmentEncryptionKey && { environmentEncryption: props.environmentEncryptionKey }),
    ...(options.tenantIsolation && { tenancyConfig: lambda.TenancyConfig.PER_TENANT }),
  };
}

/** The binary, built here or elsewhere. Both ways two functions of one program are one asset, built once. */
function program(scope: Construct, props: McpLambdaServerProps, options: lambda.FunctionOptions): lambda.Function {
  if (props.code) {
    const runtime = lambda.Runtime.PROVIDED_AL2023;
    return new lambda.Function(scope, 'Resource', { ...options, runtime, handler: 'bootstrap', code: props.code });
  }
  const { manifestPath, binaryName } = source(props);
  return new RustFunction(scope, 'Resource', {
    ...options,
    manifestPath,
    ...(binaryName !== undefined && { binaryName }),
    bundling: { cargoLambdaFlags: props.cargoLambdaFlags ?? ['--locked', '--skip-target-check'] },
  });
}

function source(props: McpLambdaServerProps): { manifestPath: string; binaryName: string | undefined } {
  if (props.manifestPath !== undefined) {
    const { manifestPath, binaryName } = props;
    if (existsSync(manifestPath)) return { manifestPath, binaryName };
    refuse(
      'manifestPath',
      manifestPath,
      'must be the path of a Cargo.toml that exists',
      'check it from where you synthesise',
    );
  }
  // Beside the sources of this file, or one folder further up where it is compiled.
  const places = [join(__dirname, '..'), join(__dirname, '..', '..')];
  const found = places.map(top => join(top, 'runtime', 'reference', 'Cargo.toml')).find(path => existsSync(path));
  const wayOut = "set 'manifestPath' to your server's Cargo.toml, or 'code' to a directory with a built bootstrap";
  if (found === undefined) {
    refuse(
      'manifestPath',
      undefined,
      'has no default outside the repository of this construct, which has the reference server',
      wayOut,
    );
  }
  return { manifestPath: found, binaryName: REFERENCE };
}

/**
 * A role with nothing but its own log group in it. Not AWSLambdaBasicExecutionRole, which may write every log group of
 * the account.
 */
function executionRole(scope: Construct, logGroup: logs.ILogGroup, options: RoleOptions): iam.Role {
  const role = new iam.Role(scope, 'Role', {
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    description: options.description,
  });
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [`${logGroup.logGroupArn}`],
    }),
  );
  if (options.network) {
    role.addToPolicy(new iam.PolicyStatement({ actions: NETWORK_ACTIONS, resources: ['*'] }));
  }
  return role;
}

/** What Lambda does in the function's name: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions */
const NETWORK_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];
