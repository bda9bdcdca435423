// Properties that cannot work fail at synthesis. The message has the property, the rule, the value and the way out.
import { type App, Duration, Stack } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, McpLambdaServer, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { construct, failureOf, program } from './synth.ts';

type Case = [title: string, props: McpLambdaServerProps | ((stack: Stack) => McpLambdaServerProps), message: string];

const authorizer = (stack: Stack) =>
  lambda.Function.fromFunctionArn(stack, 'Given', 'arn:aws:lambda:eu-central-1:111122223333:function:existing');
const table = (stack: Stack, name: string) => dynamodb.TableV2.fromTableName(stack, name, name);
const topic = (stack: Stack, name = 'given') =>
  sns.Topic.fromTopicArn(stack, name, `arn:aws:sns:eu-central-1:111122223333:${name}`);
const ownFunction = (stack: Stack) =>
  new lambda.Function(stack, 'Own', { code: program(), handler: 'bootstrap', runtime: lambda.Runtime.PROVIDED_AL2023 });
const secret = (stack: Stack) => secretsmanager.Secret.fromSecretNameV2(stack, 'Given', 'given');
const managed = (stack: Stack, more = {}) => {
  const vpc = new ec2.Vpc(stack, 'Vpc');
  return { vpc, securityGroups: [new ec2.SecurityGroup(stack, 'Group', { vpc })], ...more };
};
const jwt = McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: ['mcp'] });

const endpoints: Case[] = [
  [
    'an HTTP API is to stream',
    { endpoint: McpEndpoint.httpApi({ streaming: true }) },
    "'endpoint.streaming' cannot be true: an HTTP API buffers responses, got: true; use McpEndpoint.functionUrl() or McpEndpoint.restApi()",
  ],
  [
    'the timeout is longer than an HTTP API waits',
    { endpoint: McpEndpoint.httpApi(), timeout: Duration.seconds(31) },
    "'timeout' must be at most 30 seconds behind an HTTP API, which waits no longer, got: 31 seconds; shorten it or use McpEndpoint.restApi()",
  ],
  [
    'the timeout is longer than a buffered REST API waits',
    { endpoint: McpEndpoint.restApi({ streaming: false }), timeout: Duration.seconds(30) },
    "'timeout' must be at most 29 seconds behind this REST API, which waits no longer, got: 30 seconds; shorten it or leave 'endpoint.streaming' on",
  ],
  [
    'the timeout is longer than a streaming REST API waits',
    stack => ({ endpoint: McpEndpoint.restApi(), timeout: Duration.seconds(901), managedInstances: managed(stack) }),
    "'timeout' must be at most 900 seconds behind this REST API, which waits no longer, got: 901 seconds; shorten it",
  ],
  [
    'an authorizer is given with a Function URL',
    stack => ({ auth: McpAuth.lambdaAuthorizer(authorizer(stack)) }),
    "'auth' cannot be used with a Function URL, which calls no authorizer, got: McpAuth.lambdaAuthorizer(); use McpEndpoint.restApi(), or McpAuth.jwt()",
  ],
  [
    'an authorizer is given with an HTTP API',
    stack => ({ endpoint: McpEndpoint.httpApi(), auth: McpAuth.lambdaAuthorizer(authorizer(stack)) }),
    "'auth' cannot be used with an HTTP API: the authorizer reads events of a REST API, got: McpAuth.lambdaAuthorizer(); use McpEndpoint.restApi(), or McpAuth.jwt()",
  ],
  [
    'tenants are isolated behind a Function URL',
    { tenancyConfig: lambda.TenancyConfig.PER_TENANT },
    "'tenancyConfig' cannot be used with a Function URL, which has no tenant id, got: PER_TENANT; use McpEndpoint.restApi() or McpEndpoint.httpApi()",
  ],
  [
    'API Gateway is to check tokens for an existing function',
    stack => ({ function: ownFunction(stack), endpoint: McpEndpoint.restApi(), auth: jwt }),
    "'auth' needs a function that checks tokens, and 'function' cannot be its own authorizer, got: tokens; use McpAuth.lambdaAuthorizer(), or give the program as code or manifestPath",
  ],
  [
    'the path ends with a slash',
    { path: '/mcp/' },
    "'path' must be a path without a slash at its end, got: /mcp/; write '/mcp', or '/' for the root",
  ],
];

const limits: Case[] = [
  [
    'the timeout is over 900 seconds',
    { timeout: Duration.minutes(16) },
    "'timeout' must be whole seconds from 1 to 900, got: 960 seconds; shorten it, or run on 'managedInstances'",
  ],
  [
    'the timeout is over 5,400 seconds on managed instances',
    stack => ({ timeout: Duration.hours(2), managedInstances: managed(stack) }),
    "'timeout' must be whole seconds from 1 to 5400, got: 7200 seconds; shorten it",
  ],
  [
    'streams live longer than the timeout',
    { streams: { lifetime: Duration.seconds(116) } },
    "'streams.lifetime' must be at least 5 seconds below the timeout of 120 seconds, got: 116 seconds; shorten it or raise 'timeout'",
  ],
  [
    'a stream lives for half a second',
    { streams: { lifetime: Duration.millis(500) } },
    "'streams.lifetime' must be whole seconds, one or more, got: 0.5 seconds; use Duration.seconds()",
  ],
  [
    'no stream is allowed per caller',
    { streams: { perPrincipal: 0 } },
    "'streams.perPrincipal' must be a whole number from 1 to 10000, got: 0; choose a number within",
  ],
  [
    'memory is too little',
    { memorySize: 64 },
    "'memorySize' must be a whole number from 128 to 10240, got: 64; choose a number within",
  ],
  [
    'memory is too little for managed instances',
    stack => ({ memorySize: 256, managedInstances: managed(stack) }),
    "'memorySize' must be a whole number from 2048 to 32768, got: 256; choose a number within",
  ],
  [
    'managed instances serve no requests',
    stack => ({ managedInstances: managed(stack, { perExecutionEnvironmentMaxConcurrency: 0 }) }),
    "'managedInstances.perExecutionEnvironmentMaxConcurrency' must be a whole number from 1 to 1600, got: 0; choose a number within",
  ],
  [
    'more is provisioned than reserved',
    { reservedConcurrentExecutions: 5, provisionedConcurrentExecutions: 6 },
    "'provisionedConcurrentExecutions' must be at most 'reservedConcurrentExecutions', which is 5, got: 6; raise that or lower this",
  ],
  [
    'provisioned concurrency scales above the reserved concurrency',
    { reservedConcurrentExecutions: 5, provisionedConcurrentExecutions: 2, maxProvisionedConcurrentExecutions: 9 },
    "'maxProvisionedConcurrentExecutions' must be at most 'reservedConcurrentExecutions', which is 5, got: 9; raise that or lower this",
  ],
  [
    'provisioned concurrency has a maximum only',
    { maxProvisionedConcurrentExecutions: 9 },
    "'maxProvisionedConcurrentExecutions' needs 'provisionedConcurrentExecutions' to scale from, got: 9; set both",
  ],
  [
    'managed instances have provisioned concurrency',
    stack => ({ provisionedConcurrentExecutions: 2, managedInstances: managed(stack) }),
    "'provisionedConcurrentExecutions' cannot be used with 'managedInstances', got: 2; leave one of them out",
  ],
  [
    'isolated tenants have provisioned concurrency',
    {
      provisionedConcurrentExecutions: 2,
      tenancyConfig: lambda.TenancyConfig.PER_TENANT,
      endpoint: McpEndpoint.restApi(),
    },
    "'provisionedConcurrentExecutions' cannot be used with 'tenancyConfig', got: 2; leave one of them out",
  ],
  [
    'a percentage is above 100',
    { monitoring: { errorRatePercent: 101 } },
    "'monitoring.errorRatePercent' must be a whole number from 1 to 100, got: 101; choose a number within",
  ],
];

const programs: Case[] = [
  [
    'there are two programs',
    { code: program(), manifestPath: 'Cargo.toml' },
    "'manifestPath' is one of three ways to give the program, got: 'code' and 'manifestPath'; keep one of them",
  ],
  [
    'the manifest is not there',
    { manifestPath: 'nowhere/Cargo.toml' },
    "'manifestPath' must be the path of a Cargo.toml that exists, got: nowhere/Cargo.toml; the path is relative to the folder in which the app is synthesised",
  ],
  [
    'a built program has a binary to build',
    { code: program(), binaryName: 'notes' },
    "'binaryName' belongs to 'manifestPath', got: notes; leave it out, or 'function' and 'code'",
  ],
  [
    'an existing function has a memory size',
    stack => ({ function: ownFunction(stack), memorySize: 512 }),
    "'memorySize' does not apply where 'function' is given, got: 512; set it on that function",
  ],
];

const inputs: Case[] = [
  [
    'all origins may send credentials',
    { cors: { allowOrigins: ['*'], allowCredentials: true } },
    "'cors.allowOrigins' must not be '*' together with 'cors.allowCredentials': browsers refuse it, got: *; list the origins",
  ],
  [
    'no origin may call',
    { cors: { allowOrigins: [] } },
    "'cors.allowOrigins' must name an origin, got: []; leave 'cors' out to allow no web page",
  ],
  [
    'an origin has a path',
    { cors: { allowOrigins: ['https://app.example.com/'] } },
    "'cors.allowOrigins' must hold origins: a scheme and a host, no path, got: https://app.example.com/; write https://app.example.com",
  ],
  [
    "'*' is one of several origins",
    { cors: { allowOrigins: ['*', 'https://a.example'] } },
    "'cors.allowOrigins' must be '*' alone or origins, got: *, https://a.example; remove '*' or the others",
  ],
  [
    'a variable of the construct is given',
    { environment: { SESSION_TABLE_NAME: 'mine' } },
    "'environment.SESSION_TABLE_NAME' is set by the construct, got: SESSION_TABLE_NAME; use 'state.stateTable'",
  ],
  [
    'a variable has a name that Lambda refuses',
    { environment: { 'MY-NAME': 'x' } },
    "'environment' must have names of two or more letters, digits and _ that begin with a letter, got: MY-NAME; rename it",
  ],
  [
    'a secret takes the name of a variable',
    stack => ({ environment: { TOKEN: 'x' }, secrets: { TOKEN: secret(stack) } }),
    "'secrets.TOKEN' is also in 'environment', got: TOKEN; keep one of them",
  ],
  [
    'an imported table has a name',
    stack => ({ state: { stateTable: table(stack, 'a'), stateTableName: 'b', eventTableName: 'c' } }),
    "'state.stateTableName' does not apply to an imported table, got: b; set it where the table is defined",
  ],
  [
    'there are options of events, and no events',
    { mcpEvents: { enabled: false, ttl: Duration.hours(2), fanoutReplicas: 2 }, ingestOptions: { memorySize: 512 } },
    [
      "'mcpEvents.ttl' needs events, and 'mcpEvents.enabled' is false, got: 7200 seconds; leave one of them out",
      "'mcpEvents.fanoutReplicas' needs events, and 'mcpEvents.enabled' is false, got: 2; leave one of them out",
      "'ingestOptions' needs events, and 'mcpEvents.enabled' is false, got: {...}; leave one of them out",
    ].join('\n'),
  ],
  [
    'imported tables have limits',
    stack => ({ state: { stateTable: table(stack, 'a'), eventTable: table(stack, 'b'), maxReadRequestUnits: 5 } }),
    "'state.maxReadRequestUnits' does not apply to an imported table, got: 5; set it where the table is defined",
  ],
  [
    'sessions live for half a minute',
    { state: { sessionTtl: Duration.seconds(30) } },
    "'state.sessionTtl' must be whole minutes, one or more, got: 30 seconds; use Duration.minutes()",
  ],
  [
    'the topic is first in, first out',
    stack => ({ mcpEvents: { topic: new sns.Topic(stack, 'Fifo', { fifo: true, topicName: 'mine.fifo' }) } }),
    "'mcpEvents.topic' must be a standard topic, got: ${Token[...]}; Lambda cannot subscribe to FIFO topics",
  ],
  [
    'an imported topic has a key',
    stack => ({ mcpEvents: { topic: topic(stack), encryptionKey: new kms.Key(stack, 'Key') } }),
    "'mcpEvents.encryptionKey' does not apply to an imported topic, got: Test/Key; set it where the topic is defined",
  ],
  [
    'alarms notify the topic of events',
    stack => {
      const events = topic(stack);
      return { mcpEvents: { topic: events }, monitoring: { alarmTopic: events } };
    },
    "'monitoring.alarmTopic' must not be 'mcpEvents.topic': an alarm about the function would invoke the function, got: arn:aws:sns:eu-central-1:111122223333:given; use another topic",
  ],
  [
    'a pool has no clients',
    stack => ({ auth: McpAuth.cognito({ userPool: cognito.UserPool.fromUserPoolId(stack, 'Pool', 'p') }) }),
    "'auth.userPoolClients' must name clients of 'auth.userPool': tokens of other clients are refused, got: undefined; use UserPoolClient.fromUserPoolClientId()",
  ],
];

describe.each([
  ['the endpoint', endpoints],
  ['limits', limits],
  ['the program', programs],
  ['input', inputs],
])('%s', (_, cases) => {
  it.each(cases)('fails when %s', (_title, props, message) => {
    expect(failureOf(() => construct(props))).toBe(message);
  });
});

describe('auth', () => {
  it('fails without an audience', () => {
    expect(failureOf(() => McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: [] }))).toBe(
      "'auth.audience' must not be empty: tokens for every other service of the issuer would be accepted, got: []; name this server as the issuer's tokens do",
    );
  });

  it('fails if the issuer has no https URL', () => {
    expect(failureOf(() => McpAuth.jwt({ issuer: 'http://issuer.example.com', audience: ['mcp'] }))).toBe(
      "'auth.issuer' must be an https URL, got: http://issuer.example.com; copy it from the 'issuer' of the issuer's metadata",
    );
  });
});

describe('a function of the user', () => {
  it('is of the stack of the server', () => {
    const other = (stack: Stack) => ({ function: ownFunction(new Stack(stack.node.root as App, 'Other')) });
    expect(failureOf(() => construct(other))).toBe(
      "'function' must be of the stack of the server, which sets its variables, its permissions and an alias, got: Other/Own; create the server in the stack of the function",
    );
  });

  it('serves one server', () => {
    const twice = () =>
      construct(stack => ({ function: ownFunction(stack) }), {
        also: (server, stack) => new McpLambdaServer(stack, 'Second', { function: server.function }),
      });
    expect(failureOf(twice)).toBe(
      "'function' already serves Test/Mcp, which has set its variables and an alias, got: Test/Own; give each server a function of its own",
    );
  });
});

describe('two servers in one stack', () => {
  it('are both created', () => {
    const twice = () => construct({}, { also: (_, stack) => new McpLambdaServer(stack, 'Other', { code: program() }) });
    expect(failureOf(twice)).toBe('it did not fail');
  });
});

describe('warnings', () => {
  const warningsOf = (props: McpLambdaServerProps | ((stack: Stack) => McpLambdaServerProps)) =>
    Annotations.fromStack(construct(props).stack)
      .findWarning('*', Match.stringLikeRegexp('.*'))
      .map(it => String(it.entry.data))
      .filter(it => it.includes('mcp-lambda-server:'));

  it('are given for a Function URL of a function in a VPC', () => {
    expect(warningsOf(stack => ({ vpc: new ec2.Vpc(stack, 'Vpc') }))).toEqual([
      "AWS does not document response streaming through a Function URL for functions in a VPC; use McpEndpoint.restApi(), or leave 'vpc' out [ack: Annotation::mcp-lambda-server:vpc-function-url]",
    ]);
  });

  it('are given for a server that everybody may call', () => {
    expect(warningsOf({ auth: McpAuth.none() })).toEqual([
      "every caller is served, without authentication; set 'auth', or acknowledge this if the server may be public [ack: Annotation::mcp-lambda-server:no-authentication]",
    ]);
  });

  it('are given for a new pool in which nobody can sign in', () => {
    expect(warningsOf({ auth: McpAuth.cognito() })).toEqual([
      "users cannot sign in: the user pool has no domain; set 'auth.domainPrefix', or add one to server.userPool [ack: Annotation::mcp-lambda-server:cognito-without-domain]",
    ]);
    expect(warningsOf({ auth: McpAuth.cognito({ domainPrefix: 'notes' }) })).toEqual([]);
  });

  it('are given for tokens where the issuer cannot be reached', () => {
    const isolated = (stack: Stack) =>
      new ec2.Vpc(stack, 'Vpc', {
        subnetConfiguration: [{ name: 'i', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
      });
    const endpoint = McpEndpoint.httpApi();
    expect(warningsOf(stack => ({ endpoint, auth: jwt, vpc: isolated(stack) }))).toEqual([
      "the keys of the issuer cannot be fetched: the subnets of 'vpc' have no route to the internet; use subnets with egress, or leave 'vpc' out [ack: Annotation::mcp-lambda-server:issuer-unreachable]",
    ]);
    expect(warningsOf(stack => ({ endpoint, vpc: isolated(stack) }))).toEqual([]);
    expect(warningsOf(stack => ({ endpoint, auth: jwt, vpc: new ec2.Vpc(stack, 'Vpc') }))).toEqual([]);
  });

  it('are given for a function that starts no program of Rust, or that has three seconds', () => {
    const own = (stack: Stack, runtime: lambda.Runtime, timeout?: Duration) => ({
      function: new lambda.Function(stack, 'Own', { code: program(), handler: 'x', runtime, ...(timeout && { timeout }) }),
    });
    expect(warningsOf(stack => own(stack, lambda.Runtime.PYTHON_3_13, Duration.minutes(1)))).toEqual([
      "'function' has the runtime python3.13, which does not start a program of mcp-lambda-server by itself; use an OS-only runtime, an image, or AWS_LAMBDA_EXEC_WRAPPER [ack: Annotation::mcp-lambda-server:function-runtime]",
    ]);
    expect(warningsOf(stack => own(stack, lambda.Runtime.PROVIDED_AL2023))).toEqual([
      "'function' has Lambda's default timeout of 3 seconds, which ends streams and slow tools; set 'timeout' on the function [ack: Annotation::mcp-lambda-server:function-timeout]",
    ]);
    expect(warningsOf(stack => own(stack, lambda.Runtime.PROVIDED_AL2023, Duration.minutes(1)))).toEqual([]);
  });

  it('are given for a REST API with tokens and no domain', () => {
    expect(warningsOf({ endpoint: McpEndpoint.restApi(), auth: jwt })).toEqual([
      "clients look for OAuth metadata at the root of the host, which a stage's URL cannot serve; set 'endpoint.domain' [ack: Annotation::mcp-lambda-server:oauth-without-domain]",
    ]);
  });

  it('are not given for the defaults', () => {
    expect(warningsOf({})).toEqual([]);
  });
});
