// The program, and the options of its functions.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { McpEndpoint } from '../../infra/lib/index.ts';
import { environmentOf, one, program, root, statementsOf, synth, type Synthesised } from './synth.ts';

const network = (stack: Stack) => {
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  return { vpc, group: new ec2.SecurityGroup(stack, 'Group', { vpc }) };
};

describe('the program', () => {
  it('is the reference server by default', () => {
    const { template } = synth({}, { noProgram: true });
    expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({
      Handler: 'bootstrap',
      Runtime: 'provided.al2023',
      Architectures: ['arm64'],
    });
  });

  it('is built from a manifest, once for both functions', () => {
    const manifestPath = join(root, 'runtime', 'reference', 'Cargo.toml');
    const { template } = synth({ manifestPath, binaryName: 'mcp-lambda-reference', cargoLambdaFlags: ['--locked'] });
    const code = (id: string) => one(template, 'AWS::Lambda::Function', id).Properties.Code;
    expect(code('McpServer')).toEqual(code('McpIngest'));
  });

  it('can be an existing function, which then writes events as well and keeps its own settings', () => {
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
      'MCP_STATE_KEYS_SECRET',
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
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = synth(stack => ({
      architecture: lambda.Architecture.X86_64,
      memorySize: 512,
      timeout: Duration.minutes(5),
      environment: { RUST_LOG: 'debug' },
      environmentEncryption: new kms.Key(stack, 'Key'),
      layers: [
        lambda.LayerVersion.fromLayerVersionArn(stack, 'Layer', 'arn:aws:lambda:eu-central-1:111122223333:layer:l:1'),
      ],
      logGroup: new logs.LogGroup(stack, 'ServerLogs', { retention: logs.RetentionDays.ONE_YEAR }),
      tracing: lambda.Tracing.DISABLED,
      reservedConcurrentExecutions: 50,
      provisionedConcurrentExecutions: 2,
      maxProvisionedConcurrentExecutions: 10,
      ingestOptions: {
        reservedConcurrentExecutions: 5,
        timeout: Duration.seconds(10),
        memorySize: 128,
        logGroup: new logs.LogGroup(stack, 'IngestLogs', { retention: logs.RetentionDays.ONE_WEEK }),
      },
      secrets: { API_TOKEN: new secretsmanager.Secret(stack, 'Token') },
      tags: { team: 'notes' },
    }));
  });

  it('have the options that are given', () => {
    const server = one(synthesised.template, 'AWS::Lambda::Function', 'McpServer').Properties;
    expect(server).toMatchObject({
      Architectures: ['x86_64'],
      MemorySize: 512,
      Timeout: 300,
      ReservedConcurrentExecutions: 50,
      KmsKeyArn: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
      Layers: ['arn:aws:lambda:eu-central-1:111122223333:layer:l:1'],
    });
    expect(server).not.toHaveProperty('TracingConfig');
    const ingest = one(synthesised.template, 'AWS::Lambda::Function', 'McpIngest').Properties;
    expect(ingest).toMatchObject({
      Architectures: ['x86_64'],
      MemorySize: 128,
      Timeout: 10,
      ReservedConcurrentExecutions: 5,
    });
  });

  it('all have the environment variables; only the server has the secrets', () => {
    expect(environmentOf(synthesised.template)).toMatchObject({
      RUST_LOG: 'debug',
      API_TOKEN: { Ref: expect.stringMatching(/^Token/) },
    });
    expect(environmentOf(synthesised.template, 'McpIngest')).toMatchObject({ RUST_LOG: 'debug' });
    expect(environmentOf(synthesised.template, 'McpIngest')).not.toHaveProperty('API_TOKEN');
    expect(statementsOf(synthesised.template)).toContainEqual({
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: { Ref: expect.stringMatching(/^Token/) },
    });
    expect(JSON.stringify(statementsOf(synthesised.template, 'McpIngest'))).not.toContain('secretsmanager');
  });

  it('write to the log groups that are given, with the permission for them', () => {
    for (const [id, group] of [
      ['McpServer', 'ServerLogs'],
      ['McpIngest', 'IngestLogs'],
    ] as const) {
      const logGroup = one(synthesised.template, 'AWS::Logs::LogGroup', group).id;
      expect(one(synthesised.template, 'AWS::Lambda::Function', id).Properties.LoggingConfig.LogGroup).toEqual({
        Ref: logGroup,
      });
      expect(statementsOf(synthesised.template, id)).toContainEqual({
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: { 'Fn::GetAtt': [logGroup, 'Arn'] },
      });
    }
    synthesised.template.resourceCountIs('AWS::Logs::LogGroup', 2);
  });

  it('have provisioned concurrency on the alias, which scales', () => {
    const alias = one(synthesised.template, 'AWS::Lambda::Alias', 'McpServer').Properties;
    expect(alias.ProvisionedConcurrencyConfig).toEqual({ ProvisionedConcurrentExecutions: 2 });
    synthesised.template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 10,
    });
    synthesised.template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: { TargetValue: 0.7 },
    });
    expect(synthesised.server.scaling).toBeDefined();
    expect(synth({ provisionedConcurrentExecutions: 2 }).server.scaling).toBeUndefined();
  });

  it('are tagged, like all resources', () => {
    for (const type of ['AWS::Lambda::Function', 'AWS::SNS::Topic', 'AWS::SQS::Queue', 'AWS::IAM::Role']) {
      synthesised.template.allResourcesProperties(type, { Tags: Match.arrayWith([{ Key: 'team', Value: 'notes' }]) });
    }
  });
});

describe('a VPC', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = synth(stack => {
      const { vpc, group } = network(stack);
      return {
        vpc,
        vpcSubnets: { subnets: vpc.privateSubnets.slice(0, 1) },
        securityGroups: [group],
        endpoint: McpEndpoint.restApi(),
      };
    });
  });

  it('has every function, in the subnets and security groups that are given', () => {
    synthesised.template.allResourcesProperties('AWS::Lambda::Function', {
      VpcConfig: {
        SubnetIds: [{ Ref: Match.stringLikeRegexp('^VpcPrivateSubnet1') }],
        SecurityGroupIds: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^Group'), 'GroupId'] }],
      },
    });
  });

  it('comes with permissions for network interfaces', () => {
    for (const id of ['McpServer', 'McpIngest']) {
      expect(statementsOf(synthesised.template, id)).toContainEqual({
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

  // Calls that Lambda itself makes with the role do not have the key of the condition.
  it('denies them to the code in the functions', () => {
    for (const id of ['McpServer', 'McpIngest']) {
      expect(statementsOf(synthesised.template, id)).toContainEqual(
        expect.objectContaining({
          Effect: 'Deny',
          Action: expect.arrayContaining(['ec2:DeleteNetworkInterface']),
          Resource: '*',
          Condition: {
            ArnLike: {
              'lambda:SourceFunctionArn': {
                'Fn::Join': [
                  '',
                  [
                    'arn:',
                    { Ref: 'AWS::Partition' },
                    ':lambda:',
                    { Ref: 'AWS::Region' },
                    ':',
                    { Ref: 'AWS::AccountId' },
                    ':function:*',
                  ],
                ],
              },
            },
          },
        }),
      );
    }
  });

  it('writes no policy for a role that the app does not change', () => {
    const { template } = synth(
      stack => ({
        vpc: network(stack).vpc,
        endpoint: McpEndpoint.restApi(),
        role: iam.Role.fromRoleArn(stack, 'Given', 'arn:aws:iam::111122223333:role/mine', { mutable: false }),
      }),
      { env: { account: '111122223333', region: 'eu-central-1' } },
    );
    const roles = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(it => it['Properties'].Roles);
    expect(JSON.stringify(roles)).not.toContain('mine');
    // Nor one of a resource instead.
    expect(JSON.stringify(template.findResources('AWS::DynamoDB::GlobalTable'))).not.toContain('ResourcePolicy');
  });
});

describe('managed instances', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = synth(stack => {
      const { vpc, group } = network(stack);
      return {
        managedInstances: {
          vpc,
          securityGroups: [group],
          perExecutionEnvironmentMaxConcurrency: 200,
          maxVCpuCount: 24,
          minExecutionEnvironments: 4,
          maxExecutionEnvironments: 9,
        },
      };
    });
  });

  it('run the server, many requests at once, with the memory they need', () => {
    expect(one(synthesised.template, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({
      MemorySize: 2048,
      CapacityProviderConfig: {
        LambdaManagedInstancesCapacityProviderConfig: { PerExecutionEnvironmentMaxConcurrency: 200 },
      },
    });
    synthesised.template.hasResourceProperties('AWS::Lambda::CapacityProvider', {
      CapacityProviderScalingConfig: { MaxVCpuCount: 24, ScalingMode: 'Auto' },
      InstanceRequirements: { Architectures: ['arm64'] },
    });
  });

  it('do not run the ingest function, which scales to zero', () => {
    expect(one(synthesised.template, 'AWS::Lambda::Function', 'McpIngest').Properties).not.toHaveProperty(
      'CapacityProviderConfig',
    );
  });

  it('do not retain versions, which would keep running', () => {
    const version = one(synthesised.template, 'AWS::Lambda::Version', 'McpServer');
    expect(version).toMatchObject({
      DeletionPolicy: 'Delete',
      Properties: { FunctionScalingConfig: { MinExecutionEnvironments: 4, MaxExecutionEnvironments: 9 } },
    });
  });
});

it('isolates tenants behind an API, in the server only', () => {
  const { template } = synth({ tenancyConfig: lambda.TenancyConfig.PER_TENANT, endpoint: McpEndpoint.restApi() });
  expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties.TenancyConfig).toEqual({
    TenantIsolationMode: 'PER_TENANT',
  });
  expect(one(template, 'AWS::Lambda::Function', 'McpIngest').Properties).not.toHaveProperty('TenancyConfig');
});

it('contains no path of the machine on which it was synthesised', () => {
  const { template } = synth({}, { noProgram: true });
  expect(JSON.stringify(template.toJSON())).not.toContain(root);
  expect(readFileSync(join(root, 'infra', 'package.json'), 'utf8')).not.toContain(root);
});
