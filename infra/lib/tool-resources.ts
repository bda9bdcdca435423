import { Stack, Token } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import { commaList, variables, type Variables } from './private/environment';
import { expectFindings } from './private/findings';
import { grantSend, useOfKey } from './private/permissions';
import { checkAll, checkEach, fail } from './private/validation';

/** The most resources of one kind that the runtime takes. */
const MOST = 50;

/**
 * A type of resources that `aws_real_time_monitor` lists, with their states and tags.
 */
export enum McpMonitoredType {
  /** Instances of EC2: `ec2:DescribeInstances`. */
  EC2 = 'EC2',
  /** Databases of RDS: `rds:DescribeDBInstances`. */
  RDS = 'RDS',
  /** Lambda functions: `lambda:ListFunctions`, `lambda:GetFunctionConfiguration`, which also returns environment variables, and `tag:GetResources`. */
  LAMBDA = 'Lambda',
  /** Services of ECS: `ecs:ListClusters`, `ecs:ListServices` and `ecs:DescribeServices`. */
  ECS = 'ECS',
  /** Buckets of S3, by name: `s3:ListAllMyBuckets` and `tag:GetResources`. */
  S3 = 'S3',
  /** Stacks of CloudFormation: `cloudformation:DescribeStacks`, which also returns parameters and outputs. */
  CLOUD_FORMATION = 'CloudFormation',
}

/** The actions for each type. None of them takes a resource in this use. */
const MONITOR_ACTIONS: { readonly [type in McpMonitoredType]: readonly string[] } = {
  [McpMonitoredType.EC2]: ['ec2:DescribeInstances'],
  [McpMonitoredType.RDS]: ['rds:DescribeDBInstances'],
  [McpMonitoredType.LAMBDA]: ['lambda:GetFunctionConfiguration', 'lambda:ListFunctions', 'tag:GetResources'],
  [McpMonitoredType.ECS]: ['ecs:DescribeServices', 'ecs:ListClusters', 'ecs:ListServices'],
  [McpMonitoredType.S3]: ['s3:ListAllMyBuckets', 'tag:GetResources'],
  [McpMonitoredType.CLOUD_FORMATION]: ['cloudformation:DescribeStacks'],
};

/**
 * The resources of AWS that tools of the program may use: for each, the permissions of one tool of the reference server, and the
 * environment variable that names it. The server and the worker of `tasks` get them. A program of your own reads them as
 * `Config::tool_resources`.
 */
export interface McpToolResources {
  /**
   * The tables that `dynamodb_query` reads, with their indexes: `dynamodb:Query`.
   *
   * @default - none
   */
  readonly tables?: dynamodb.ITable[];

  /**
   * The topics that `sns_publish` publishes to: `sns:Publish`. That of the server's events is refused.
   *
   * @default - none
   */
  readonly topics?: sns.ITopic[];

  /**
   * The queues that `sqs_send_message` sends messages to: `sqs:SendMessage`. That of the server's tasks is refused.
   *
   * @default - none
   */
  readonly queues?: sqs.IQueue[];

  /**
   * The namespaces from which `cloudwatch_metrics` reads metrics, such as `AWS/Lambda`: `cloudwatch:GetMetricData` in `regions`. IAM has
   * no condition for the namespace of a metric that is read, so that the program alone limits it.
   *
   * @default - none
   */
  readonly metricNamespaces?: string[];

  /**
   * The types of resources that `aws_real_time_monitor` lists in `regions`: read-only actions on all resources of these types.
   *
   * @default - none
   */
  readonly monitor?: McpMonitoredType[];

  /**
   * The regions in which metrics are read and resources are listed.
   *
   * @default - that of the stack
   */
  readonly regions?: string[];
}

/** Fails for values that the runtime refuses at start. */
export function checkToolResources(resources: McpToolResources): void {
  checkAll(
    () =>
      checkEach(['tables', 'topics', 'queues', 'metricNamespaces', 'monitor', 'regions'] as const, name => {
        const count = resources[name]?.length ?? 0;
        if (count > MOST) fail(`toolResources.${name}`, count, `has ${MOST} entries at most`, 'leave some out');
      }),
    () =>
      checkEach(resources.metricNamespaces ?? [], it => {
        if (Token.isUnresolved(it) || /^(?!:)[A-Za-z0-9._/#:\- ]{1,255}$/.test(it)) return;
        fail('toolResources.metricNamespaces', it, 'must be namespaces of CloudWatch', "write 'AWS/Lambda'");
      }),
    () =>
      checkEach(resources.monitor ?? [], it => {
        const known = Object.values(McpMonitoredType);
        if (known.includes(it)) return;
        fail('toolResources.monitor', it, `must be types of resources: ${known.join(', ')}`, 'write one of them');
      }),
    () =>
      checkEach(resources.regions ?? [], it => {
        if (Token.isUnresolved(it) || /^[a-z0-9]+(-[a-z0-9]+)+$/.test(it)) return;
        fail('toolResources.regions', it, 'must be regions', "write 'us-east-1'");
      }),
  );
}

/** Environment variables of the programs that run tools. */
export function toolResourceVariables(resources: McpToolResources = {}): Variables {
  return variables({
    toolTables: commaList(resources.tables?.map(it => it.tableArn)),
    toolTopics: commaList(resources.topics?.map(it => it.topicArn)),
    toolQueues: commaList(resources.queues?.map(it => it.queueArn)),
    toolMetricNamespaces: commaList(resources.metricNamespaces),
    toolMonitor: commaList(resources.monitor),
    toolRegions: commaList(resources.regions),
  });
}

/** Grants what the tools call, and nothing else: a test compares it with the requests that they send. */
export function grantToolResources(scope: IConstruct, resources: McpToolResources, grantee: iam.IGrantable): void {
  for (const table of resources.tables ?? []) grantQuery(table, grantee);
  for (const topic of resources.topics ?? []) topic.grantPublish(grantee);
  for (const queue of resources.queues ?? []) grantSend(queue, grantee);
  const metrics = (resources.metricNamespaces ?? []).length > 0 ? ['cloudwatch:GetMetricData'] : [];
  const listed = (resources.monitor ?? []).flatMap(it => MONITOR_ACTIONS[it]);
  const actions = [...new Set([...metrics, ...listed])];
  if (actions.length > 0) grantInRegions(scope, resources, grantee, actions);
}

function grantQuery(table: dynamodb.ITable, grantee: iam.IGrantable): void {
  const resourceArns = [table.tableArn, `${table.tableArn}/index/*`];
  iam.Grant.addToPrincipal({ grantee, actions: ['dynamodb:Query'], resourceArns });
  const role = grantee.grantPrincipal;
  if (Construct.isConstruct(role)) {
    const reason = 'dynamodb_query reads any index of the table, whose names the table does not tell';
    expectFindings(role, reason, `AwsSolutions-IAM5[Resource::${shown(table)}/index/*]`);
  }
  const key = table.encryptionKey;
  if (key) iam.Grant.addToPrincipal(useOfKey(table, 'dynamodb', key, grantee, ['kms:Decrypt']));
}

/** The ARN of a table, as cdk-nag writes it. */
function shown(table: dynamodb.ITable): string {
  const arn: unknown = Stack.of(table).resolve(table.tableArn);
  const of = (arn as { 'Fn::GetAtt'?: string[] })['Fn::GetAtt'];
  return of ? `<${of.join('.')}>` : String(arn);
}

/** Actions that IAM limits to no resource. */
function grantInRegions(
  scope: IConstruct,
  { regions = [] }: McpToolResources,
  grantee: iam.IGrantable,
  actions: string[],
): void {
  const allowed = regions.length > 0 ? regions : [Stack.of(scope).region];
  const conditions = { StringEquals: { 'aws:RequestedRegion': allowed } };
  iam.Grant.addToPrincipal({ grantee, actions, resourceArns: ['*'], conditions });
}
