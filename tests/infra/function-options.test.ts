// The options of lambda.FunctionOptions: which functions they apply to, and which are refused.
import { readFileSync } from 'node:fs';
import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import * as codeguruprofiler from 'aws-cdk-lib/aws-codeguruprofiler';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as signer from 'aws-cdk-lib/aws-signer';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { FUNCTION_OPTIONS } from '../../infra/lib/private/function-options.ts';
import { construct, environmentOf, failureOf, one, program, statementsOf, synth } from './synth.ts';

/** Server, ingest function and authorizer. */
const threeFunctions: McpLambdaServerProps = {
  endpoint: McpEndpoint.restApi(),
  auth: McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: ['mcp'] }),
};
const FUNCTIONS = ['McpServer', 'McpIngest', 'McpAuthorizer'];

function functions(props: (stack: Stack) => McpLambdaServerProps) {
  const { template } = synth(stack => ({ ...threeFunctions, ...props(stack) }));
  return FUNCTIONS.map(id => one(template, 'AWS::Lambda::Function', id).Properties);
}

const layer = (stack: Stack) =>
  lambda.LayerVersion.fromLayerVersionArn(stack, 'Layer', 'arn:aws:lambda:eu-central-1:111122223333:layer:l:1');
const vpc = (stack: Stack) => new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });

describe('options that apply to every function', () => {
  const cases: [string, (stack: Stack) => McpLambdaServerProps, object][] = [
    ['architecture', () => ({ architecture: lambda.Architecture.X86_64 }), { Architectures: ['x86_64'] }],
    ['environment', () => ({ environment: { AA: '1' } }), { Environment: { Variables: { AA: '1' } } }],
    ['layers', stack => ({ layers: [layer(stack)] }), { Layers: [expect.stringContaining(':layer:l:1')] }],
    ['tracing', () => ({ tracing: lambda.Tracing.PASS_THROUGH }), { TracingConfig: { Mode: 'PassThrough' } }],
    [
      'loggingFormat',
      () => ({ loggingFormat: lambda.LoggingFormat.TEXT }),
      { LoggingConfig: expect.objectContaining({ LogFormat: 'Text' }) },
    ],
    [
      'applicationLogLevelV2 and systemLogLevelV2',
      () => ({
        applicationLogLevelV2: lambda.ApplicationLogLevel.WARN,
        systemLogLevelV2: lambda.SystemLogLevel.DEBUG,
      }),
      {
        LoggingConfig: expect.objectContaining({
          LogFormat: 'JSON',
          ApplicationLogLevel: 'WARN',
          SystemLogLevel: 'DEBUG',
        }),
      },
    ],
    [
      'runtimeManagementMode',
      () => ({ runtimeManagementMode: lambda.RuntimeManagementMode.FUNCTION_UPDATE }),
      { RuntimeManagementConfig: { UpdateRuntimeOn: 'FunctionUpdate' } },
    ],
    [
      'insightsVersion',
      () => ({ insightsVersion: lambda.LambdaInsightsVersion.fromInsightVersionArn('arn:aws:lambda:r:1:layer:i:1') }),
      { Layers: ['arn:aws:lambda:r:1:layer:i:1'] },
    ],
    [
      'adotInstrumentation',
      () => ({
        adotInstrumentation: {
          layerVersion: lambda.AdotLayerVersion.fromGenericLayerVersion(lambda.AdotLambdaLayerGenericVersion.LATEST),
          execWrapper: lambda.AdotLambdaExecWrapper.REGULAR_HANDLER,
        },
      }),
      {
        Layers: [expect.anything()],
        Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: '/opt/otel-handler' } },
      },
    ],
    [
      'paramsAndSecrets',
      () => ({
        paramsAndSecrets: lambda.ParamsAndSecretsLayerVersion.fromVersionArn('arn:aws:lambda:r:1:layer:p:1'),
      }),
      { Layers: ['arn:aws:lambda:r:1:layer:p:1'] },
    ],
    [
      'environmentEncryption',
      stack => ({ environmentEncryption: new kms.Key(stack, 'Key') }),
      { KmsKeyArn: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] } },
    ],
    [
      'vpcSubnets and securityGroups',
      stack => {
        const network = vpc(stack);
        const group = new ec2.SecurityGroup(stack, 'Group', { vpc: network });
        return { vpc: network, vpcSubnets: { subnets: [network.privateSubnets[0]!] }, securityGroups: [group] };
      },
      {
        VpcConfig: {
          SubnetIds: [{ Ref: expect.stringMatching(/^VpcPrivateSubnet1/) }],
          SecurityGroupIds: [{ 'Fn::GetAtt': [expect.stringMatching(/^Group/), 'GroupId'] }],
        },
      },
    ],
    [
      'codeSigningConfig',
      stack => ({
        codeSigningConfig: new lambda.CodeSigningConfig(stack, 'Signing', {
          signingProfiles: [
            new signer.SigningProfile(stack, 'Profile', { platform: signer.Platform.AWS_LAMBDA_SHA384_ECDSA }),
          ],
        }),
      }),
      { CodeSigningConfigArn: { 'Fn::GetAtt': [expect.stringMatching(/^Signing/), 'CodeSigningConfigArn'] } },
    ],
    [
      'vpc and ipv6AllowedForDualStack',
      stack => ({ vpc: vpc(stack), ipv6AllowedForDualStack: true }),
      { VpcConfig: expect.objectContaining({ Ipv6AllowedForDualStack: true }) },
    ],
    [
      'allowPublicSubnet',
      stack => ({ vpc: vpc(stack), vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, allowPublicSubnet: true }),
      {
        VpcConfig: expect.objectContaining({
          SubnetIds: [1, 2].map(it => ({ Ref: expect.stringMatching(`^VpcPublicSubnet${it}`) })),
        }),
      },
    ],
  ];

  it.each(cases)('%s', (_, props, expected) => {
    for (const properties of functions(props)) expect(properties).toMatchObject(expected);
  });

  it('allowAllOutbound', () => {
    const { template } = synth(stack => ({ ...threeFunctions, vpc: vpc(stack), allowAllOutbound: false }));
    const groups = Object.values(template.findResources('AWS::EC2::SecurityGroup'));
    expect(groups).toHaveLength(3);
    for (const group of groups) {
      expect(group['Properties'].SecurityGroupEgress).toEqual([
        expect.objectContaining({ CidrIp: '255.255.255.255/32' }),
      ]);
    }
  });
});

it('allowAllIpv6Outbound', () => {
  const { template } = synth(stack => ({ ...threeFunctions, vpc: vpc(stack), allowAllIpv6Outbound: true }));
  for (const group of Object.values(template.findResources('AWS::EC2::SecurityGroup'))) {
    expect(group['Properties'].SecurityGroupEgress).toContainEqual(expect.objectContaining({ CidrIpv6: '::/0' }));
  }
});

describe('options that apply to the server only', () => {
  const cases: [string, (stack: Stack) => McpLambdaServerProps, object, string][] = [
    ['memorySize', () => ({ memorySize: 512 }), { MemorySize: 512 }, 'MemorySize'],
    ['timeout', () => ({ timeout: Duration.seconds(99) }), { Timeout: 99 }, 'Timeout'],
    ['description', () => ({ description: 'Notes' }), { Description: 'Notes' }, 'Description'],
    ['functionName', () => ({ functionName: 'notes' }), { FunctionName: 'notes' }, 'FunctionName'],
    [
      'ephemeralStorageSize',
      () => ({ ephemeralStorageSize: Size.gibibytes(1) }),
      { EphemeralStorage: { Size: 1024 } },
      'EphemeralStorage',
    ],
    [
      'recursiveLoop',
      () => ({ recursiveLoop: lambda.RecursiveLoop.ALLOW }),
      { RecursiveLoop: 'Allow' },
      'RecursiveLoop',
    ],
    [
      'reservedConcurrentExecutions',
      () => ({ reservedConcurrentExecutions: 7 }),
      { ReservedConcurrentExecutions: 7 },
      'ReservedConcurrentExecutions',
    ],
    [
      'tenancyConfig',
      () => ({ tenancyConfig: lambda.TenancyConfig.PER_TENANT }),
      { TenancyConfig: { TenantIsolationMode: 'PER_TENANT' } },
      'TenancyConfig',
    ],
    [
      'logGroup',
      stack => ({ logGroup: new logs.LogGroup(stack, 'Mine') }),
      { LoggingConfig: expect.objectContaining({ LogGroup: { Ref: expect.stringMatching(/^Mine/) } }) },
      'LoggingConfig',
    ],
    [
      'filesystem',
      stack => {
        const network = vpc(stack);
        const files = new efs.FileSystem(stack, 'Files', { vpc: network });
        return {
          vpc: network,
          filesystem: lambda.FileSystem.fromEfsAccessPoint(files.addAccessPoint('Point'), '/mnt/files'),
        };
      },
      { FileSystemConfigs: [expect.objectContaining({ LocalMountPath: '/mnt/files' })] },
      'FileSystemConfigs',
    ],
  ];

  it.each(cases)('%s', (_, props, expected, property) => {
    const [server, ...others] = functions(props);
    expect(server).toMatchObject(expected);
    for (const other of others) expect(other[property]).not.toEqual(server[property]);
  });

  it('role and initialPolicy', () => {
    const { template } = synth(stack => ({
      role: new iam.Role(stack, 'Mine', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }),
      initialPolicy: [new iam.PolicyStatement({ actions: ['ses:SendEmail'], resources: ['*'] })],
    }));
    expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties.Role).toEqual({
      'Fn::GetAtt': [expect.stringMatching(/^Mine/), 'Arn'],
    });
    const actions = (statementsOf(template, 'Mine') as { Action: string | string[] }[]).flatMap(it => it.Action);
    expect(actions).toEqual(
      expect.arrayContaining(['logs:PutLogEvents', 'ses:SendEmail', 'dynamodb:ConditionCheckItem', 'sns:Publish']),
    );
    expect(JSON.stringify(statementsOf(template, 'McpIngest'))).not.toContain('ses:');
  });

  it('currentVersionOptions, with old versions retained by default', () => {
    const { template } = synth({ currentVersionOptions: { description: 'Notes 2' } });
    expect(one(template, 'AWS::Lambda::Version', 'McpServer')).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: { Description: 'Notes 2' },
    });
  });
});

it('applies the options of the authorizer to the authorizer', () => {
  const [server, ingest, authorizer] = functions(stack => ({
    authorizerOptions: {
      memorySize: 333,
      timeout: Duration.seconds(7),
      reservedConcurrentExecutions: 4,
      logGroup: new logs.LogGroup(stack, 'Mine'),
    },
  }));
  const expected = {
    MemorySize: 333,
    Timeout: 7,
    ReservedConcurrentExecutions: 4,
    LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: expect.stringMatching(/^Mine/) } },
  };
  expect(authorizer).toMatchObject(expected);
  expect([server.MemorySize, ingest.MemorySize]).toEqual([256, 256]);
  expect([server.Timeout, ingest.Timeout]).toEqual([120, 30]);
});

it('gives the authorizer its defaults', () => {
  const { template } = synth(threeFunctions);
  const authorizer = one(template, 'AWS::Lambda::Function', 'McpAuthorizer');
  expect(authorizer.id).toBe('McpAuthorizer7D1AB781');
  expect(authorizer.Properties).toMatchObject({ MemorySize: 256, Timeout: 10, Architectures: ['arm64'] });
  expect(environmentOf(template, 'McpAuthorizer')).not.toHaveProperty('SESSION_TABLE_NAME');
});

describe('options that are refused', () => {
  const queue = (stack: Stack) => new sqs.Queue(stack, 'Queue');
  const role = (stack: Stack) =>
    new iam.Role(stack, 'Mine', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  const unqualified = /applies to asynchronous invocations of the unqualified function, .*configureAsyncInvoke/;
  const logGroup = /is deprecated by the CDK, got: .*; use 'logGroup', and 'ingestOptions.logGroup'/;
  const osOnly = /is not available for OS-only runtimes/;
  const needsVpc = /needs 'vpc', got: .*; give 'vpc' as well, or leave it out$/;
  const cases: [string, (stack: Stack) => McpLambdaServerProps, RegExp][] = [
    ['events', stack => ({ events: [new SqsEventSource(queue(stack))] }), /events that it does not read.*eventRule/],
    ['deadLetterQueue', stack => ({ deadLetterQueue: queue(stack) }), unqualified],
    ['deadLetterQueueEnabled', () => ({ deadLetterQueueEnabled: true }), unqualified],
    ['deadLetterTopic', stack => ({ deadLetterTopic: new sns.Topic(stack, 'Topic') }), unqualified],
    ['onFailure', stack => ({ onFailure: new SqsDestination(queue(stack)) }), unqualified],
    ['onSuccess', stack => ({ onSuccess: new SqsDestination(queue(stack)) }), unqualified],
    ['maxEventAge', () => ({ maxEventAge: Duration.hours(1) }), unqualified],
    ['retryAttempts', () => ({ retryAttempts: 0 }), unqualified],
    ['logRetention', () => ({ logRetention: logs.RetentionDays.ONE_DAY }), logGroup],
    ['logRetentionRetryOptions', () => ({ logRetentionRetryOptions: { maxRetries: 1 } }), logGroup],
    ['logRemovalPolicy', () => ({ logRemovalPolicy: RemovalPolicy.RETAIN }), logGroup],
    ['logRetentionRole', stack => ({ logRetentionRole: role(stack) }), logGroup],
    ['logFormat', () => ({ logFormat: 'JSON' }), /deprecated.*use 'loggingFormat'$/],
    ['applicationLogLevel', () => ({ applicationLogLevel: 'INFO' }), /deprecated.*use 'applicationLogLevelV2'$/],
    ['systemLogLevel', () => ({ systemLogLevel: 'INFO' }), /deprecated.*use 'systemLogLevelV2'$/],
    ['profiling', () => ({ profiling: true }), osOnly],
    ['profilingGroup', stack => ({ profilingGroup: new codeguruprofiler.ProfilingGroup(stack, 'Profiling') }), osOnly],
    [
      'snapStart',
      () => ({ snapStart: lambda.SnapStartConf.ON_PUBLISHED_VERSIONS }),
      /OS-only runtimes, .*use 'provisionedConcurrentExecutions'$/,
    ],
    [
      'durableConfig',
      () => ({ durableConfig: { executionTimeout: Duration.hours(1) } }),
      /needs a program written with a durable execution SDK/,
    ],
    ['vpcSubnets', () => ({ vpcSubnets: { onePerAz: true } }), needsVpc],
    ['securityGroups', () => ({ securityGroups: [] }), needsVpc],
    ['allowAllOutbound', () => ({ allowAllOutbound: true }), needsVpc],
    ['allowAllIpv6Outbound', () => ({ allowAllIpv6Outbound: true }), needsVpc],
    ['allowPublicSubnet', () => ({ allowPublicSubnet: true }), needsVpc],
    ['ipv6AllowedForDualStack', () => ({ ipv6AllowedForDualStack: true }), needsVpc],
    [
      'filesystem',
      stack => {
        const files = new efs.FileSystem(stack, 'Files', { vpc: vpc(stack) });
        return { filesystem: lambda.FileSystem.fromEfsAccessPoint(files.addAccessPoint('Point'), '/mnt/files') };
      },
      needsVpc,
    ],
    [
      'allowAllOutbound',
      stack => {
        const network = vpc(stack);
        const securityGroups = [new ec2.SecurityGroup(stack, 'Group', { vpc: network })];
        return { vpc: network, securityGroups, allowAllOutbound: false };
      },
      /does not apply to existing 'securityGroups', got: false; set it where the groups are defined$/,
    ],
    [
      'applicationLogLevelV2',
      () => ({ loggingFormat: lambda.LoggingFormat.TEXT, applicationLogLevelV2: lambda.ApplicationLogLevel.INFO }),
      /needs logs in JSON, and 'loggingFormat' is Text, got: INFO; leave one of them out$/,
    ],
    [
      'currentVersionOptions.provisionedConcurrentExecutions',
      () => ({ currentVersionOptions: { provisionedConcurrentExecutions: 1 } }),
      /would keep old versions initialized as well, got: 1; use 'provisionedConcurrentExecutions'/,
    ],
    [
      'currentVersionOptions',
      stack => {
        const network = vpc(stack);
        const securityGroups = [new ec2.SecurityGroup(stack, 'Group', { vpc: network })];
        return { managedInstances: { vpc: network, securityGroups }, currentVersionOptions: {} };
      },
      /cannot be used with 'managedInstances'/,
    ],
    ['ingestOptions.memorySize', () => ({ ingestOptions: { memorySize: 64 } }), /from 128 to 10240, got: 64/],
    ['ingestOptions.timeout', () => ({ ingestOptions: { timeout: Duration.hours(1) } }), /from 1 to 900, got: 3600/],
    [
      'authorizerOptions.reservedConcurrentExecutions',
      () => ({ authorizerOptions: { reservedConcurrentExecutions: 0 } }),
      /from 1 to 1000000, got: 0/,
    ],
  ];

  it.each(cases)('%s', (name, props, rule) => {
    const message = failureOf(() => construct(props));
    expect(message).toMatch(rule);
    expect(message.startsWith(`'${name}' `)).toBe(true);
  });

  const ofOwnFunction: [string, McpLambdaServerProps][] = [
    ['timeout', { timeout: Duration.seconds(5) }],
    ['architecture', { architecture: lambda.Architecture.X86_64 }],
    ['reservedConcurrentExecutions', { reservedConcurrentExecutions: 5 }],
    ['tracing', { tracing: lambda.Tracing.DISABLED }],
    ['layers', { layers: [] }],
    ['ingestOptions', { ingestOptions: {} }],
    ['authorizerOptions', { authorizerOptions: {} }],
  ];

  it.each(ofOwnFunction)('%s, beside an existing function', (name, props) => {
    const existing = (stack: Stack) =>
      new lambda.Function(stack, 'Own', { code: program(), handler: 'x', runtime: lambda.Runtime.PROVIDED_AL2023 });
    expect(failureOf(() => construct(stack => ({ function: existing(stack), ...props })))).toMatch(
      new RegExp(`^'${name}' does not apply where 'function' is given`),
    );
  });
});

it('has a test in this file for every option', () => {
  const source = readFileSync(import.meta.filename, 'utf8');
  const titles = [...source.matchAll(/(?:it\(|\[)\s*'([\w ,.]+)'/g)].flatMap(([, title]) => title!.split(/ and |, /));
  expect(Object.keys(FUNCTION_OPTIONS).filter(name => !titles.includes(name))).toEqual([]);
});
