import { RemovalPolicy } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { explain } from './findings';
import { checkNumber } from './validation';

/** The least memory a function on managed instances may have, in MiB. */
export const MANAGED_MEMORY = 2048;

/**
 * Lambda Managed Instances: instances that always run, each environment serving many requests at once. Cheaper than
 * one environment per stream from about 25 streams that are always open.
 */
export interface McpManagedInstances {
  /**
   * The network of the instances. They need a way to DynamoDB, CloudWatch Logs and whatever the tools call.
   */
  readonly vpc: ec2.IVpc;

  /**
   * Its subnets.
   *
   * @default - private subnets with a way out
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups of the instances.
   */
  readonly securityGroups: ec2.ISecurityGroup[];

  /**
   * Requests, open streams among them, that one environment serves at a time.
   *
   * @default 64
   */
  readonly maxConcurrency?: number;

  /**
   * The most vCPUs there may be, all instances together.
   *
   * @default 30
   */
  readonly maxVcpuCount?: number;

  /**
   * Environments that always run. Lambda keeps three for its availability zones.
   *
   * @default 3
   */
  readonly minEnvironments?: number;

  /**
   * The most environments there may be.
   *
   * @default - as many as `maxVcpuCount` carries
   */
  readonly maxEnvironments?: number;
}

export function checkManaged(props: McpManagedInstances): void {
  checkNumber('managedInstances.maxConcurrency', props.maxConcurrency, 1, 1600);
  checkNumber('managedInstances.maxVcpuCount', props.maxVcpuCount, 12, 15_000);
  checkNumber('managedInstances.minEnvironments', props.minEnvironments, 0, 15_000);
  checkNumber('managedInstances.maxEnvironments', props.maxEnvironments, props.minEnvironments ?? 3, 15_000);
}

/**
 * A version's environments. Versions that are replaced go: kept for a rollback they would keep running, and be billed.
 */
export function managedVersion(props: McpManagedInstances): lambda.VersionOptions {
  return {
    removalPolicy: RemovalPolicy.DESTROY,
    minExecutionEnvironments: props.minEnvironments ?? 3,
    ...(props.maxEnvironments !== undefined && { maxExecutionEnvironments: props.maxEnvironments }),
  };
}

export function manage(scope: Construct, props: McpManagedInstances, target: lambda.Function): lambda.CapacityProvider {
  const provider = new lambda.CapacityProvider(scope, 'Instances', {
    subnets: props.vpc.selectSubnets(props.vpcSubnets).subnets,
    securityGroups: props.securityGroups,
    architectures: [target.architecture],
    maxVCpuCount: props.maxVcpuCount ?? 30,
    scalingOptions: lambda.ScalingOptions.auto(),
  });
  explain(
    provider,
    "the policy AWS made for Lambda's own work on instances",
    `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator]`,
  );
  provider.addFunction(target, { perExecutionEnvironmentMaxConcurrency: props.maxConcurrency ?? 64 });
  return provider;
}
