// The resources that tools may use: the permissions for each, and the variables that name it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { describe, expect, it } from 'vitest';
import { McpMonitoredType, McpTasks, type McpLambdaServerProps, type McpToolResources } from '../../infra/lib/index.ts';
import { readDeployConfig } from '../../infra/bin/deploy-toml/read.ts';
import { defaultToolResources } from '../../infra/bin/deploy-toml/tools.ts';
import { code, problems, template } from './deploy-toml.ts';
import { environmentOf, failureOf, root, statementsOf, synth, type Synthesised } from './synth.ts';

interface Statement {
  readonly Action: string | string[];
  readonly Effect: string;
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const all = (stack: Stack): Required<McpToolResources> => ({
  tables: [dynamodb.Table.fromTableName(stack, 'Orders', 'orders')],
  topics: [sns.Topic.fromTopicArn(stack, 'News', 'arn:aws:sns:eu-central-1:111122223333:news')],
  queues: [sqs.Queue.fromQueueArn(stack, 'Work', 'arn:aws:sqs:eu-central-1:111122223333:work')],
  metricNamespaces: ['AWS/Lambda', 'Shop'],
  monitor: Object.values(McpMonitoredType),
  regions: ['eu-central-1', 'us-east-1'],
});
const made = (resources: (stack: Stack) => McpToolResources, more: McpLambdaServerProps = {}) =>
  synth(stack => ({ ...more, toolResources: resources(stack) }), { env: { account: '111122223333', region: 'eu-central-1' } });

/** The statements that a server without these resources has not. */
function added(synthesised: Synthesised, id?: string): Statement[] {
  const without = synth({}, { env: { account: '111122223333', region: 'eu-central-1' } });
  const known = new Set(statementsOf(without.template).map(it => JSON.stringify(it)));
  return (statementsOf(synthesised.template, id) as Statement[]).filter(it => !known.has(JSON.stringify(it)));
}

describe('the permissions of tools', () => {
  // The tests of the reference server compare the same file with the requests on the wire.
  const contract = JSON.parse(readFileSync(join(root, 'tests', 'contract', 'tools.json'), 'utf8')) as {
    tool: string;
    property: keyof McpToolResources;
    actions?: string[];
    types?: Record<string, string[]>;
  }[];
  const rows = contract.flatMap(({ tool, property, actions, types = {} }) => [
    ...(actions ? [{ tool, actions, resources: (stack: Stack) => ({ [property]: all(stack)[property] }) }] : []),
    ...Object.entries(types).map(([type, needed]) => ({
      tool: `${tool} for ${type}`,
      actions: needed,
      resources: () => ({ [property]: [type] }),
    })),
  ]);

  it('have a row for each type of the monitor', () => {
    const types = contract.flatMap(it => Object.keys(it.types ?? {}));
    expect(types).toEqual(Object.values(McpMonitoredType));
  });

  it.each(rows)('of $tool are exactly what it calls', ({ resources, actions }) => {
    const synthesised = made(resources);
    const statements = added(synthesised);
    expect(statements.flatMap(it => it.Action).sort()).toEqual(actions);
    expect(statements.every(it => it.Effect === 'Allow')).toBe(true);
  });

  it('are for the named resources, or in the named regions where IAM knows no resource', () => {
    const resources = (name: string) => added(made(all)).find(it => it.Action === name);
    expect(JSON.stringify(resources('dynamodb:Query')?.Resource)).toMatch(/table\/orders".*table\/orders\/index\/\*"/);
    expect(resources('sns:Publish')?.Resource).toBe('arn:aws:sns:eu-central-1:111122223333:news');
    expect(resources('sqs:SendMessage')?.Resource).toBe('arn:aws:sqs:eu-central-1:111122223333:work');
    const ofRegions = added(made(all)).find(it => it.Action.includes('cloudwatch:GetMetricData'));
    expect(ofRegions?.Action).toHaveLength(11);
    expect(ofRegions).toMatchObject({
      Resource: '*',
      Condition: { StringEquals: { 'aws:RequestedRegion': ['eu-central-1', 'us-east-1'] } },
    });
  });

  it('are for the region of the stack without a list of regions', () => {
    const [statement] = added(made(() => ({ metricNamespaces: ['AWS/Lambda'] })));
    expect(statement?.Condition).toEqual({ StringEquals: { 'aws:RequestedRegion': ['eu-central-1'] } });
  });

  it('contain the use of keys, through the service', () => {
    const statements = added(
      made(stack => ({
        tables: [
          new dynamodb.Table(stack, 'Own', {
            partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING },
            encryptionKey: new kms.Key(stack, 'Key'),
          }),
        ],
      })),
    );
    expect(statements).toContainEqual(
      expect.objectContaining({
        Action: 'kms:Decrypt',
        Condition: { StringEquals: { 'kms:ViaService': 'dynamodb.eu-central-1.amazonaws.com' } },
      }),
    );
  });

  it('are those of the worker of tasks too', () => {
    const synthesised = made(all, { tasks: McpTasks.queue() });
    for (const id of ['McpServer', 'McpWorker']) {
      expect(JSON.stringify(statementsOf(synthesised.template, id))).toContain('cloudwatch:GetMetricData');
      expect(environmentOf(synthesised.template, id)['MCP_TOOL_REGIONS']).toBe('eu-central-1,us-east-1');
    }
  });
});

describe('the variables of tools', () => {
  it('name what was granted', () => {
    const { template } = made(all);
    const variables = environmentOf(template);
    expect(JSON.stringify(variables['MCP_TOOL_TABLES'])).toContain('table/orders');
    expect(variables).toMatchObject({
      MCP_TOOL_TOPICS: 'arn:aws:sns:eu-central-1:111122223333:news',
      MCP_TOOL_QUEUES: 'arn:aws:sqs:eu-central-1:111122223333:work',
      MCP_TOOL_METRIC_NAMESPACES: 'AWS/Lambda,Shop',
      MCP_TOOL_MONITOR: 'EC2,RDS,Lambda,ECS,S3,CloudFormation',
      MCP_TOOL_REGIONS: 'eu-central-1,us-east-1',
    });
  });

  it('are left out where nothing is allowed', () => {
    for (const { template } of [synth(), made(() => ({ tables: [] }))]) {
      expect(Object.keys(environmentOf(template)).join()).not.toContain('MCP_TOOL_');
    }
  });

  it('are checked before anything is created', () => {
    const failure = (toolResources: McpToolResources) => failureOf(() => synth({ toolResources }));
    expect(failure({ metricNamespaces: [':own'] })).toContain("'toolResources.metricNamespaces' must be namespaces of CloudWatch");
    expect(failure({ monitor: ['EKS' as McpMonitoredType] })).toContain("'toolResources.monitor' must be types of resources");
    expect(failure({ regions: ['*'] })).toContain("'toolResources.regions' must be regions");
    expect(failure({ regions: Array.from({ length: 51 }, (_, at) => `eu-north-${at}`) })).toContain('has 50 entries at most');
  });
});

describe('the section [tools] of deploy.toml', () => {
  const arn = (service: string, name: string) => `arn:aws:${service}:eu-central-1:111122223333:${name}`;
  const section = `${code}[tools]
tables = ["${arn('dynamodb', 'table/orders')}"]
topics = ["${arn('sns', 'news')}"]
queues = ["${arn('sqs', 'work')}"]
metric_namespaces = ["Shop"]
monitor = ["EC2", "S3"]
regions = ["eu-central-1"]
`;

  it('grants and names what it lists', () => {
    expect(problems(section)).toEqual([]);
    const made = template(section);
    expect(environmentOf(made)).toMatchObject({
      MCP_TOOL_TABLES: arn('dynamodb', 'table/orders'),
      MCP_TOOL_TOPICS: arn('sns', 'news'),
      MCP_TOOL_QUEUES: arn('sqs', 'work'),
      MCP_TOOL_METRIC_NAMESPACES: 'Shop',
      MCP_TOOL_MONITOR: 'EC2,S3',
      MCP_TOOL_REGIONS: 'eu-central-1',
    });
    expect(JSON.stringify(statementsOf(made))).toContain('ec2:DescribeInstances');
  });

  it('has positions for what is wrong', () => {
    const wrong = `${code}[tools]\ntables = ["orders"]\nmonitor = ["EKS"]\n`;
    expect(problems(wrong)).toEqual([
      '[tools] tables must be ARNs of tables, got: "orders"',
      expect.stringContaining('[tools] monitor must be types of resources: EC2, RDS, Lambda, ECS, S3, CloudFormation'),
    ]);
  });

  const defaultsOf = (text: string) => defaultToolResources(readDeployConfig(text, 'deploy.toml', {}).config);

  it('is by default what only reads, for the reference server alone', () => {
    expect(defaultsOf('')).toEqual({ metricNamespaces: ['AWS/Lambda'], monitor: Object.values(McpMonitoredType) });
    for (const other of [code, '[server]\nmanifest_path = "Cargo.toml"\n', '[tools]\nmonitor = ["S3"]\n']) {
      expect(defaultsOf(other)).toBeUndefined();
    }
    const actions = added(made(() => defaultsOf('')!)).flatMap(it => it.Action);
    expect(actions.filter(it => !/:(Describe|Get|List)/.test(it))).toEqual([]);
  });
});
