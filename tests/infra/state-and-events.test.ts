// Tables, topics, alarms, grants and metrics with properties other than the defaults.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { environmentOf, one, statementsOf, synth, type Synthesised } from './synth.ts';

describe('new tables', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = synth(
      stack => ({
        state: {
          encryptionKey: new kms.Key(stack, 'Key'),
          removalPolicy: RemovalPolicy.DESTROY,
          pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: false },
          deletionProtection: true,
          maxReadRequestUnits: 100,
          maxWriteRequestUnits: 50,
        },
      }),
      { env: { account: '111122223333', region: 'eu-central-1' } },
    );
  });

  it('have the limits, key, protection and removal policy that are given', () => {
    const state = one(synthesised.template, 'AWS::DynamoDB::GlobalTable', 'McpStateTable');
    expect(state.DeletionPolicy).toBe('Delete');
    expect(state.Properties).toMatchObject({
      WriteOnDemandThroughputSettings: { MaxWriteRequestUnits: 50 },
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
    });
    expect(state.Properties.Replicas[0]).toMatchObject({
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
      ReadOnDemandThroughputSettings: { MaxReadRequestUnits: 100 },
    });
  });

  it('let the functions use their key', () => {
    for (const id of ['McpServer', 'McpIngest']) {
      expect(statementsOf(synthesised.template, id)).toContainEqual({
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'],
        Resource: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
      });
    }
  });
});

it('uses existing tables', () => {
  const { template } = synth(stack => ({
    state: {
      stateTable: dynamodb.TableV2.fromTableName(stack, 'S', 'state'),
      eventTable: dynamodb.TableV2.fromTableName(stack, 'E', 'events'),
    },
  }));
  template.resourceCountIs('AWS::DynamoDB::GlobalTable', 0);
  expect(environmentOf(template)).toMatchObject({ SESSION_TABLE_NAME: 'state', EVENT_TABLE_NAME: 'events' });
  expect(JSON.stringify(statementsOf(template))).toContain(':table/state"');
});

it('uses an existing topic, and an existing secret with keys for requestState', () => {
  const { template } = synth(stack => ({
    mcpEvents: { topic: sns.Topic.fromTopicArn(stack, 'T', 'arn:aws:sns:eu-central-1:111122223333:mine') },
    stateKeys: secretsmanager.Secret.fromSecretNameV2(stack, 'Keys', 'mcp-keys'),
  }));
  expect(environmentOf(template)['SNS_TOPIC_ARN']).toBe('arn:aws:sns:eu-central-1:111122223333:mine');
  template.hasResourceProperties('AWS::SNS::Subscription', { TopicArn: 'arn:aws:sns:eu-central-1:111122223333:mine' });
  expect(JSON.stringify(environmentOf(template)['MCP_STATE_KEYS'])).toMatch(/\{\{resolve:secretsmanager:.*mcp-keys/);
  template.resourceCountIs('AWS::SecretsManager::Secret', 0);
});

describe('an encrypted topic', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = synth(
      stack => ({ mcpEvents: { encryptionKey: new kms.Key(stack, 'Key'), allowEventBridge: true } }),
      {
        also: (server, stack) =>
          server.grants.publish(new iam.Role(stack, 'Publisher', { assumedBy: new iam.AccountRootPrincipal() })),
      },
    );
  });

  it('lets alarms of this account, and EventBridge if it may publish, use the key', () => {
    const statements = one(synthesised.template, 'AWS::KMS::Key').Properties.KeyPolicy.Statement;
    const use = { Action: ['kms:Decrypt', 'kms:GenerateDataKey*'], Effect: 'Allow', Resource: '*' };
    expect(statements).toContainEqual({
      ...use,
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    });
    // No condition: SNS and KMS drop what EventBridge sends under one.
    expect(statements).toContainEqual({ ...use, Principal: { Service: 'events.amazonaws.com' } });
  });

  it('lets publishers use the key', () => {
    for (const id of ['McpServer', 'Publisher']) {
      const statements = statementsOf(synthesised.template, id);
      expect(statements).toContainEqual(
        expect.objectContaining({ Action: 'sns:Publish', Resource: { Ref: 'McpEventsTopic2CC578E0' } }),
      );
      expect(statements).toContainEqual(expect.objectContaining({ Action: ['kms:Decrypt', 'kms:GenerateDataKey*'] }));
    }
  });
});

it('does not let alarms publish if they may not', () => {
  const { template } = synth({ mcpEvents: { allowAlarms: false } });
  const services = one(template, 'AWS::SNS::TopicPolicy', 'McpEventsTopic').Properties.PolicyDocument.Statement.map(
    (it: { Principal: unknown }) => it.Principal,
  );
  expect(services).toEqual(['*']);
});

it('sets the options of the event log in the environment of both functions', () => {
  const { template } = synth({ mcpEvents: { ttl: Duration.hours(3), fanoutReplicas: 4 } });
  for (const id of ['McpServer', 'McpIngest']) {
    expect(environmentOf(template, id)).toMatchObject({
      EVENT_TTL_MINUTES: '180',
      EVENT_FANOUT_REPLICAS: '4',
      MCP_EVENTS: 'on',
    });
  }
});

it('sends events of EventBridge to the ingest function, with a dead-letter queue', () => {
  const { template } = synth(
    {},
    {
      also: server =>
        server.eventRule('Instances', { source: ['aws.ec2'], detailType: ['EC2 Instance State-change Notification'] }),
    },
  );
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: { source: ['aws.ec2'], 'detail-type': ['EC2 Instance State-change Notification'] },
    Targets: [
      Match.objectLike({
        Arn: { Ref: Match.stringLikeRegexp('^McpIngestAlias') },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['McpDeliveryFailures32EA169F', 'Arn'] } },
      }),
    ],
  });
});

it('grants reading state by key', () => {
  const { template } = synth(
    {},
    {
      also: (server, stack) =>
        server.grants.readState(new iam.Role(stack, 'Reader', { assumedBy: new iam.AccountRootPrincipal() })),
    },
  );
  const read = { Effect: 'Allow', Action: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'] };
  expect(statementsOf(template, 'Reader')).toEqual([
    { ...read, Resource: { 'Fn::GetAtt': ['McpStateTable8008F8CD', 'Arn'] } },
    { ...read, Resource: { 'Fn::GetAtt': ['McpEventTableAD501C78', 'Arn'] } },
  ]);
});
