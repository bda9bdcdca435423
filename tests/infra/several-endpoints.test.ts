// A server with several endpoints: the old one stays while clients move to the new one.
import { Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as route53 from 'aws-cdk-lib/aws-route53';
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { issuer, jwt } from './callers.ts';
import { construct, environmentOf, failureOf, one, synth } from './synth.ts';

/** A new one for each template: an endpoint is of one server. */
const make = {
  url: () => McpEndpoint.functionUrl(),
  rest: () => McpEndpoint.restApi(),
  http: () => McpEndpoint.httpApi(),
};
const domain = (stack: Stack, name: string, zone = false) => ({
  domainName: `${name}.example.com`,
  certificate: acm.Certificate.fromCertificateArn(stack, name, 'arn:aws:acm:eu-central-1:111122223333:certificate/c'),
  ...(zone && {
    hostedZone: route53.HostedZone.fromHostedZoneAttributes(stack, `${name}Zone`, { hostedZoneId: 'Z1', zoneName: 'example.com' }),
  }),
});

/** The logical ids of all resources, with what CloudFormation would replace. */
function resources(template: Template): Record<string, { Type: string; Properties?: Record<string, unknown> }> {
  return template.toJSON()['Resources'];
}
const idsOf = (template: Template) => Object.keys(resources(template));
/** Those that API Gateway, Lambda and DNS find an endpoint by. */
const OF_CLIENTS = [
  'AWS::Lambda::Url',
  'AWS::ApiGateway::RestApi',
  'AWS::ApiGateway::Stage',
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Stage',
  'AWS::ApiGatewayV2::Route',
  'AWS::DynamoDB::GlobalTable',
  'AWS::Lambda::Function',
  'AWS::Lambda::Alias',
  'AWS::Cognito::UserPool',
];
const ofClients = (template: Template) =>
  idsOf(template).filter(id => OF_CLIENTS.includes(resources(template)[id]!.Type));

const moves: [string, () => McpEndpoint, () => McpEndpoint][] = [
  ['a Function URL to a REST API', make.url, make.rest],
  ['a Function URL to an HTTP API', make.url, make.http],
  ['a REST API to a Function URL', make.rest, make.url],
  ['an HTTP API to a Function URL', make.http, make.url],
  ['a REST API to an HTTP API', make.rest, make.http],
  ['an HTTP API to a REST API', make.http, make.rest],
];

describe('a move', () => {
  it.each(moves)('of %s keeps all that clients use, in both steps', (_, from, to) => {
    const before = synth({ endpoint: from() }).template;
    const between = synth({ endpoint: to(), additionalEndpoints: [from()] }).template;
    const after = synth({ endpoint: to() }).template;
    // The first step deletes nothing that a client of the old endpoint uses, the second nothing of the new one.
    expect(ofClients(between)).toEqual(expect.arrayContaining(ofClients(before)));
    expect(ofClients(between)).toEqual(expect.arrayContaining(ofClients(after)));
    expect(ofClients(after)).not.toEqual(expect.arrayContaining(ofClients(before)));
  });

  it('deletes the old URL if it is made in one step', () => {
    const before = synth({ endpoint: make.url() }).template;
    const after = synth({ endpoint: make.rest() }).template;
    expect(ofClients(before).filter(id => !ofClients(after).includes(id))).toEqual([
      one(before, 'AWS::Lambda::Url').id,
    ]);
  });
});

describe('several endpoints', () => {
  it('have the hosts of all of them, unless one is not known beforehand, and no URL of their own', () => {
    const { template } = synth({ endpoint: make.rest(), additionalEndpoints: [make.http()] });
    const hosts = JSON.stringify(environmentOf(template)['MCP_ALLOWED_HOSTS']);
    expect(hosts).toContain(one(template, 'AWS::ApiGateway::RestApi').id);
    expect(hosts).toContain(one(template, 'AWS::ApiGatewayV2::Api').id);
    expect(environmentOf(template)).not.toHaveProperty('MCP_PUBLIC_URL');
    const open = environmentOf(synth({ endpoint: make.rest(), additionalEndpoints: [make.url()] }).template);
    expect(open).not.toHaveProperty('MCP_ALLOWED_HOSTS');
  });

  const modes: [string, () => McpEndpoint[], string][] = [
    ['of a Function URL and a REST API stream', () => [make.url(), make.rest()], 'stream'],
    ['of a Function URL and an HTTP API stream, and the HTTP API buffers', () => [make.http(), make.url()], 'stream'],
    [
      'of a Function URL and a REST API that buffers are told apart by the server',
      () => [make.url(), McpEndpoint.restApi({ streaming: false })],
      'auto',
    ],
    ['that buffer are buffered', () => [make.http(), McpEndpoint.restApi({ streaming: false })], 'buffered'],
  ];
  it.each(modes)('responses %s', (_, endpoints, mode) => {
    const [endpoint, ...additionalEndpoints] = endpoints();
    const { template } = synth({ endpoint: endpoint!, additionalEndpoints });
    expect(environmentOf(template)['MCP_RESPONSE_MODE']).toBe(mode);
  });

  it('wait as long as the one that waits least', () => {
    const timeout = (props: McpLambdaServerProps) =>
      one(synth(props).template, 'AWS::Lambda::Function', 'McpServer').Properties.Timeout;
    expect(timeout({ endpoint: make.url(), additionalEndpoints: [make.http()] })).toBe(30);
    expect(timeout({ endpoint: make.http(), additionalEndpoints: [McpEndpoint.restApi({ streaming: false })] })).toBe(29);
  });

  it('can all be invoked by a grantee', () => {
    const { template } = synth(
      { endpoint: make.rest(), additionalEndpoints: [make.url(), make.http()] },
      {
        also: (server, stack) =>
          server.grants.invoke(new iam.Role(stack, 'Caller', { assumedBy: new iam.AccountRootPrincipal() })),
      },
    );
    const granted = JSON.stringify(one(template, 'AWS::IAM::Policy', 'Caller').Properties.PolicyDocument);
    expect(granted).toContain('lambda:InvokeFunctionUrl');
    expect(granted).toContain(one(template, 'AWS::ApiGateway::RestApi').id);
    expect(granted).toContain(one(template, 'AWS::ApiGatewayV2::Api').id);
  });

  it('check tokens, each in its way, and share one user pool', () => {
    const { template } = synth(stack => ({
      endpoint: McpEndpoint.restApi({ domain: domain(stack, 'mcp') }),
      additionalEndpoints: [make.url(), make.http()],
      auth: McpAuth.cognito({ domainPrefix: 'notes' }),
    }));
    template.resourceCountIs('AWS::Cognito::UserPool', 1);
    template.resourceCountIs('AWS::ApiGateway::Authorizer', 1);
    template.resourceCountIs('AWS::ApiGatewayV2::Authorizer', 1);
    template.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE' });
    expect(environmentOf(template)['MCP_JWT_AUDIENCE']).toBeDefined();
  });

  it('share one login, which knows all of their URLs', () => {
    const { template, server, stack } = synth(stack => ({
      endpoint: McpEndpoint.restApi({ domain: domain(stack, 'mcp') }),
      additionalEndpoints: [make.url()],
      auth: McpAuth.login({ cognito: {} }),
    }));
    template.resourceCountIs('AWS::Cognito::UserPool', 1);
    template.resourceCountIs('AWS::ApiGatewayV2::Api', 1);
    const resources = stack.resolve(environmentOf(template, 'McpLoginFunction')['MCP_LOGIN_RESOURCES']);
    expect(JSON.stringify(resources)).toContain('"https://mcp.example.com/mcp",');
    expect(JSON.stringify(resources)).toContain(one(template, 'AWS::Lambda::Url').id);
    expect(server.additionalEndpoints.map(it => it.functionUrl !== undefined)).toEqual([true]);
  });

  it('log their access each in its own log group', () => {
    const { template } = synth({ endpoint: make.rest(), additionalEndpoints: [make.http()] });
    const groups = Object.keys(template.findResources('AWS::Logs::LogGroup')).filter(id => id.includes('AccessLogs'));
    expect(groups.map(id => id.replace(/[0-9A-F]{8}$/, ''))).toEqual(['McpAccessLogs', 'McpAdditionalAccessLogs']);
  });
});

describe('refusals', () => {
  const cases: [string, McpLambdaServerProps | ((stack: Stack) => McpLambdaServerProps), string][] = [
    [
      'two are of one kind',
      { endpoint: make.rest(), additionalEndpoints: [make.rest()] },
      "'additionalEndpoints' must be of another kind than 'endpoint' and each other, since a server has one of a kind, got: McpEndpoint.restApi(); make a second server for it",
    ],
    [
      'the Function URL is given beside CloudFront, where it stays',
      { additionalEndpoints: [make.url()] },
      "'additionalEndpoints' must be of another kind than 'endpoint' and each other, since a server has one of a kind, got: McpEndpoint.functionUrl(); leave it out: the Function URL stays behind CloudFront",
    ],
    [
      'a stage would be in the URL of the metadata',
      { endpoint: make.rest(), additionalEndpoints: [make.url()], auth: jwt },
      "'additionalEndpoints' must have a domain or the stage $default where callers have tokens: the server cannot name its URL with a stage, got: prod; set 'domain' on that endpoint",
    ],
    [
      'one of them cannot isolate tenants',
      { endpoint: make.rest(), additionalEndpoints: [make.url()], tenancyConfig: lambda.TenancyConfig.PER_TENANT },
      "'tenancyConfig' cannot be used with a Function URL, which has no tenant id, got: PER_TENANT; use McpEndpoint.restApi() or McpEndpoint.httpApi()",
    ],
    [
      'both have records in a hosted zone',
      stack => ({
        endpoint: McpEndpoint.restApi({ domain: domain(stack, 'new', true) }),
        additionalEndpoints: [McpEndpoint.httpApi({ domain: domain(stack, 'old', true) })],
      }),
      "'endpoint.domain.hostedZone' is of the second endpoint with one: their records would change their ids when one of them is removed, got: old.example.com; leave it out, and create the record in the app",
    ],
  ];

  it.each(cases)('fails when %s', (_title, props, message) => {
    expect(failureOf(() => construct(props))).toBe(message);
  });

  it('fails for an auth that has other variables for each endpoint', () => {
    class Odd extends McpAuth {
      private count = 0;
      public bind() {
        this.count += 1;
        return { environment: { MCP_JWT_ISSUER: `${issuer}/${this.count}` } };
      }
    }
    expect(failureOf(() => construct({ auth: new Odd(), endpoint: make.http(), additionalEndpoints: [make.url()] }))).toBe(
      "'additionalEndpoints' must let the server authenticate callers as 'endpoint' does, and this 'auth' has other variables for it, got: McpEndpoint; return the same environment from each bind method of it",
    );
  });
});
