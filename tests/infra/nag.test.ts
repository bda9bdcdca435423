// cdk-nag's packs find nothing that the construct does not explain where it makes it.
import { AwsSolutionsChecks, ServerlessChecks, type NagPack } from 'cdk-nag';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Stack } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, type McpLambdaServerProps } from '../../infra/index.ts';
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

const cases: { title: string; props: McpLambdaServerProps | ((stack: Stack) => McpLambdaServerProps) }[] = [
  { title: 'the defaults', props: {} },
  { title: 'a Function URL with tokens', props: { auth: jwt } },
  { title: 'a Function URL for everybody', props: { auth: McpAuth.none() } },
  { title: 'a Cognito pool of its own', props: { auth: McpAuth.cognito() } },
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
        webAclArn: 'arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/b',
      }),
    }),
  },
  { title: 'an HTTP API with tokens', props: { endpoint: McpEndpoint.httpApi(), auth: jwt } },
  { title: 'an HTTP API for everybody', props: { endpoint: McpEndpoint.httpApi(), auth: McpAuth.none() } },
  { title: 'a network', props: stack => ({ vpc: network(stack).vpc, endpoint: McpEndpoint.restApi() }) },
  {
    title: 'managed instances',
    props: stack => {
      const { vpc, group } = network(stack);
      return { managedInstances: { vpc, securityGroups: [group] } };
    },
  },
  { title: 'no recovery', props: { state: { pointInTimeRecovery: false } } },
];

describe.each(packs)('%s', (_, pack) => {
  it.each(cases)('finds nothing in $title', ({ props }) => {
    const { server } = construct(props);
    const { violations } = pack().validateScope(server);
    expect(
      violations.map(found => `${found.ruleName} ${found.violatingResources.map(it => it.constructPath).join(' ')}`),
    ).toEqual([]);
  });

  it('does find what a user adds', () => {
    const { stack } = construct(
      {},
      {
        also: (_server, stack) =>
          new lambda.CfnFunction(stack, 'Old', { code: {}, role: 'r', runtime: 'nodejs12.x', handler: 'h' }),
      },
    );
    expect(pack().validateScope(stack).violations).not.toEqual([]);
  });
});
