// The REST API in front of the function: its stage, domain, authorizers, limits and logs.
import { Duration } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint } from '../../infra/lib/index.ts';
import { issuer, jwt, withCaller } from './callers.ts';
import { environmentOf, one, synth, type Synthesised } from './synth.ts';

describe('a REST API', () => {
  let open: Synthesised;
  let guarded: Synthesised;
  beforeAll(() => {
    open = synth({ endpoint: McpEndpoint.restApi(), cors: { allowOrigins: ['https://a.example'] } });
    guarded = synth(stack => ({
      endpoint: McpEndpoint.restApi({
        stageName: 'v1',
        throttlingRateLimit: 10,
        throttlingBurstLimit: 20,
        webAcl: new wafv2.CfnWebACL(stack, 'Acl', {
          scope: 'REGIONAL',
          defaultAction: { allow: {} },
          visibilityConfig: { cloudWatchMetricsEnabled: true, metricName: 'acl', sampledRequestsEnabled: true },
        }),
        domain: {
          domainName: 'mcp.example.com',
          certificate: acm.Certificate.fromCertificateArn(
            stack,
            'Certificate',
            'arn:aws:acm:eu-central-1:111122223333:certificate/c',
          ),
          hostedZone: route53.HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
            hostedZoneId: 'Z1',
            zoneName: 'example.com',
          }),
        },
      }),
      auth: jwt,
    }));
  });

  it('is regional, streams through the alias, and is throttled', () => {
    open.template.hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: { Types: ['REGIONAL'] },
      DisableExecuteApiEndpoint: false,
    });
    open.template.hasResourceProperties('AWS::ApiGateway::Stage', {
      StageName: 'prod',
      TracingEnabled: true,
      MethodSettings: [Match.objectLike({ ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 })],
    });
    open.template.hasResourceProperties('AWS::ApiGateway::Method', {
      HttpMethod: 'POST',
      AuthorizationType: 'AWS_IAM',
      Integration: {
        ResponseTransferMode: 'STREAM',
        TimeoutInMillis: 120_000,
        Uri: {
          'Fn::Join': [
            '',
            Match.arrayWith([{ Ref: Match.stringLikeRegexp('^McpServerAlias') }, '/response-streaming-invocations']),
          ],
        },
      },
    });
    expect(environmentOf(open.template)['MCP_RESPONSE_MODE']).toBe('stream');
    open.template.resourceCountIs('AWS::Lambda::Url', 0);
  });

  it('sets its host names and public URL in the environment of the server', () => {
    const host = [
      '',
      [
        { Ref: one(open.template, 'AWS::ApiGateway::RestApi').id },
        '.execute-api.',
        { Ref: 'AWS::Region' },
        '.',
        { Ref: 'AWS::URLSuffix' },
      ],
    ];
    expect(environmentOf(open.template)['MCP_ALLOWED_HOSTS']).toEqual({ 'Fn::Join': host });
    expect(environmentOf(guarded.template)).toMatchObject({
      MCP_ALLOWED_HOSTS: 'mcp.example.com',
      MCP_PUBLIC_URL: 'https://mcp.example.com',
    });
    expect(guarded.server.url).toBe('https://mcp.example.com/mcp');
  });

  it('lets preflights through to the server', () => {
    open.template.hasResourceProperties('AWS::ApiGateway::Method', {
      HttpMethod: 'OPTIONS',
      AuthorizationType: 'NONE',
      Integration: { Type: 'AWS_PROXY' },
    });
    guarded.template.resourcePropertiesCountIs('AWS::ApiGateway::Method', { HttpMethod: 'OPTIONS' }, 0);
  });

  it('calls the authorizer, whose environment has the rules and whose role can only log', () => {
    guarded.template.hasResourceProperties('AWS::ApiGateway::Authorizer', {
      Type: 'REQUEST',
      IdentitySource: 'method.request.header.Authorization',
      AuthorizerResultTtlInSeconds: 60,
    });
    guarded.template.hasResourceProperties('AWS::ApiGateway::Method', {
      HttpMethod: 'POST',
      AuthorizationType: 'CUSTOM',
    });
    expect(environmentOf(guarded.template, 'McpAuthorizer')).toEqual({
      MCP_JWT_ISSUER: issuer,
      MCP_JWT_AUDIENCE: 'mcp,other',
      MCP_JWT_SCOPES: 'read,write',
    });
    const policy = one(guarded.template, 'AWS::IAM::Policy', 'McpAuthorizer').Properties.PolicyDocument.Statement;
    expect(policy.map((statement: { Action: unknown }) => statement.Action)).toEqual([
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
    ]);
  });

  it('responds 401 and 403 itself, with the URL of the metadata', () => {
    const metadata = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"';
    for (const [ResponseType, StatusCode, header] of [
      ['UNAUTHORIZED', '401', `'Bearer ${metadata}'`],
      ['ACCESS_DENIED', '403', `'Bearer error="insufficient_scope", ${metadata}'`],
    ]) {
      guarded.template.hasResourceProperties('AWS::ApiGateway::GatewayResponse', {
        ResponseType,
        StatusCode,
        ResponseParameters: { 'gatewayresponse.header.WWW-Authenticate': header },
      });
    }
    open.template.resourceCountIs('AWS::ApiGateway::GatewayResponse', 0);
  });

  it('serves the metadata without a token, at both paths', () => {
    guarded.template.resourcePropertiesCountIs(
      'AWS::ApiGateway::Method',
      { HttpMethod: 'GET', AuthorizationType: 'NONE' },
      2,
    );
    const parts = Object.values(guarded.template.findResources('AWS::ApiGateway::Resource')).map(
      it => it['Properties'].PathPart,
    );
    expect(parts.sort()).toEqual(['.well-known', 'mcp', 'mcp', 'oauth-protected-resource']);
  });

  it('has the domain with an empty base path, the web ACL, the stage, its limits and access logs', () => {
    const { template } = guarded;
    template.hasResourceProperties('AWS::ApiGateway::DomainName', {
      DomainName: 'mcp.example.com',
      EndpointConfiguration: { Types: ['REGIONAL'], IpAddressType: 'dualstack' },
      SecurityPolicy: 'TLS_1_2',
    });
    template.hasResourceProperties('AWS::ApiGateway::BasePathMapping', { BasePath: Match.absent() });
    for (const Type of ['A', 'AAAA']) {
      template.hasResourceProperties('AWS::Route53::RecordSet', { Name: 'mcp.example.com.', Type });
    }
    template.hasResourceProperties('AWS::ApiGateway::RestApi', { DisableExecuteApiEndpoint: true });
    template.hasResourceProperties('AWS::WAFv2::WebACLAssociation', {
      WebACLArn: { 'Fn::GetAtt': ['Acl', 'Arn'] },
    });
    template.hasResourceProperties('AWS::ApiGateway::Stage', {
      StageName: 'v1',
      AccessLogSetting: Match.anyValue(),
      MethodSettings: [Match.objectLike({ ThrottlingRateLimit: 10, ThrottlingBurstLimit: 20 })],
    });
  });

  it('has metrics of its own stage: API Gateway adds up those of all APIs with one name', () => {
    const { Name } = one(open.template, 'AWS::ApiGateway::RestApi').Properties;
    expect(Name).toMatch(/^Test-Mcp-[0-9A-F]{8}$/);
    const { Metrics } = one(open.template, 'AWS::CloudWatch::Alarm', 'McpMonitoringEndpointErrorRate').Properties;
    for (const { MetricStat } of Metrics.slice(1)) {
      expect(MetricStat.Metric.Dimensions).toEqual([
        { Name: 'ApiName', Value: Name },
        { Name: 'Stage', Value: 'prod' },
      ]);
    }
  });

  it('can call an existing authorizer', () => {
    const { template } = synth(stack => ({
      endpoint: McpEndpoint.restApi(),
      auth: McpAuth.lambdaAuthorizer(
        lambda.Function.fromFunctionAttributes(stack, 'Existing', {
          functionArn: 'arn:aws:lambda:eu-central-1:111122223333:function:existing',
          sameEnvironment: true,
        }),
      ),
    }));
    template.hasResourceProperties('AWS::ApiGateway::Method', { HttpMethod: 'POST', AuthorizationType: 'CUSTOM' });
    template.resourceCountIs('AWS::Lambda::Function', 2);
  });

  it('is traced unless the functions are not', () => {
    const traced = (tracing: lambda.Tracing) =>
      one(synth({ endpoint: McpEndpoint.restApi(), tracing }).template, 'AWS::ApiGateway::Stage').Properties.TracingEnabled;
    expect([traced(lambda.Tracing.PASS_THROUGH), traced(lambda.Tracing.DISABLED)]).toEqual([true, false]);
  });

  it('can have the old Function URL beside it, with the logical id of the former endpoint', () => {
    const url = (template: Synthesised['template']) => one(template, 'AWS::Lambda::Url');
    const { template } = synth(
      { endpoint: McpEndpoint.restApi() },
      {
        also: server =>
          server.alias.addFunctionUrl({
            authType: lambda.FunctionUrlAuthType.AWS_IAM,
            invokeMode: lambda.InvokeMode.RESPONSE_STREAM,
          }),
      },
    );
    expect(url(template)).toEqual(url(synth().template));
  });

  it('buffers if streaming is off', () => {
    const { template } = synth({ endpoint: McpEndpoint.restApi({ streaming: false }), timeout: Duration.seconds(20) });
    template.hasResourceProperties('AWS::ApiGateway::Method', {
      HttpMethod: 'POST',
      Integration: { ResponseTransferMode: 'BUFFERED', TimeoutInMillis: 29_000 },
    });
    expect(environmentOf(template)['MCP_RESPONSE_MODE']).toBe('buffered');
  });

  it('can be invoked by a grantee', () => {
    withCaller({ endpoint: McpEndpoint.restApi() }).hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('^Caller'),
      PolicyDocument: { Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: Match.anyValue() }] },
    });
  });
});

it('a server gives its endpoint, for what the app adds to it', () => {
  const ends = [{}, { endpoint: McpEndpoint.restApi() }, { endpoint: McpEndpoint.httpApi() }].map(props => {
    const { functionUrl, restApi, httpApi } = synth(props).server.endpoint;
    return [functionUrl, restApi, httpApi].map(it => it !== undefined);
  });
  expect(ends).toEqual([
    [true, false, false],
    [false, true, false],
    [false, false, true],
  ]);
});
