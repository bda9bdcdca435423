// Where the program comes from, and what its functions can be given.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { McpEndpoint } from '../../infra/index.ts';
import { environmentOf, one, program, root, statementsOf, synth, type Synthesised } from './synth.ts';

const network = (stack: Stack) => {
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  return { vpc, group: new ec2.SecurityGroup(stack, 'Group', { vpc }) };
};

describe('the program', () => {
  it('is the reference server unless another is named', () => {
    const { template } = synth({}, { noProgram: true });
    expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({
      Handler: 'bootstrap',
      Runtime: 'provided.al2023',
      Architectures: ['arm64'],
    });
  });

  it('is built from a manifest, for both functions at once', () => {
    const manifestPath = join(root, 'runtime', 'reference', 'Cargo.toml');
    const { template } = synth({ manifestPath, binaryName: 'mcp-lambda-reference', cargoLambdaFlags: ['--locked'] });
    const code = (role: string) => one(template, 'AWS::Lambda::Function', role).Properties.Code;
    expect(code('McpServer')).toEqual(code('McpIngest'));
  });

  it('can be a function of the user, which then takes events as well and keeps its own settings', () => {
    const { template, server } = synth(stack => ({
      function: new lambda.Function(stack, 'Own', {
        code: program(),
        handler: 'x',
        runtime: lambda.Runtime.PROVIDED_AL2023,
        memorySize: 777,
      }),
      environment: { MINE: '1' },
    }));
    const { id, Properties } = one(template, 'AWS::Lambda::Function', 'Own');
    expect(Properties.MemorySize).toBe(777);
    expect(Object.keys(Properties.Environment.Variables).sort()).toEqual([
      'EVENT_TABLE_NAME',
      'MCP_AUTH',
      'MCP_EVENTS',
      'MCP_RESPONSE_MODE',
      'MCP_STATE_KEYS',
      'MINE',
      'SESSION_TABLE_NAME',
      'SNS_TOPIC_ARN',
    ]);
    template.resourceCountIs('AWS::Lambda::Function', 1);
    expect(server.ingestFunction).toBe(server.function);
    template.hasResourceProperties('AWS::Lambda::Alias', { FunctionName: { Ref: id } });
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Endpoint: { Ref: Match.stringLikeRegexp('^McpAlias') },
    });
    expect(JSON.stringify(statementsOf(template, 'Own'))).toContain('dynamodb:ConditionCheckItem');
  });
});

describe('the functions', () => {
  let made: Synthesised;
  beforeAll(() => {
    made = synth(stack => ({
      architecture: lambda.Architecture.X86_64,
      memorySize: 512,
      timeout: Duration.minutes(5),
      environment: { RUST_LOG: 'debug' },
      environmentEncryptionKey: new kms.Key(stack, 'Key'),
      layers: [
        lambda.LayerVersion.fromLayerVersionArn(stack, 'Layer', 'arn:aws:lambda:eu-central-1:111122223333:layer:l:1'),
      ],
      logRetention: logs.RetentionDays.ONE_YEAR,
      logRemovalPolicy: RemovalPolicy.RETAIN,
      logEncryptionKey: new kms.Key(stack, 'LogKey'),
      tracing: lambda.Tracing.DISABLED,
      reservedConcurrency: 50,
      provisionedConcurrency: 2,
      maxProvisionedConcurrency: 10,
      events: { ingestReservedConcurrency: 5, ingestTimeout: Duration.seconds(10) },
      secrets: { API_TOKEN: new secretsmanager.Secret(stack, 'Token') },
      tags: { team: 'notes' },
    }));
  });

  it('take what they are given', () => {
    const server = one(made.template, 'AWS::Lambda::Function', 'McpServer').Properties;
    expect(server).toMatchObject({
      Architectures: ['x86_64'],
      MemorySize: 512,
      Timeout: 300,
      ReservedConcurrentExecutions: 50,
      KmsKeyArn: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
      Layers: ['arn:aws:lambda:eu-central-1:111122223333:layer:l:1'],
    });
    expect(server).not.toHaveProperty('TracingConfig');
    const ingest = one(made.template, 'AWS::Lambda::Function', 'McpIngest').Properties;
    expect(ingest).toMatchObject({
      Architectures: ['x86_64'],
      MemorySize: 256,
      Timeout: 10,
      ReservedConcurrentExecutions: 5,
    });
  });

  it('give variables to every role, and secrets only to the server', () => {
    expect(environmentOf(made.template)).toMatchObject({
      RUST_LOG: 'debug',
      API_TOKEN: { Ref: expect.stringMatching(/^Token/) },
    });
    expect(environmentOf(made.template, 'McpIngest')).toMatchObject({ RUST_LOG: 'debug' });
    expect(environmentOf(made.template, 'McpIngest')).not.toHaveProperty('API_TOKEN');
    expect(statementsOf(made.template)).toContainEqual({
      Effect: 'Allow',
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      Resource: { Ref: expect.stringMatching(/^Token/) },
    });
    expect(JSON.stringify(statementsOf(made.template, 'McpIngest'))).not.toContain('secretsmanager');
  });

  it('keep their logs as asked', () => {
    made.template.allResources('AWS::Logs::LogGroup', {
      DeletionPolicy: 'Retain',
      Properties: { RetentionInDays: 365, KmsKeyId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^LogKey'), 'Arn'] } },
    });
  });

  it('stay warm on the alias, and scale', () => {
    const alias = one(made.template, 'AWS::Lambda::Alias', 'McpServer').Properties;
    expect(alias.ProvisionedConcurrencyConfig).toEqual({ ProvisionedConcurrentExecutions: 2 });
    made.template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 10,
    });
    made.template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: { TargetValue: 0.7 },
    });
  });

  it('are tagged, as is everything else', () => {
    for (const type of ['AWS::Lambda::Function', 'AWS::SNS::Topic', 'AWS::SQS::Queue', 'AWS::Logs::LogGroup']) {
      made.template.allResourcesProperties(type, { Tags: Match.arrayWith([{ Key: 'team', Value: 'notes' }]) });
    }
  });
});

describe('a network', () => {
  let made: Synthesised;
  beforeAll(() => {
    made = synth(stack => {
      const { vpc, group } = network(stack);
      return {
        vpc,
        vpcSubnets: { subnets: vpc.privateSubnets.slice(0, 1) },
        securityGroups: [group],
        endpoint: McpEndpoint.restApi(),
      };
    });
  });

  it('holds every role, in the subnets and security groups asked for', () => {
    made.template.allResourcesProperties('AWS::Lambda::Function', {
      VpcConfig: {
        SubnetIds: [{ Ref: Match.stringLikeRegexp('^VpcPrivateSubnet1') }],
        SecurityGroupIds: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^Group'), 'GroupId'] }],
      },
    });
  });

  it('comes with the permission to have network interfaces', () => {
    for (const role of ['McpServer', 'McpIngest']) {
      expect(statementsOf(made.template, role)).toContainEqual({
        Effect: 'Allow',
        Action: [
          'ec2:AssignPrivateIpAddresses',
          'ec2:CreateNetworkInterface',
          'ec2:DeleteNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:UnassignPrivateIpAddresses',
        ],
        Resource: '*',
      });
    }
  });
});

describe('managed instances', () => {
  let made: Synthesised;
  beforeAll(() => {
    made = synth(stack => {
      const { vpc, group } = network(stack);
      return {
        managedInstances: {
          vpc,
          securityGroups: [group],
          maxConcurrency: 200,
          maxVcpuCount: 24,
          minEnvironments: 4,
          maxEnvironments: 9,
        },
      };
    });
  });

  it('run the server, many requests at once, with the memory they need', () => {
    expect(one(made.template, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({
      MemorySize: 2048,
      CapacityProviderConfig: {
        LambdaManagedInstancesCapacityProviderConfig: { PerExecutionEnvironmentMaxConcurrency: 200 },
      },
    });
    made.template.hasResourceProperties('AWS::Lambda::CapacityProvider', {
      CapacityProviderScalingConfig: { MaxVCpuCount: 24, ScalingMode: 'Auto' },
      InstanceRequirements: { Architectures: ['arm64'] },
    });
  });

  it('leave the ingest function where it costs nothing while nothing happens', () => {
    expect(one(made.template, 'AWS::Lambda::Function', 'McpIngest').Properties).not.toHaveProperty(
      'CapacityProviderConfig',
    );
  });

  it('do not keep versions that would go on running', () => {
    const version = one(made.template, 'AWS::Lambda::Version', 'McpServer');
    expect(version).toMatchObject({
      DeletionPolicy: 'Delete',
      Properties: { FunctionScalingConfig: { MinExecutionEnvironments: 4, MaxExecutionEnvironments: 9 } },
    });
  });
});

it('isolates tenants behind an API, and only on the server', () => {
  const { template } = synth({ tenantIsolation: true, endpoint: McpEndpoint.restApi() });
  expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties.TenancyConfig).toEqual({
    TenantIsolationMode: 'PER_TENANT',
  });
  expect(one(template, 'AWS::Lambda::Function', 'McpIngest').Properties).not.toHaveProperty('TenancyConfig');
});

it('names no program or path of the machine it was synthesised on', () => {
  const { template } = synth({}, { noProgram: true });
  expect(JSON.stringify(template.toJSON())).not.toContain(root);
  expect(readFileSync(join(root, 'infra', 'package.json'), 'utf8')).not.toContain(root);
});
