// cdk-nag's findings: none are left once an app has acknowledged those of the construct, and none are acknowledged
// before.
import { AwsSolutionsChecks, ServerlessChecks, type NagPack } from 'cdk-nag';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, McpFindings, McpMonitoredType, McpTasks, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { construct } from './synth.ts';

const packs: [string, () => NagPack][] = [
  ['AwsSolutions', () => new AwsSolutionsChecks(undefined, { verbose: true })],
  ['Serverless', () => new ServerlessChecks(undefined, { verbose: true })],
];
const jwt = McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: ['mcp'] });
const network = (stack: Stack) => {
  const vpc = new ec2.Vpc(stack, 'Vpc', { flowLogs: { all: {} } });
  return { vpc, group: new ec2.SecurityGroup(stack, 'Group', { vpc }) };
};
const certificate = (stack: Stack) =>
  acm.Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:eu-central-1:111122223333:certificate/c');

const webAcl = (stack: Stack) =>
  new wafv2.CfnWebACL(stack, 'Acl', {
    scope: 'REGIONAL',
    defaultAction: { allow: {} },
    visibilityConfig: { cloudWatchMetricsEnabled: true, metricName: 'acl', sampledRequestsEnabled: true },
  });

const cases: { title: string; props: McpLambdaServerProps | ((stack: Stack) => McpLambdaServerProps) }[] = [
  { title: 'the defaults', props: {} },
  { title: 'a Function URL with tokens', props: { auth: jwt } },
  { title: 'a Function URL without authentication', props: { auth: McpAuth.none() } },
  { title: 'a new Cognito pool', props: { auth: McpAuth.cognito() } },
  { title: 'a login at a new pool', props: { auth: McpAuth.login({ cognito: {} }) } },
  { title: 'a login with a key of KMS', props: { auth: McpAuth.login({ cognito: {}, kmsSigning: {} }) } },
  {
    title: 'a login at another provider behind an HTTP API',
    props: {
      endpoint: McpEndpoint.httpApi(),
      auth: McpAuth.login({ issuer: 'https://issuer.example.com', clientId: 'c', accessLog: false, upstreamTokens: true }),
    },
  },
  { title: 'a REST API', props: { endpoint: McpEndpoint.restApi() } },
  {
    title: 'a REST API with tokens and CORS',
    props: { endpoint: McpEndpoint.restApi(), auth: jwt, cors: { allowOrigins: ['https://app.example.com'] } },
  },
  {
    title: 'a REST API with a domain and a web ACL',
    props: stack => ({
      endpoint: McpEndpoint.restApi({
        domain: { domainName: 'mcp.example.com', certificate: certificate(stack) },
        webAcl: webAcl(stack),
      }),
    }),
  },
  { title: 'a REST API without authentication', props: { endpoint: McpEndpoint.restApi(), auth: McpAuth.none() } },
  { title: 'an HTTP API with tokens', props: { endpoint: McpEndpoint.httpApi(), auth: jwt } },
  { title: 'an HTTP API without authentication', props: { endpoint: McpEndpoint.httpApi(), auth: McpAuth.none() } },
  { title: 'a VPC', props: stack => ({ vpc: network(stack).vpc, endpoint: McpEndpoint.restApi() }) },
  {
    title: 'managed instances',
    props: stack => {
      const { vpc, group } = network(stack);
      return { managedInstances: { vpc, securityGroups: [group] } };
    },
  },
  { title: 'tasks on Lambda', props: { tasks: McpTasks.queue() } },
  {
    title: 'tasks on Lambda with a key and updates',
    props: stack => ({
      tasks: McpTasks.queue({
        encryptionKey: new kms.Key(stack, 'Key', { enableKeyRotation: true }),
        updatesFrom: new events.EventBus(stack, 'Bus'),
      }),
    }),
  },
  {
    title: 'tasks on Fargate',
    props: stack => ({
      tasks: McpTasks.fargate({ vpc: network(stack).vpc, image: ecs.ContainerImage.fromRegistry('example.com/notes') }),
    }),
  },
  {
    title: 'tools with a table, a topic, a queue and metrics',
    props: stack => ({
      toolResources: {
        tables: [dynamodb.TableV2.fromTableArn(stack, 'Old', 'arn:aws:dynamodb:eu-central-1:111122223333:table/old'), new dynamodb.Table(stack, 'Orders', { partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING } })],
        topics: [new sns.Topic(stack, 'News', { enforceSSL: true })],
        queues: [new sqs.Queue(stack, 'Work', { enforceSSL: true })],
        metricNamespaces: ['AWS/Lambda'],
        monitor: Object.values(McpMonitoredType),
      },
    }),
  },
  {
    title: 'no recovery',
    props: { state: { pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: false } } },
  },
];

describe.each(packs)('%s', (_, pack) => {
  it.each(cases)('finds nothing in $title, once acknowledged', ({ props }) => {
    const { server } = construct(props);
    McpFindings.acknowledge(server);
    const { violations } = pack().validateScope(server);
    expect(
      violations.map(found => `${found.ruleName} ${found.violatingResources.map(it => it.constructPath).join(' ')}`),
    ).toEqual([]);
  });

  it('finds what the app adds beside an acknowledged server', () => {
    const { stack, server } = construct(
      {},
      {
        also: (_server, stack) =>
          new lambda.CfnFunction(stack, 'Old', { code: {}, role: 'r', runtime: 'nodejs12.x', handler: 'h' }),
      },
    );
    McpFindings.acknowledge(server);
    const { violations } = pack().validateScope(stack);
    expect(violations.flatMap(it => it.violatingResources.map(({ constructPath }) => constructPath))).toEqual(
      expect.arrayContaining(['Test/Old']),
    );
  });
});

describe('acknowledgements', () => {
  const acknowledged = (scope: IConstruct) =>
    scope.node
      .findAll()
      .flatMap(it => it.node.metadata)
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .map(({ data }) => data as Record<string, string>);
  const texts = (scope: IConstruct) => JSON.stringify(scope.node.findAll().map(it => it.node.metadata));

  it.each(cases)('are not written by the construct: $title', ({ props }) => {
    const { server } = construct(props);
    expect(acknowledged(server)).toEqual([]);
    expect(texts(server)).not.toContain('AwsSolutions');
  });

  it('are written when the app asks for them, each with a reason', () => {
    const { server } = construct({});
    McpFindings.acknowledge(server);
    const reasons = acknowledged(server).flatMap(it => Object.values(it));
    expect(reasons.length).toBeGreaterThan(5);
    expect(reasons.every(reason => reason.length > 20)).toBe(true);
  });

  it('leave findings of a server that was not acknowledged', () => {
    const { server } = construct({});
    const { violations } = new AwsSolutionsChecks(undefined, { verbose: true }).validateScope(server);
    expect(violations.map(it => it.ruleName)).toEqual(expect.arrayContaining(['AwsSolutions-SMG4']));
  });
});
