// The resources of a deploy.toml that tools may use.
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { McpMonitoredType, type McpToolResources } from '../../lib';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';
import { given } from './values';

/** What the reference server may use without `[tools]`: what only reads. Another program gets nothing that its file does not name. */
export function defaultToolResources({ server, tools }: DeployConfig): McpToolResources | undefined {
  if (isGiven(tools) || server.code !== undefined || server.manifest_path !== undefined) return undefined;
  return { metricNamespaces: ['AWS/Lambda'], monitor: Object.values(McpMonitoredType) };
}

function isGiven(tools: DeployConfig['tools']): boolean {
  return Object.values(tools).some(it => it !== undefined);
}

/** The resources of the section. */
export function toToolResources(
  scope: Construct,
  { tools }: DeployConfig,
  problems: Problems,
): McpToolResources | undefined {
  if (!isGiven(tools)) return undefined;
  const arns = (key: 'tables' | 'topics' | 'queues', pattern: RegExp, expected: string) => {
    const all = tools[key] ?? [];
    for (const it of all.filter(arn => !pattern.test(arn))) problems.add('tools', key, expected, it);
    return all.every(arn => pattern.test(arn)) ? all : [];
  };
  const tables = arns('tables', /^arn:[^:]+:dynamodb:[^:]+:\d{12}:table\/[\w.-]+$/, 'ARNs of tables');
  const topics = arns('topics', /^arn:[^:]+:sns:[^:]+:\d{12}:[\w.-]+$/, 'ARNs of topics');
  const queues = arns('queues', /^arn:[^:]+:sqs:[^:]+:\d{12}:[\w.-]+$/, 'ARNs of queues');
  return {
    tables: tables.map((arn, at) => dynamodb.Table.fromTableArn(scope, `ToolTable${at}`, arn)),
    topics: topics.map((arn, at) => sns.Topic.fromTopicArn(scope, `ToolTopic${at}`, arn)),
    queues: queues.map((arn, at) => sqs.Queue.fromQueueArn(scope, `ToolQueue${at}`, arn)),
    metricNamespaces: tools.metric_namespaces,
    monitor: given(tools.monitor, it => it as McpMonitoredType[]),
    regions: tools.regions,
  };
}
