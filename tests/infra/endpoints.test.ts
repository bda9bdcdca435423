// Each endpoint with each auth: resources, environment of the server, permissions.
import { Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, McpSessions, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { issuer, jwt, withCaller } from './callers.ts';
import { environmentOf, failureOf, one, synth } from './synth.ts';

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
