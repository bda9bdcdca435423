// The access logs of REST and HTTP APIs. A Function URL has none: the function's own log has its requests.
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import * as logs from 'aws-cdk-lib/aws-logs';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { McpEndpoint, McpFindings, type McpAccessLogOptions, type McpEndpoint as Endpoint } from '../../infra/lib/index.ts';
import { findingsOf } from '../../infra/lib/private/findings.ts';
import { construct, failureOf, one, synth } from './synth.ts';

const apis: [string, string, (options?: McpAccessLogOptions) => Endpoint, string][] = [
  ['a REST API', 'AWS::ApiGateway::Stage', McpEndpoint.restApi, 'AccessLogSetting'],
  ['an HTTP API', 'AWS::ApiGatewayV2::Stage', McpEndpoint.httpApi, 'AccessLogSettings'],
];

describe.each(apis)('the access log of %s', (_, type, endpoint, property) => {
  it('is written by default, to a log group that keeps it for a month', () => {
    const { template, server } = synth({ endpoint: endpoint() });
    const group = one(template, 'AWS::Logs::LogGroup', 'McpAccessLogs');
    expect(group).toMatchObject({ DeletionPolicy: 'Delete', Properties: { RetentionInDays: 30 } });
    expect(group.id).toBe('McpAccessLogs71EB15DD');
    const setting = one(template, type).Properties[property];
    expect(JSON.stringify(setting.DestinationArn)).toContain(group.id);
    expect(server.node.findAll().flatMap(findingsOf).map(({ id }) => id)).not.toContain('AwsSolutions-APIG1');
  });

  it('is a line of JSON with the ids, the status and the latencies, and nothing about who called', () => {
    const { template } = synth({ endpoint: endpoint() });
    const line = JSON.parse(one(template, type).Properties[property].Format) as Record<string, string>;
    expect(line).toMatchObject({
      requestId: '$context.requestId',
      functionRequestId: '$context.integration.requestId',
      status: '$context.status',
      latency: '$context.responseLatency',
      functionLatency: '$context.integrationLatency',
    });
    for (const variable of Object.values(line)) {
      expect(variable).toMatch(/^\$context\.[A-Za-z.]+$/);
      expect(variable).not.toMatch(/identity|authorizer|domainName|context\.path|query|header/i);
    }
  });

  it('goes to a log group and in a format of the app', () => {
    const { template } = synth(stack => ({
      endpoint: endpoint({
        accessLogGroup: new logs.LogGroup(stack, 'Mine'),
        accessLogFormat: AccessLogFormat.custom('$context.requestId $context.status'),
      }),
    }));
    const setting = one(template, type).Properties[property];
    expect(JSON.stringify(setting.DestinationArn)).toMatch(/"Mine[0-9A-F]{8}"/);
    expect(setting.Format).toBe('$context.requestId $context.status');
    expect(Object.keys(template.findResources('AWS::Logs::LogGroup')).join()).not.toContain('AccessLogs');
  });

  it('can be switched off, and the finding of cdk-nag then has the true reason', () => {
    const { template, server } = synth({ endpoint: endpoint({ accessLog: false }) });
    expect(one(template, type).Properties).not.toHaveProperty(property);
    expect(Object.keys(template.findResources('AWS::Logs::LogGroup')).join()).not.toContain('AccessLogs');
    template.resourceCountIs('AWS::ApiGateway::Account', 0);
    const reasons = server.node.findAll().flatMap(findingsOf).filter(({ id }) => /APIG1$|AccessLogging/.test(id));
    expect(reasons).toHaveLength(2);
    for (const { reason } of reasons) expect(reason).toContain('switched the access log off');
  });

  // The reasons of the two findings were that the function logs each request: it logged none.
  it.each([AwsSolutionsChecks, ServerlessChecks])('leaves no finding, on or off: %o', Pack => {
    for (const accessLog of [true, false]) {
      const { server } = construct({ endpoint: endpoint({ accessLog }) });
      McpFindings.acknowledge(server);
      expect(new Pack(undefined, { verbose: true }).validateScope(server).violations).toEqual([]);
      expect(JSON.stringify(server.node.findAll().flatMap(findingsOf))).not.toContain('logs each request');
    }
  });

  it('refuses a group or a format where it is off', () => {
    const format = AccessLogFormat.clf();
    expect(failureOf(() => construct({ endpoint: endpoint({ accessLog: false, accessLogFormat: format }) }))).toMatch(
      /^'endpoint.accessLogFormat' does not apply where 'endpoint.accessLog' is false/,
    );
  });
});

describe('the role of API Gateway', () => {
  it('is set for the account with the access log of a REST API, and is retained for other APIs', () => {
    const { template } = synth({ endpoint: McpEndpoint.restApi() });
    expect(one(template, 'AWS::ApiGateway::Account').DeletionPolicy).toBe('Retain');
    expect(one(template, 'AWS::IAM::Role', 'McpRestApiCloudWatchRole').DeletionPolicy).toBe('Retain');
    expect(one(template, 'AWS::ApiGateway::Stage').DependsOn).toEqual([
      expect.stringMatching(/^McpRestApiAccount/),
    ]);
  });

  it('is left alone where the account has one', () => {
    const { template } = synth({ endpoint: McpEndpoint.restApi({ cloudWatchRole: false }) });
    template.resourceCountIs('AWS::ApiGateway::Account', 0);
    expect(one(template, 'AWS::ApiGateway::Stage').Properties).toHaveProperty('AccessLogSetting');
  });

  it('is not needed by an HTTP API', () => {
    synth({ endpoint: McpEndpoint.httpApi() }).template.resourceCountIs('AWS::ApiGateway::Account', 0);
  });
});
