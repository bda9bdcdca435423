import { RemovalPolicy } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { expectFindings } from './private/findings';
import { checkAll, checkNumber } from './private/validation';

/** The minimum memory of a function on managed instances, in MiB. */
export const MANAGED_MEMORY = 2048;

/**
 * Lambda Managed Instances: EC2 instances that always run, each execution environment serving many requests at once.
 * They cost less than one environment per stream from about 25 streams that are always open.
 */
export interface McpManagedInstancesOptions {
  /**
   * The VPC of the instances. They need a route to DynamoDB, CloudWatch Logs and the services that the tools call.
   */
  readonly vpc: ec2.IVpc;

  /**
   * The subnets of the instances.
   *
   * @default - private subnets with egress
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The security groups of the instances.
   */
  readonly securityGroups: ec2.ISecurityGroup[];

  /**
   * How many requests, open streams included, one environment serves at a time.
   *
   * @default 64
   */
  readonly perExecutionEnvironmentMaxConcurrency?: number;

  /**
   * The maximum number of vCPUs of all instances together.
   *
   * @default 30
   */
  readonly maxVCpuCount?: number;

  /**
   * The minimum number of environments. Lambda keeps three for its availability zones.
   *
   * @default 3
   */
  readonly minExecutionEnvironments?: number;

  /**
   * The maximum number of environments.
   *
   * @default - as many as `maxVCpuCount` allows
   */
  readonly maxExecutionEnvironments?: number;
}

export function checkManagedInstances(options: McpManagedInstancesOptions): void {
  const { minExecutionEnvironments: least, maxExecutionEnvironments: most } = options;
  const concurrency = options.perExecutionEnvironmentMaxConcurrency;
  checkAll(
    () => checkNumber('managedInstances.perExecutionEnvironmentMaxConcurrency', concurrency, 1, 1600),
    () => checkNumber('managedInstances.maxVCpuCount', options.maxVCpuCount, 12, 15_000),
    () => checkNumber('managedInstances.minExecutionEnvironments', least, 0, 15_000),
    () => checkNumber('managedInstances.maxExecutionEnvironments', most, least ?? 3, 15_000),
  );
}

/**
 * Options of the function's versions. Old versions are deleted: kept for a rollback, they would keep running and be
 * billed.
 */
export function managedVersion(options: McpManagedInstancesOptions): lambda.VersionOptions {
  const { minExecutionEnvironments, maxExecutionEnvironments } = options;
  return {
    removalPolicy: RemovalPolicy.DESTROY,
    minExecutionEnvironments: minExecutionEnvironments ?? 3,
    ...(maxExecutionEnvironments !== undefined && { maxExecutionEnvironments }),
  };
}

/** Makes the function run on a new capacity provider. */
export function addCapacityProvider(
  scope: Construct,
  options: McpManagedInstancesOptions,
  target: lambda.Function,
): void {
  const provider = new lambda.CapacityProvider(scope, 'CapacityProvider', {
    subnets: options.vpc.selectSubnets(options.vpcSubnets).subnets,
    securityGroups: options.securityGroups,
    architectures: [target.architecture],
    maxVCpuCount: options.maxVCpuCount ?? 30,
    scalingOptions: lambda.ScalingOptions.auto(),
  });
  expectFindings(
    provider,
    "the managed policy is the one that AWS provides for Lambda's operations on instances",
    `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator]`,
  );
  provider.addFunction(target, {
    perExecutionEnvironmentMaxConcurrency: options.perExecutionEnvironmentMaxConcurrency ?? 64,
  });
}
