// One REST API of several servers.
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  McpAuth,
  McpFindings,
  McpLambdaServer,
  McpRestApi,
  type McpLambdaServerProps,
  type McpRestApiOptions,
} from '../../infra/lib/index.ts';
import { environmentOf, failureOf, one, program, type Resource } from './synth.ts';

type Options = McpRestApiOptions | ((stack: Stack) => McpRestApiOptions);

/** A stack with two servers, at `/notes/mcp` and `/tasks/mcp`. */
function construct(options: Options = {}, props: McpLambdaServerProps = {}, paths = ['/notes/mcp', '/tasks/mcp']) {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test');
  const api = new McpRestApi(stack, 'Api', typeof options === 'function' ? options(stack) : options);
  const servers = paths.map((path, at) => {
    return new McpLambdaServer(stack, `Server${at}`, { code: program(), endpoint: api.endpoint(), path, ...props });
  });
  return { stack, api, servers };
}

describe('two servers', () => {
  let template: Template;
  let made: ReturnType<typeof construct>;
  beforeAll(() => {
    made = construct();
    template = Template.fromStack(made.stack);
  });

  it('have one API and one stage, which streams', () => {
    template.resourceCountIs('AWS::ApiGateway::RestApi', 1);
    template.resourceCountIs('AWS::ApiGateway::Stage', 1);
    template.resourceCountIs('AWS::ApiGateway::Deployment', 1);
    template.resourcePropertiesCountIs('AWS::ApiGateway::Method', { AuthorizationType: 'AWS_IAM' }, 6);
    const methods = Object.values(template.findResources('AWS::ApiGateway::Method')) as Resource[];
    expect(methods.every(it => it.Properties.Integration.ResponseTransferMode === 'STREAM')).toBe(true);
  });

  it('have URLs and paths of their own, and know the host', () => {
    const [notes, tasks] = made.servers;
    const resolved = (value: string) => JSON.stringify(made.stack.resolve(value));
    expect(resolved(notes!.url)).toContain('/prod/notes/mcp');
    expect(resolved(tasks!.url)).toContain('/prod/tasks/mcp');
    expect(resolved(made.api.url)).toContain('/prod"');
    for (const [at, path] of ['/notes/mcp', '/tasks/mcp'].entries()) {
      const environment = environmentOf(template, `Server${at}Server`);
      expect(environment).toMatchObject({ MCP_PATH: path, MCP_RESPONSE_MODE: 'stream' });
      expect(JSON.stringify(environment['MCP_ALLOWED_HOSTS'])).toContain('execute-api');
    }
  });

  it('are measured by their functions, since the metrics of the API are of both', () => {
    const { metrics } = made.servers[0]!;
    const of = (metric: { toMetricConfig(): { metricStat?: { namespace: string; metricName: string } } }) =>
      metric.toMetricConfig().metricStat;
    expect(of(metrics.requests())).toMatchObject({ namespace: 'AWS/Lambda', metricName: 'Invocations' });
    expect(of(metrics.serverErrors())).toMatchObject({ namespace: 'AWS/Lambda', metricName: 'Errors' });
  });

  it('are invoked with a permission for their own methods', () => {
    const { stack, servers } = construct();
    const grant = servers[1]!.grants.invoke(servers[0]!.function);
    const permitted = stack.resolve(grant.principalStatement!.resources) as unknown[];
    expect(permitted).toHaveLength(3);
    for (const resource of permitted) expect(JSON.stringify(resource)).toContain('/tasks/mcp');
  });

  it('have no finding of cdk-nag, once acknowledged', () => {
    for (const props of [{}, { auth: McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: ['mcp'] }) }]) {
      const { stack } = construct({}, props);
      McpFindings.acknowledge(stack);
      const packs = [new AwsSolutionsChecks(undefined, {}), new ServerlessChecks(undefined, {})];
      expect(packs.flatMap(pack => pack.validateScope(stack).violations.map(it => it.ruleName))).toEqual([]);
    }
  });
});

it('keeps the logical ids of the API', () => {
  const template = Template.fromStack(construct().stack);
  expect(one(template, 'AWS::ApiGateway::RestApi').id).toBe('ApiRestApiE35FEAFE');
});

it('has the options of a REST API: a domain, throttling, no access log', () => {
  const { stack, servers } = construct(stack => ({
    domain: {
      domainName: 'mcp.example.com',
      certificate: acm.Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:eu-central-1:111122223333:certificate/c'),
    },
    throttlingBurstLimit: 9,
    accessLog: false,
    streaming: false,
  }));
  const template = Template.fromStack(stack);
  expect(servers.map(({ url }) => url)).toEqual(['https://mcp.example.com/notes/mcp', 'https://mcp.example.com/tasks/mcp']);
  const stage = one(template, 'AWS::ApiGateway::Stage').Properties;
  expect(stage.MethodSettings[0]).toMatchObject({ ThrottlingBurstLimit: 9 });
  expect(stage).not.toHaveProperty('AccessLogSetting');
  expect(environmentOf(template, 'Server0Server')).toMatchObject({ MCP_RESPONSE_MODE: 'buffered', MCP_ALLOWED_HOSTS: 'mcp.example.com' });
});

describe('it refuses', () => {
  it('two servers with one path', () => {
    expect(failureOf(() => construct({}, {}, ['/mcp', '/mcp']))).toBe(
      "'path' is that of another server of this REST API, got: /mcp; give each server a path of its own",
    );
  });

  it('what no REST API can do', () => {
    const accessLogFormat = apigateway.AccessLogFormat.clf();
    expect(failureOf(() => construct({ accessLog: false, accessLogFormat }))).toBe(
      "'endpoint.accessLogFormat' does not apply where 'endpoint.accessLog' is false, got: {...}; leave one of them out",
    );
    expect(failureOf(() => construct({ streaming: false }, { timeout: Duration.seconds(30) }))).toBe(
      "'timeout' must be at most 29 seconds behind this REST API, which waits no longer, got: 30 seconds; shorten it or leave 'endpoint.streaming' on",
    );
  });
});
