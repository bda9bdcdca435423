// Tables, topics, alarms, grants and metrics with properties other than the defaults.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { McpLargeResults, McpMonitoringLevel, McpTasks, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { environmentOf, failureOf, namesOf, one, statementsOf, synth, type Synthesised } from './synth.ts';

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
        Condition: { StringEquals: { 'kms:ViaService': 'dynamodb.eu-central-1.amazonaws.com' } },
      });
    }
  });
});

describe('a key of the tables', () => {
  it('is used in a stack whose region is not known, too', () => {
    const { template, server } = synth(stack => ({ state: { encryptionKey: new kms.Key(stack, 'Key') } }));
    const key = { 'Fn::GetAtt': [one(template, 'AWS::KMS::Key').id, 'Arn'] };
    for (const id of ['McpStateTable8008F8CD', 'McpEventTableAD501C78']) {
      const { SSESpecification, Replicas } = one(template, 'AWS::DynamoDB::GlobalTable', id).Properties;
      expect(SSESpecification).toEqual({ SSEEnabled: true, SSEType: 'KMS' });
      expect(Replicas).toMatchObject([{ Region: { Ref: 'AWS::Region' }, SSESpecification: { KMSMasterKeyId: key } }]);
    }
    expect(server.stateTable.encryptionKey).toBeDefined();
  });
});

describe('names', () => {
  it('are those that are given', () => {
    const { template } = synth({
      functionName: 'notes',
      ingestOptions: { functionName: 'notes-ingest' },
      state: { stateTableName: 'notes-state', eventTableName: 'notes-events' },
      mcpEvents: { topicName: 'notes' },
    });
    const names = (type: string, key: string) =>
      Object.values(template.findResources(type)).map(it => it['Properties'][key]);
    expect(names('AWS::DynamoDB::GlobalTable', 'TableName')).toEqual(['notes-state', 'notes-events']);
    expect(names('AWS::SNS::Topic', 'TopicName')).toContain('notes');
    expect(names('AWS::Lambda::Function', 'FunctionName')).toEqual(['notes', 'notes-ingest']);
  });
});

it('takes a state table up again that an earlier stack has left', () => {
  const { template } = synth(stack => ({ state: { stateTable: dynamodb.TableV2.fromTableName(stack, 'S', 'state') } }));
  expect(Object.keys(template.findResources('AWS::DynamoDB::GlobalTable'))).toEqual(['McpEventTableAD501C78']);
  expect(environmentOf(template)).toMatchObject({
    SESSION_TABLE_NAME: 'state',
    EVENT_TABLE_NAME: { Ref: 'McpEventTableAD501C78' },
  });
});

describe('a server without events', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = synth({ mcpEvents: { enabled: false } });
  });

  it('has no topic, no ingest function, no queue, and no alarm of them', () => {
    const { template, server } = synthesised;
    for (const type of ['AWS::SQS::Queue', 'AWS::SNS::Subscription', 'AWS::Lambda::EventInvokeConfig']) {
      template.resourceCountIs(type, 0);
    }
    expect(Object.keys(template.findResources('AWS::SNS::Topic'))).toEqual(['McpMonitoringAlarmTopic4C0BC84D']);
    expect(Object.keys(template.findResources('AWS::Lambda::Function'))).toEqual(['McpServer6A6A2BCF']);
    expect(namesOf(synthesised)).toEqual(['ServerErrorRate', 'EndpointErrorRate', 'ServerThrottles']);
    const { eventsTopic, ingestFunction, ingestAlias, deliveryFailures, ingestFailures } = server;
    expect([eventsTopic, ingestFunction, ingestAlias, deliveryFailures, ingestFailures].filter(it => it)).toEqual([]);
  });

  it('is less than half of the resources, and its other ones have the same ids', () => {
    const ids = (it: Synthesised) => Object.keys(it.template.toJSON().Resources);
    const [without, all] = [ids(synthesised), ids(synth())];
    expect(without.filter(id => !all.includes(id) && !/Version/.test(id))).toEqual([]);
    expect([without.length, all.length]).toEqual([19, 36]);
  });

  it('tells the program so, and may not publish', () => {
    expect(environmentOf(synthesised.template)).toMatchObject({ MCP_EVENTS: 'off' });
    expect(environmentOf(synthesised.template)).not.toHaveProperty('SNS_TOPIC_ARN');
    expect(JSON.stringify(statementsOf(synthesised.template))).not.toContain('sns:');
  });

  it('has all other alarms, a dashboard, and tasks', () => {
    const names = namesOf(
      synth({
        mcpEvents: { enabled: false },
        tasks: McpTasks.queue(),
        monitoring: { level: McpMonitoringLevel.FULL },
      }),
    );
    expect(names).toEqual(expect.arrayContaining(['EventTableThrottles', 'TasksWaiting', 'AnyAlarm']));
    expect(names.filter(it => /^(Ingest|Topic|Delivery)/.test(it))).toEqual([]);
  });

  it('refuses what needs events', () => {
    const { server, stack } = synthesised;
    const publisher = new iam.Role(stack, 'Late', { assumedBy: new iam.AccountRootPrincipal() });
    const wayOut = "and 'mcpEvents.enabled' is false, got: undefined; leave out 'mcpEvents.enabled'";
    expect(failureOf(() => server.grants.publish(publisher))).toBe(
      `'mcpEvents' is needed for grants.publish(), ${wayOut}`,
    );
    expect(failureOf(() => server.eventRule('Rule', { source: ['aws.ec2'] }))).toBe(
      `'mcpEvents' is needed for eventRule(), ${wayOut}`,
    );
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
  expect(JSON.stringify(environmentOf(template)['MCP_STATE_KEYS_SECRET'])).toContain(':secret:mcp-keys');
  template.resourceCountIs('AWS::SecretsManager::Secret', 0);
  const reading = ofSecrets(statementsOf(template));
  expect(reading).toMatchObject([{ Action: 'secretsmanager:GetSecretValue' }]);
  expect(JSON.stringify(reading[0]!.Resource)).toContain(':secret:mcp-keys-??????');
});

/** The statements about secrets. */
function ofSecrets(statements: unknown[]): { Action: unknown; Resource: unknown }[] {
  return (statements as { Action: unknown; Resource: unknown }[]).filter(it => JSON.stringify(it.Action).includes('secretsmanager:'));
}

describe('the secret with the key of requestState', () => {
  it('is in no configuration: the server reads it, and no other function may', () => {
    const { template, server } = synth();
    const { id } = one(template, 'AWS::SecretsManager::Secret');
    expect(environmentOf(template)['MCP_STATE_KEYS_SECRET']).toEqual({ 'Fn::GetAtt': [id, 'Id'] });
    expect(JSON.stringify(template.toJSON())).not.toContain('{{resolve:secretsmanager');
    expect(ofSecrets(statementsOf(template))).toEqual([
      { Action: 'secretsmanager:GetSecretValue', Effect: 'Allow', Resource: { Ref: id } },
    ]);
    expect(ofSecrets(statementsOf(template, 'McpIngest'))).toEqual([]);
    expect(server.stateKeys.secretArn).toBeDefined();
    template.resourceCountIs('AWS::SecretsManager::RotationSchedule', 0);
  });

  it('is rotated by a function of its own, which Secrets Manager alone invokes', () => {
    const { template } = synth({ stateKeyRotation: Duration.days(30) });
    const { id } = one(template, 'AWS::SecretsManager::Secret');
    template.hasResourceProperties('AWS::SecretsManager::RotationSchedule', {
      SecretId: { Ref: id },
      RotateImmediatelyOnUpdate: false,
      RotationRules: { ScheduleExpression: 'rate(30 days)' },
    });
    template.hasResourceProperties('AWS::Lambda::Permission', { Principal: 'secretsmanager.amazonaws.com' });
    const rotating = ofSecrets(statementsOf(template, 'McpStateKeyRotateKey'));
    expect(rotating.map(it => it.Resource)).toEqual([{ Ref: id }, '*']);
    expect(rotating[1]!.Action).toBe('secretsmanager:GetRandomPassword');
  });

  it('has a rotation that Secrets Manager takes, and none where the secret is given', () => {
    const failure = (props: McpLambdaServerProps) => failureOf(() => synth(props));
    expect(failure({ stateKeyRotation: Duration.hours(1) })).toContain("'stateKeyRotation' must be from 4 hours to 999 days");
    const given = failureOf(() =>
      synth(stack => ({
        stateKeys: secretsmanager.Secret.fromSecretNameV2(stack, 'Keys', 'mcp-keys'),
        stateKeyRotation: Duration.days(30),
      })),
    );
    expect(given).toContain("'stateKeyRotation' does not apply to a secret in 'stateKeys'");
  });
});

describe('an encrypted topic', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = synth(
      stack => ({
        mcpEvents: { encryptionKey: new kms.Key(stack, 'Key'), allowAlarms: true, allowEventBridge: true },
      }),
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
      Condition: {
        StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
        ArnLike: { 'aws:SourceArn': expect.anything() },
      },
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

it('lets alarms publish only if they may', () => {
  const services = (allowAlarms?: boolean) =>
    one(
      synth({ mcpEvents: { ...(allowAlarms !== undefined && { allowAlarms }) } }).template,
      'AWS::SNS::TopicPolicy',
      'McpEventsTopic',
    ).Properties.PolicyDocument.Statement.map((it: { Principal: unknown }) => it.Principal);
  expect([services(), services(false)]).toEqual([['*'], ['*']]);
  expect(services(true)).toEqual(['*', { Service: 'cloudwatch.amazonaws.com' }]);
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

describe('large results', () => {
  it('have no bucket unless it is asked for', () => {
    const { template } = synth();
    template.resourceCountIs('AWS::S3::Bucket', 0);
    expect(Object.keys(environmentOf(template)).join()).not.toContain('LARGE_RESULTS');
  });

  it('go to a private bucket, where objects live for a day, and the server may write and read below the prefix', () => {
    const { template, server } = synth({ largeResults: McpLargeResults.s3({ maxBytes: 1_000_000, linkLifetime: Duration.minutes(10) }) });
    const { id, Properties } = one(template, 'AWS::S3::Bucket');
    expect(Properties).toMatchObject({
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
      LifecycleConfiguration: { Rules: [{ ExpirationInDays: 1, Prefix: 'mcp-results/', Status: 'Enabled' }] },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
    });
    expect(JSON.stringify(one(template, 'AWS::S3::BucketPolicy').Properties)).toContain('"aws:SecureTransport":"false"');
    expect(environmentOf(template)).toMatchObject({
      MCP_LARGE_RESULTS_BUCKET: { Ref: id },
      MCP_LARGE_RESULTS_PREFIX: 'mcp-results/',
      MCP_LARGE_RESULTS_BYTES: '1000000',
      MCP_LARGE_RESULTS_LINK_SECONDS: '600',
    });
    const statements = statementsOf(template).filter(it => JSON.stringify(it).includes('s3:'));
    expect(statements).toEqual([
      {
        Action: ['s3:GetObject', 's3:PutObject'],
        Effect: 'Allow',
        Resource: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [id, 'Arn'] }, '/mcp-results/*']] },
      },
    ]);
    expect(JSON.stringify(statementsOf(template, 'McpIngest'))).not.toContain('s3:');
    expect(server.largeResultsBucket).toBeDefined();
  });

  it('refuse what S3 does not take', () => {
    const failure = (options: Parameters<typeof McpLargeResults.s3>[0]) =>
      failureOf(() => synth({ largeResults: McpLargeResults.s3(options) }));
    expect(failure({ maxBytes: 10 })).toContain('largeResults.maxBytes');
    expect(failure({ prefix: '/a' })).toContain("'largeResults.prefix' must be names");
    expect(failure({ linkLifetime: Duration.days(8) })).toContain("'largeResults.linkLifetime' must be from a minute to 7 days");
    expect(failure({ expiration: Duration.hours(30) })).toContain("'largeResults.expiration' must be whole days");
  });
});
