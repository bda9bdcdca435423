// The VPC of a deploy.toml.
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Annotations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { McpLambdaServerProps } from '../../lib';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';

type Network = Pick<McpLambdaServerProps, 'vpc' | 'vpcSubnets' | 'securityGroups' | 'allowPublicSubnet'>;

/** Whether a VPC is wanted of which the file does not say all: it is looked up in the account. */
export function needsLookup({ vpc }: DeployConfig): boolean {
  return isEnabled(vpc) && !(vpc.vpc_id !== undefined && vpc.subnet_ids?.length && vpc.security_group_ids?.length);
}

/**
 * The VPC, its subnets and security groups. What the file leaves out is discovered: the default VPC of the account and
 * region, its private subnets, and a new security group.
 */
export function network(scope: Construct, config: DeployConfig, problems: Problems): Network {
  const { vpc: section } = config;
  if (!isEnabled(section)) {
    const other = (['subnet_ids', 'security_group_ids', 'dynamodb_endpoint'] as const).find(
      key => section[key] !== undefined,
    );
    if (other) problems.add('vpc', 'enabled', `true where ${other} is given`, section.enabled);
    return {};
  }
  for (const key of ['subnet_ids', 'security_group_ids'] as const) {
    if (section[key]?.length === 0) problems.add('vpc', key, 'ids, or left out to discover them', section[key]);
  }
  const vpc = needsLookup(config) ? lookUp(scope, section) : imported(scope, section);
  if (section.dynamodb_endpoint) addEndpoint(vpc, config, problems);
  return {
    vpc,
    ...subnetsOf(scope, vpc, section),
    ...(section.security_group_ids?.length && {
      securityGroups: section.security_group_ids.map((id, at) =>
        ec2.SecurityGroup.fromSecurityGroupId(scope, `SecurityGroup${at}`, id),
      ),
    }),
  };
}

function isEnabled(vpc: DeployConfig['vpc']): boolean {
  return vpc.enabled ?? vpc.vpc_id !== undefined;
}

/** The result is kept in cdk.context.json: the next deployment uses the same VPC. */
function lookUp(scope: Construct, { vpc_id: vpcId }: DeployConfig['vpc']): ec2.IVpc {
  return ec2.Vpc.fromLookup(scope, 'Vpc', vpcId === undefined ? { isDefault: true } : { vpcId });
}

function imported(scope: Construct, { vpc_id: vpcId = '', subnet_ids: subnets = [] }: DeployConfig['vpc']): ec2.IVpc {
  return ec2.Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId,
    availabilityZones: subnets.map((_, at) => `zone-${at}`),
    privateSubnetIds: subnets,
  });
}

/** The subnets of the file, or those with a route to the internet through a NAT gateway, or what else there is. */
function subnetsOf(scope: Construct, vpc: ec2.IVpc, section: DeployConfig['vpc']): Network {
  if (section.subnet_ids?.length) {
    if (!needsOwnSubnets(section)) return {};
    const subnets = section.subnet_ids.map((id, at) => ec2.Subnet.fromSubnetId(scope, `Subnet${at}`, id));
    return { vpcSubnets: { subnets } };
  }
  if (vpc.privateSubnets.length > 0 || vpc.isolatedSubnets.length > 0) return {};
  const problem = 'the VPC that was discovered has public subnets only: a function there reaches nothing outside of the VPC';
  const wayOut = 'name subnets with a NAT gateway as [vpc] subnet_ids, or leave [vpc] out if no tool needs it';
  const tables = section.dynamodb_endpoint ? '' : '. For the tables of the server, set [vpc] dynamodb_endpoint = true';
  Annotations.of(scope).addWarningV2('mcp-lambda-server:public-subnets', `${problem}; ${wayOut}${tables}`);
  return { vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, allowPublicSubnet: true };
}

/** An imported VPC has the subnets of the file, one that is looked up has its own. */
function needsOwnSubnets(section: DeployConfig['vpc']): boolean {
  return section.vpc_id === undefined || !section.security_group_ids?.length;
}

/** A gateway endpoint is free. A route table can have one only for each service. */
function addEndpoint(vpc: ec2.IVpc, config: DeployConfig, problems: Problems): void {
  if (!needsLookup(config)) {
    problems.add('vpc', 'dynamodb_endpoint', 'left out where all ids are given: the route tables are not known', true);
    return;
  }
  vpc.addGatewayEndpoint('DynamoDbEndpoint', { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB });
}
