// Each endpoint with each auth: resources, environment of the server, permissions.
import { Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, McpSessions, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { environmentOf, failureOf, one, synth, type Synthesised } from './synth.ts';

const issuer = 'https://issuer.example.com';
const jwt = McpAuth.jwt({ issuer, audience: ['mcp', 'other'], scopes: ['read', 'write'] });

/** The template with a role that was granted the permission to invoke the server. */
function withCaller(props: McpLambdaServerProps) {
  return synth(props, {
    also: (server, stack) =>
      server.grants.invoke(new iam.Role(stack, 'Caller', { assumedBy: new iam.AccountRootPrincipal() })),
  }).template;
}

describe('a Function URL', () => {
  it('is open if the server checks tokens, by the rules in its environment', () => {
    const { template } = synth({ auth: jwt });
    template.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE', InvokeMode: 'RESPONSE_STREAM' });
    expect(environmentOf(template)).toMatchObject({
      MCP_JWT_ISSUER: issuer,
      MCP_JWT_AUDIENCE: 'mcp,other',
      MCP_JWT_SCOPES: 'read,write',
    });
    expect(environmentOf(template, 'McpIngest')).not.toHaveProperty('MCP_JWT_ISSUER');
    // AWS requires both permissions, since October 2025.
    for (const Action of ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction']) {
      template.hasResourceProperties('AWS::Lambda::Permission', { Action, Principal: '*' });
    }
  });

  it('is open without authentication', () => {
    const { template } = synth({ auth: McpAuth.none() });
    template.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE' });
    expect(environmentOf(template)).not.toHaveProperty('MCP_JWT_ISSUER');
    expect(environmentOf(template)).not.toHaveProperty('MCP_AUTH');
  });

  it('can be invoked by a grantee, with both permissions', () => {
    const template = withCaller({});
    const actions = Object.values(template.findResources('AWS::IAM::Policy'))
      .filter(policy => policy['Properties'].PolicyName.startsWith('Caller'))
      .flatMap(policy =>
        policy['Properties'].PolicyDocument.Statement.map((statement: { Action: string }) => statement.Action),
      );
    expect(actions.sort()).toEqual(['lambda:InvokeFunction', 'lambda:InvokeFunctionUrl']);
  });

  it('grants nothing without IAM', () => {
    withCaller({ auth: McpAuth.none() }).resourcePropertiesCountIs(
      'AWS::IAM::Policy',
      { PolicyName: Match.stringLikeRegexp('^Caller') },
      0,
    );
  });

  it('sets the environment of the server from the properties', () => {
    const { template, stack, server } = synth({
      path: '/v1/mcp',
      allowedHosts: ['mcp.example.com', 'other.example.com'],
      publicUrl: 'https://mcp.example.com',
      cors: {
        allowOrigins: ['https://a.example', 'https://b.example'],
        allowCredentials: true,
        maxAge: Duration.hours(1),
      },
      streams: { enabled: false, lifetime: Duration.seconds(90), perPrincipal: 4 },
      state: { sessions: McpSessions.OFF, sessionTtl: Duration.hours(2) },
    });
    expect(environmentOf(template)).toMatchObject({
      MCP_PATH: '/v1/mcp',
      MCP_ALLOWED_HOSTS: 'mcp.example.com,other.example.com',
      MCP_PUBLIC_URL: 'https://mcp.example.com',
      MCP_CORS_ORIGINS: 'https://a.example,https://b.example',
      MCP_CORS_CREDENTIALS: 'true',
      MCP_CORS_MAX_AGE: '3600',
      MCP_STREAMS: 'off',
      MCP_STREAM_SECONDS: '90',
      MCP_STREAMS_PER_PRINCIPAL: '4',
      MCP_SESSIONS: 'off',
      SESSION_TTL_MINUTES: '120',
    });
    expect(stack.resolve(server.url)).toEqual({ 'Fn::Join': ['', [expect.anything(), 'v1/mcp']] });
  });
});

it.each([
  ['a Function URL', {}],
  ['a REST API', { endpoint: McpEndpoint.restApi() }],
  ['an HTTP API', { endpoint: McpEndpoint.httpApi() }],
] as [string, McpLambdaServerProps][])('%s writes no outputs of the stack', (_, props) => {
  expect(synth(props).template.toJSON()).not.toHaveProperty('Outputs');
});

it('a buffered REST API limits the default timeout', () => {
  const { template } = synth({ endpoint: McpEndpoint.restApi({ streaming: false }) });
  expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties.Timeout).toBe(29);
});

describe('Cognito', () => {
  it('creates a pool, whose access tokens the server accepts', () => {
    const { template, server } = synth({
      auth: McpAuth.cognito({ domainPrefix: 'notes', callbackUrls: ['https://app.example.com/back'] }),
    });
    const pool = one(template, 'AWS::Cognito::UserPool');
    // A change of this id would replace the users of every deployed stack.
    expect(pool.id).toBe('McpUserPoolC6FB1A6F');
    expect(pool.Properties).toMatchObject({
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      MfaConfiguration: 'ON',
    });
    const client = one(template, 'AWS::Cognito::UserPoolClient');
    expect(client.Properties).toMatchObject({
      AllowedOAuthFlows: ['code'],
      CallbackURLs: ['https://app.example.com/back'],
    });
    template.hasResourceProperties('AWS::Cognito::UserPoolResourceServer', {
      Identifier: 'mcp',
      Scopes: [{ ScopeName: 'invoke' }],
    });
    template.hasResourceProperties('AWS::Cognito::UserPoolDomain', { Domain: 'notes' });
    expect(environmentOf(template)).toMatchObject({
      MCP_JWT_ISSUER: { 'Fn::Join': ['', ['https://', { 'Fn::GetAtt': [pool.id, 'ProviderName'] }]] },
      MCP_JWT_AUDIENCE: { Ref: client.id },
      MCP_JWT_SCOPES: 'mcp/invoke',
    });
    expect(server.userPool).toBeDefined();
  });

  it('keeps the pool and its users, unless the creation of the stack fails, and recovers accounts by email', () => {
    const pool = one(synth({ auth: McpAuth.cognito() }).template, 'AWS::Cognito::UserPool');
    expect(pool).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: {
        AccountRecoverySetting: { RecoveryMechanisms: [{ Name: 'verified_email', Priority: 1 }] },
        DeletionProtection: 'INACTIVE',
      },
    });
    const auth = McpAuth.cognito({ removalPolicy: RemovalPolicy.DESTROY, deletionProtection: true });
    expect(one(synth({ auth }).template, 'AWS::Cognito::UserPool')).toMatchObject({
      DeletionPolicy: 'Delete',
      Properties: { DeletionProtection: 'ACTIVE' },
    });
  });

  describe('with a pool of another region', () => {
    const id = 'eu-west-1_AbCdEf123';
    const pool = (make: (stack: Stack) => cognito.IUserPool) => (stack: Stack) => ({
      auth: McpAuth.cognito({
        userPool: make(stack),
        userPoolClients: [cognito.UserPoolClient.fromUserPoolClientId(stack, 'Client', 'client')],
      }),
    });
    const byId = pool(stack => cognito.UserPool.fromUserPoolId(stack, 'Pool', id));
    const byArn = pool(stack =>
      cognito.UserPool.fromUserPoolArn(stack, 'Pool', `arn:aws:cognito-idp:eu-west-1:111122223333:userpool/${id}`),
    );

    it('accepts tokens of the issuer in that region', () => {
      const issuer = environmentOf(synth(byArn, { env: { region: 'eu-central-1' } }).template)['MCP_JWT_ISSUER'];
      expect(JSON.stringify(issuer)).toMatch(/https:\/\/cognito-idp\.eu-west-1\..*eu-west-1_AbCdEf123/);
    });

    it('fails where the pool was imported as one of the region of the stack', () => {
      expect(failureOf(() => synth(byId, { env: { region: 'eu-central-1' } }))).toBe(
        "'auth.userPool' is of the region eu-west-1 and was imported as one of eu-central-1: every token would be refused, got: eu-west-1_AbCdEf123; use UserPool.fromUserPoolArn()",
      );
      expect(failureOf(() => synth(byId, { env: { region: 'eu-west-1' } }))).toBe('it did not fail');
      expect(failureOf(() => synth(byId))).toBe('it did not fail');
    });
  });
});

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

describe('an HTTP API', () => {
  it('has a name of its own, and may invoke the function with one permission', () => {
    const { template } = synth({ endpoint: McpEndpoint.httpApi(), auth: jwt });
    const { id, Properties } = one(template, 'AWS::ApiGatewayV2::Api');
    expect(Properties.Name).toMatch(/^Test-Mcp-[0-9A-F]{8}$/);
    const permissions = Object.values(template.findResources('AWS::Lambda::Permission')).filter(
      it => it['Properties'].Principal === 'apigateway.amazonaws.com',
    );
    expect(permissions).toHaveLength(1);
    expect(JSON.stringify(permissions[0]!['Properties'].SourceArn)).toContain(`{"Ref":"${id}"}`);
  });

  it('buffers, is throttled, and limits the timeout of the server', () => {
    const { template } = synth({ endpoint: McpEndpoint.httpApi(), auth: McpAuth.none() });
    expect(environmentOf(template)['MCP_RESPONSE_MODE']).toBe('buffered');
    expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties.Timeout).toBe(30);
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      DefaultRouteSettings: { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 },
    });
    const routes = Object.values(template.findResources('AWS::ApiGatewayV2::Route')).map(
      it => it['Properties'].RouteKey,
    );
    expect(routes.sort()).toEqual(['DELETE /mcp', 'GET /mcp', 'POST /mcp']);
  });

  it('checks tokens itself and serves the metadata without one', () => {
    const { template } = synth({
      endpoint: McpEndpoint.httpApi({ throttlingRateLimit: 5, throttlingBurstLimit: 6 }),
      auth: jwt,
      cors: { allowOrigins: ['*'] },
    });
    template.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
      AuthorizerType: 'JWT',
      JwtConfiguration: { Issuer: issuer, Audience: ['mcp', 'other'] },
    });
    const routes = Object.values(template.findResources('AWS::ApiGatewayV2::Route')).map(
      it => `${it['Properties'].RouteKey} ${it['Properties'].AuthorizationType}`,
    );
    expect(routes.sort()).toEqual([
      'DELETE /mcp JWT',
      'GET /.well-known/oauth-protected-resource NONE',
      'GET /.well-known/oauth-protected-resource/mcp NONE',
      'GET /mcp JWT',
      'OPTIONS /mcp NONE',
      'POST /mcp JWT',
    ]);
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      DefaultRouteSettings: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 6 },
    });
  });

  it('can be invoked by a grantee', () => {
    withCaller({ endpoint: McpEndpoint.httpApi() }).hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('^Caller'),
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Action: 'execute-api:Invoke', Effect: 'Allow' })]),
      },
    });
  });
});
