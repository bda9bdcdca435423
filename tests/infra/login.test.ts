// McpAuth.login(): the authorization server beside the server.
import { Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import {
  McpAuth,
  McpEndpoint,
  McpMonitoringLevel,
  McpTasks,
  type McpLambdaServerProps,
} from '../../infra/lib/index.ts';
import { certificate, cognitoLogin, google, secretOf } from './logins.ts';
import { environmentOf, namesOf, one, statementsOf, synth } from './synth.ts';

/** The URL of the login's API, as CloudFormation writes it. */
const issuerUrl = (path = '') => ({
  'Fn::Join': [
    '',
    [
      'https://',
      { Ref: 'McpLoginHttpApiBB6CDE7E' },
      '.execute-api.',
      { Ref: 'AWS::Region' },
      '.',
      { Ref: 'AWS::URLSuffix' },
      ...(path ? [path] : []),
    ],
  ],
});

describe('a login at a new user pool', () => {
  const synthesised = synth(cognitoLogin());
  const { template, server, stack } = synthesised;

  it('has ids that do not change', () => {
    const ids = (type: string) => Object.keys(template.findResources(type));
    expect(ids('AWS::ApiGatewayV2::Api')).toEqual(['McpLoginHttpApiBB6CDE7E']);
    expect(ids('AWS::SecretsManager::Secret')).toEqual(expect.arrayContaining(['McpLoginKeys1A7031E9']));
    // The pool of McpAuth.cognito() has the same, so that its users can sign in here.
    expect(ids('AWS::Cognito::UserPool')).toEqual(['McpUserPoolC6FB1A6F']);
    expect(ids('AWS::Cognito::UserPoolClient')).toEqual(['McpLoginUserPoolClient8D01AB89']);
    expect(ids('AWS::Lambda::Function')).toEqual(['McpServer6A6A2BCF', 'McpIngest6971C0F2', 'McpLoginFunctionFA19FA64']);
  });

  it('runs the program in its role, with 256 MB and twenty seconds', () => {
    const login = one(template, 'AWS::Lambda::Function', 'McpLoginFunction').Properties;
    const main = one(template, 'AWS::Lambda::Function', 'McpServer').Properties;
    expect(login).toMatchObject({ Code: main.Code, MemorySize: 256, Timeout: 20, Architectures: ['arm64'] });
    expect(login).not.toHaveProperty('ReservedConcurrentExecutions');
    expect(environmentOf(template, 'McpLoginFunction')).toEqual({
      MCP_ROLE: 'login',
      SESSION_TABLE_NAME: { Ref: 'McpStateTable8008F8CD' },
      EVENT_TABLE_NAME: { Ref: 'McpEventTableAD501C78' },
      MCP_LOGIN_ISSUER: issuerUrl(),
      MCP_LOGIN_RESOURCES: stack.resolve(server.url),
      MCP_LOGIN_AUDIENCE: issuerUrl('/mcp'),
      MCP_LOGIN_KEYS_SECRET: { 'Fn::GetAtt': ['McpLoginKeys1A7031E9', 'Id'] },
      MCP_LOGIN_SCOPES: 'mcp',
      MCP_LOGIN_UPSTREAM: 'oidc',
      MCP_LOGIN_UPSTREAM_ISSUER: {
        'Fn::Join': ['', ['https://', { 'Fn::GetAtt': ['McpUserPoolC6FB1A6F', 'ProviderName'] }]],
      },
      MCP_LOGIN_UPSTREAM_CLIENT_ID: { Ref: 'McpLoginUserPoolClient8D01AB89' },
      MCP_LOGIN_UPSTREAM_SCOPES: 'openid,email,profile',
    });
  });

  it('makes the server check its tokens, and the Function URL let them through', () => {
    expect(environmentOf(template)).toMatchObject({
      MCP_AUTH: 'jwt',
      MCP_JWT_ISSUER: issuerUrl(),
      MCP_JWT_AUDIENCE: issuerUrl('/mcp'),
      MCP_JWT_ALGORITHMS: 'EdDSA',
    });
    expect(Object.keys(environmentOf(template)).filter(name => name.includes('LOGIN'))).toEqual([]);
    template.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE' });
  });

  it('has an HTTP API of its own, throttled, with every path for the function', () => {
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      DefaultRouteSettings: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 },
      AccessLogSettings: Match.objectLike({ Format: Match.not(Match.stringLikeRegexp('path|query|identity')) }),
    });
    const route = one(template, 'AWS::ApiGatewayV2::Route');
    expect(route.Properties).toMatchObject({ RouteKey: '$default', AuthorizationType: 'NONE' });
    template.hasResourceProperties('AWS::ApiGatewayV2::Integration', { PayloadFormatVersion: '2.0' });
    expect(server.login!.userPool === server.userPool).toBe(true);
    expect(stack.resolve(server.login!.alias.aliasName)).toBe('live');
    expect(server.login!.function.node.path).toContain('Login/Function');
  });

  it('has a page to sign in, and a client without a secret that only the login uses', () => {
    const uuid = { 'Fn::Select': [2, { 'Fn::Split': ['/', { Ref: 'AWS::StackId' }] }] };
    template.hasResourceProperties('AWS::Cognito::UserPoolDomain', {
      ManagedLoginVersion: 2,
      Domain: {
        'Fn::Join': [
          '-',
          [Match.stringLikeRegexp('^mcp-[0-9a-f]{8}$'), { 'Fn::Select': [4, { 'Fn::Split': ['-', uuid] }] }],
        ],
      },
    });
    template.hasResourceProperties('AWS::Cognito::ManagedLoginBranding', {
      ClientId: { Ref: 'McpLoginUserPoolClient8D01AB89' },
      UseCognitoProvidedValues: true,
    });
    template.hasResourceProperties('AWS::Cognito::UserPoolClient', {
      GenerateSecret: false,
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['openid', 'email', 'profile'],
      CallbackURLs: [issuerUrl('/callback')],
      PreventUserExistenceErrors: 'ENABLED',
    });
  });

  it('has a key that Secrets Manager makes', () => {
    expect(one(template, 'AWS::SecretsManager::Secret', 'McpLoginKeys').Properties.GenerateSecretString).toMatchObject({
      ExcludePunctuation: true,
      IncludeSpace: false,
      PasswordLength: 64,
    });
  });
});

it('has a key that Secrets Manager replaces, where that is chosen', () => {
  const { template } = synth(cognitoLogin({ keyRotation: Duration.days(60) }));
  template.hasResourceProperties('AWS::SecretsManager::RotationSchedule', {
    SecretId: { Ref: 'McpLoginKeys1A7031E9' },
    RotationRules: { ScheduleExpression: 'rate(60 days)' },
  });
  synth(cognitoLogin()).template.resourceCountIs('AWS::SecretsManager::RotationSchedule', 0);
});

describe('keys of KMS', () => {
  const arn = (id: string) => `arn:aws:kms:eu-central-1:111122223333:key/${id}`;
  const kmsOf = (statements: unknown[]) => statements.filter(it => JSON.stringify(it).includes('kms:'));

  it('sign in place of the secret, and only the function of the login may use them', () => {
    const { template, server, stack } = synth({ ...cognitoLogin({ kmsSigning: {} }), tasks: McpTasks.queue() });
    const [id] = Object.keys(template.findResources('AWS::KMS::Key'));
    const key = one(template, 'AWS::KMS::Key');
    expect(id).toBe('McpLoginSigningKey88626D84');
    expect(key).toMatchObject({ DeletionPolicy: 'Delete', Properties: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' } });
    const reference = { 'Fn::GetAtt': [id, 'Arn'] };
    expect(environmentOf(template, 'McpLoginFunction')).toMatchObject({
      MCP_LOGIN_SIGNING_KEYS: reference,
      MCP_LOGIN_KEYS_SECRET: { 'Fn::GetAtt': ['McpLoginKeys1A7031E9', 'Id'] },
    });
    expect(kmsOf(statementsOf(template, 'McpLoginFunction'))).toEqual([
      { Action: 'kms:Sign', Effect: 'Allow', Resource: reference },
      { Action: 'kms:GetPublicKey', Effect: 'Allow', Resource: reference },
    ]);
    // The policy of the key is for the account alone.
    expect(key.Properties.KeyPolicy.Statement).toHaveLength(1);
    for (const other of ['McpServer', 'McpWorker', 'McpIngest']) {
      expect(kmsOf(statementsOf(template, other))).toEqual([]);
      expect(JSON.stringify(environmentOf(template, other))).not.toContain(id);
    }
    expect(environmentOf(template)).toMatchObject({ MCP_JWT_ALGORITHMS: 'ES256' });
    expect(stack.resolve(server.login!.signingKeys[0]!.keyArn)).toEqual(reference);
  });

  it('can be existing ones, of which the first signs', () => {
    const { template } = synth(stack => {
      const keys = ['new', 'old'].map(id => kms.Key.fromKeyArn(stack, id, arn(id)));
      return cognitoLogin({ kmsSigning: { keys } });
    });
    template.resourceCountIs('AWS::KMS::Key', 0);
    expect(environmentOf(template, 'McpLoginFunction')['MCP_LOGIN_SIGNING_KEYS']).toBe(`${arn('new')},${arn('old')}`);
    expect(kmsOf(statementsOf(template, 'McpLoginFunction'))).toEqual([
      { Action: 'kms:Sign', Effect: 'Allow', Resource: arn('new') },
      { Action: 'kms:GetPublicKey', Effect: 'Allow', Resource: [arn('new'), arn('old')] },
    ]);
  });

  it('are none without the option', () => {
    const { template, server } = synth(cognitoLogin());
    template.resourceCountIs('AWS::KMS::Key', 0);
    expect(server.login!.signingKeys).toEqual([]);
  });
});

describe('permissions', () => {
  const state = { 'Fn::GetAtt': ['McpStateTable8008F8CD', 'Arn'] };
  const deny = (statements: unknown[]) => statements.filter(it => (it as { Effect: string }).Effect === 'Deny');
  const ofLogin = { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': ['LOGIN#*'] } };

  it('of the login are for its items of the state table and its keys only', () => {
    const { template } = synth(cognitoLogin());
    expect(statementsOf(template, 'McpLoginFunction')).toEqual([
      expect.objectContaining({ Action: ['logs:CreateLogStream', 'logs:PutLogEvents'] }),
      expect.objectContaining({ Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'] }),
      {
        Action: ['BatchWriteItem', 'GetItem', 'PutItem'].map(it => `dynamodb:${it}`),
        Effect: 'Allow',
        Resource: state,
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['LOGIN#*'] } },
      },
      { Action: 'secretsmanager:GetSecretValue', Effect: 'Allow', Resource: { Ref: 'McpLoginKeys1A7031E9' } },
    ]);
  });

  it('of the server and of workers end at the items of the login', () => {
    const { template } = synth({ ...cognitoLogin(), tasks: McpTasks.queue() });
    for (const id of ['McpServer', 'McpWorker']) {
      const statements = statementsOf(template, id);
      expect(deny(statements)).toEqual([{ Action: 'dynamodb:*', Effect: 'Deny', Resource: state, Condition: ofLogin }]);
      expect(JSON.stringify(statements)).not.toContain('McpLoginKeys');
    }
  });

  it("let tools get the provider's tokens where that is chosen, and not the keys that sign", () => {
    const { template } = synth(stack => ({
      auth: McpAuth.login({ ...google, clientSecret: secretOf(stack, 'google'), upstreamTokens: true }),
      tasks: McpTasks.queue(),
    }));
    const [sealing] = Object.keys(template.findResources('AWS::SecretsManager::Secret')).filter(id => id.includes('UpstreamKeys'));
    const upstream = { MCP_LOGIN_ISSUER: issuerUrl(), MCP_LOGIN_UPSTREAM_TOKENS: 'on', MCP_LOGIN_UPSTREAM_KEYS_SECRET: { 'Fn::GetAtt': [sealing, 'Id'] } };
    for (const id of ['McpServer', 'McpWorker']) {
      const statements = statementsOf(template, id);
      expect(deny(statements)).toEqual([
        { NotAction: 'dynamodb:GetItem', Effect: 'Deny', Resource: state, Condition: ofLogin },
        {
          Action: 'dynamodb:GetItem',
          Effect: 'Deny',
          Resource: state,
          Condition: { ...ofLogin, 'ForAnyValue:StringNotLike': { 'dynamodb:LeadingKeys': ['LOGIN#UPSTREAM#*'] } },
        },
      ]);
      expect(statements).toContainEqual({
        Action: 'secretsmanager:GetSecretValue',
        Effect: 'Allow',
        Resource: { Ref: sealing },
      });
      expect(JSON.stringify(statements)).not.toMatch(/McpLoginKeys|google/);
      expect(environmentOf(template, id)).toMatchObject(upstream);
      expect(Object.keys(environmentOf(template, id)).filter(name => name.includes('LOGIN')).sort()).toEqual(Object.keys(upstream).sort());
    }
    expect(environmentOf(template, 'McpLoginFunction')).toMatchObject(upstream);
    const ofLoginFunction = JSON.stringify(statementsOf(template, 'McpLoginFunction'));
    for (const readable of ['McpLoginKeys', sealing!, 'google']) expect(ofLoginFunction).toContain(readable);
  });

  it('has no key for tokens of the provider that are not kept', () => {
    expect(synth(cognitoLogin()).server.login!.upstreamKeys).toBeUndefined();
    expect(synth(cognitoLogin({ upstreamTokens: true })).server.login!.upstreamKeys).toBeDefined();
  });
});

describe('the provider', () => {
  it('is any OpenID provider, with the ARN of its secret', () => {
    const { template } = synth(stack => ({
      auth: McpAuth.login({ ...google, clientSecret: secretOf(stack, 'google'), upstreamScopes: ['openid'] }),
    }));
    expect(environmentOf(template, 'McpLoginFunction')).toMatchObject({
      MCP_LOGIN_UPSTREAM: 'oidc',
      MCP_LOGIN_UPSTREAM_ISSUER: 'https://accounts.google.com',
      MCP_LOGIN_UPSTREAM_CLIENT_ID: 'client',
      MCP_LOGIN_UPSTREAM_CLIENT_SECRET_ARN: expect.stringContaining(':secret:google-AbCdEf'),
      MCP_LOGIN_UPSTREAM_SCOPES: 'openid',
    });
    expect(JSON.stringify(statementsOf(template, 'McpLoginFunction'))).toContain(':secret:google-AbCdEf');
    expect(JSON.stringify(template.toJSON())).not.toContain('resolve:secretsmanager:arn:aws:secretsmanager:eu-central-1');
    template.resourceCountIs('AWS::Cognito::UserPool', 0);
  });

  it('is asked for a refresh token at Google, where its tokens are kept, or with the parameters of the option', () => {
    const parameters = (options: object) => {
      const { template } = synth({ auth: McpAuth.login({ ...google, ...options }) });
      return environmentOf(template, 'McpLoginFunction')['MCP_LOGIN_UPSTREAM_PARAMETERS'];
    };
    expect(parameters({})).toBeUndefined();
    expect(parameters({ upstreamTokens: true })).toBe('access_type=offline,prompt=consent');
    expect(parameters({ upstreamTokens: true, issuer: 'https://login.example.com' })).toBeUndefined();
    expect(parameters({ upstreamTokens: true, upstreamParameters: { hd: 'example.com', prompt: '' } })).toBe('hd=example.com,prompt=');
    expect(parameters({ upstreamTokens: true, upstreamParameters: {} })).toBeUndefined();
  });

  it('is one of OAuth 2.0, such as GitHub', () => {
    const oauth2 = {
      authorizeUrl: 'https://github.com/login/oauth/authorize',
      tokenUrl: 'https://github.com/login/oauth/access_token',
      userUrl: 'https://api.github.com/user',
    };
    const { template } = synth({ auth: McpAuth.login({ oauth2, clientId: 'client', upstreamScopes: ['read:user'] }) });
    expect(environmentOf(template, 'McpLoginFunction')).toMatchObject({
      MCP_LOGIN_UPSTREAM: 'oauth2',
      MCP_LOGIN_UPSTREAM_AUTHORIZE_URL: oauth2.authorizeUrl,
      MCP_LOGIN_UPSTREAM_TOKEN_URL: oauth2.tokenUrl,
      MCP_LOGIN_UPSTREAM_USER_URL: oauth2.userUrl,
      MCP_LOGIN_UPSTREAM_SCOPES: 'read:user',
    });
  });

  it('is an existing user pool, in which a client is created', () => {
    const { template, server } = synth(stack => ({
      auth: McpAuth.login({ cognito: { userPool: cognito.UserPool.fromUserPoolId(stack, 'Pool', 'eu-central-1_AbC') } }),
    }));
    template.hasResourceProperties('AWS::Cognito::UserPoolClient', { UserPoolId: 'eu-central-1_AbC' });
    for (const type of ['UserPool', 'UserPoolDomain', 'ManagedLoginBranding']) {
      template.resourceCountIs(`AWS::Cognito::${type}`, 0);
    }
    expect(server.userPool?.userPoolId).toBe('eu-central-1_AbC');
  });

  it('is a new user pool with options', () => {
    const options = { domainPrefix: 'notes', removalPolicy: RemovalPolicy.DESTROY, deletionProtection: true };
    const { template } = synth({ auth: McpAuth.login({ cognito: options }) });
    template.hasResourceProperties('AWS::Cognito::UserPoolDomain', { Domain: 'notes' });
    expect(one(template, 'AWS::Cognito::UserPool')).toMatchObject({
      DeletionPolicy: 'Delete',
      Properties: { DeletionProtection: 'ACTIVE' },
    });
  });
});

it('has options of its function, its tokens, its API and its keys', () => {
  const { template, server } = synth(stack => ({
    auth: McpAuth.login({
      ...google,
      scopes: ['notes:read', 'notes:write'],
      accessTokenLifetime: Duration.minutes(5),
      refreshTokenLifetime: Duration.days(1),
      registrationsPerMinute: 7,
      keys: secretOf(stack, 'keys'),
      domain: { domainName: 'login.example.com', certificate: certificate(stack) },
      throttlingRateLimit: 5,
      throttlingBurstLimit: 6,
      accessLog: false,
      functionOptions: { memorySize: 512, timeout: Duration.seconds(10), reservedConcurrentExecutions: 3 },
    }),
  }));
  expect(environmentOf(template, 'McpLoginFunction')).toMatchObject({
    MCP_LOGIN_ISSUER: 'https://login.example.com',
    MCP_LOGIN_AUDIENCE: 'https://login.example.com/mcp',
    MCP_LOGIN_SCOPES: 'notes:read,notes:write',
    MCP_LOGIN_ACCESS_TOKEN_SECONDS: '300',
    MCP_LOGIN_REFRESH_TOKEN_SECONDS: '86400',
    MCP_LOGIN_REGISTRATIONS_PER_MINUTE: '7',
    MCP_LOGIN_KEYS_SECRET: expect.stringContaining(':secret:keys-AbCdEf'),
  });
  expect(one(template, 'AWS::Lambda::Function', 'McpLogin').Properties).toMatchObject({
    MemorySize: 512,
    Timeout: 10,
    ReservedConcurrentExecutions: 3,
  });
  template.hasResourceProperties('AWS::ApiGatewayV2::Api', { DisableExecuteApiEndpoint: true });
  template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
    DefaultRouteSettings: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 6 },
    AccessLogSettings: Match.absent(),
  });
  expect(Object.keys(template.findResources('AWS::SecretsManager::Secret'))).not.toContain('McpLoginKeys');
  expect(server.login!.callbackUrl).toBe('https://login.example.com/callback');
});

describe('each endpoint', () => {
  const domain = (stack: Stack) => ({ domainName: 'mcp.example.com', certificate: certificate(stack) });
  const endpoints: [string, (stack: Stack) => McpLambdaServerProps, string | undefined][] = [
    ['a REST API', stack => ({ endpoint: McpEndpoint.restApi({ domain: domain(stack) }) }), 'https://mcp.example.com/mcp'],
    ['an HTTP API', stack => ({ endpoint: McpEndpoint.httpApi({ domain: domain(stack) }) }), 'https://mcp.example.com/mcp'],
    [
      'CloudFront',
      stack => ({ endpoint: McpEndpoint.functionUrl({ cloudFront: { domain: domain(stack) } }) }),
      'https://mcp.example.com/mcp',
    ],
    ['a proxy', () => ({ publicUrl: 'https://proxy.example.com', path: '/notes' }), 'https://proxy.example.com/notes'],
  ];

  it.each(endpoints)('lets tokens of %s through to the server, and the login knows its URL', (_, props, url) => {
    const { template } = synth(stack => ({ ...props(stack), ...cognitoLogin() }));
    expect(environmentOf(template, 'McpLoginFunction')['MCP_LOGIN_RESOURCES']).toEqual(url);
    template.resourceCountIs('AWS::ApiGatewayV2::Authorizer', 0);
    template.resourceCountIs('AWS::ApiGateway::Authorizer', 0);
    expect(environmentOf(template)['MCP_JWT_ISSUER']).toEqual(issuerUrl());
    expect(JSON.stringify(template.toJSON())).not.toContain('McpAuthorizer');
  });

  it('serves the metadata of the server without a token', () => {
    const { template } = synth({ ...cognitoLogin(), endpoint: McpEndpoint.httpApi() });
    const routes = Object.values(template.findResources('AWS::ApiGatewayV2::Route')).map(it => it['Properties'].RouteKey);
    expect(routes).toEqual(
      expect.arrayContaining(['GET /.well-known/oauth-protected-resource/mcp', 'POST /mcp', '$default']),
    );
  });
});

describe('monitoring', () => {
  it('has an alarm for failed sign-ins, and all of them at the level full', () => {
    const login = (level?: McpMonitoringLevel) =>
      namesOf(synth({ ...cognitoLogin(), ...(level && { monitoring: { level } }) })).filter(it => it.startsWith('Login'));
    expect(login()).toEqual(['LoginErrorRate']);
    expect(login(McpMonitoringLevel.FULL)).toEqual(['LoginErrorRate', 'LoginThrottles', 'LoginDuration']);
  });

  it('searches the log of the login as well', () => {
    const { template } = synth(cognitoLogin());
    const queries = Object.values(template.findResources('AWS::Logs::QueryDefinition'));
    expect(JSON.stringify(queries)).toContain('McpLoginFunctionLogGroup');
  });
});
