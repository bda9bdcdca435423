// What `new McpLambdaServer(stack, 'Mcp')` makes when nothing is said.
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { environmentOf, one, statementsOf, synth, type Synthesised } from './synth.ts';

let made: Synthesised;
beforeAll(() => {
  made = synth();
});

const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });

describe('names that others rely on', () => {
  it('keeps the logical ids of what holds data', () => {
    const ids = (type: string) => Object.keys(made.template.findResources(type));
    expect(ids('AWS::DynamoDB::GlobalTable')).toEqual(['McpStateTable8008F8CD', 'McpEventTableAD501C78']);
    expect(ids('AWS::SNS::Topic')).toEqual(['McpEventsTopic2CC578E0', 'McpMonitoringAlarmTopic4C0BC84D']);
    expect(ids('AWS::SecretsManager::Secret')).toEqual(['McpStateKey0937C884']);
    expect(ids('AWS::SQS::Queue')).toEqual(['McpDeliveryFailures32EA169F', 'McpIngestFailuresB3DA1852']);
    expect(ids('AWS::Lambda::Function')).toEqual(['McpServer6A6A2BCF', 'McpIngest6971C0F2']);
  });

  it('gives the outputs their names', () => {
    expect(Object.keys(made.template.toJSON().Outputs)).toEqual([
      'McpEndpoint',
      'EventsTopicArn',
      'StateTableName',
      'EventsTableName',
      'FunctionName',
      'IngestFunctionName',
      'DashboardUrl',
    ]);
    made.template.hasOutput('McpEndpoint', {
      Value: {
        'Fn::Join': [
          '',
          [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^McpServerAliasFunctionUrl'), 'FunctionUrl'] }, 'mcp'],
        ],
      },
    });
  });
});

describe('the functions', () => {
  it('run the binary on Graviton with 256 MB and two minutes', () => {
    expect(one(made.template, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({
      Architectures: ['arm64'],
      Runtime: 'provided.al2023',
      Handler: 'bootstrap',
      MemorySize: 256,
      Timeout: 120,
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: expect.stringMatching(/^McpServerLogs/) } },
    });
  });

  it('write events with the same code, in thirty seconds', () => {
    const server = one(made.template, 'AWS::Lambda::Function', 'McpServer').Properties;
    const ingest = one(made.template, 'AWS::Lambda::Function', 'McpIngest').Properties;
    expect(ingest.Code).toEqual(server.Code);
    expect(ingest).toMatchObject({ Timeout: 30, MemorySize: 256, Architectures: ['arm64'] });
  });

  it('are in no network and reserve nothing', () => {
    for (const role of ['McpServer', 'McpIngest']) {
      const properties = one(made.template, 'AWS::Lambda::Function', role).Properties;
      for (const absent of ['VpcConfig', 'ReservedConcurrentExecutions', 'KmsKeyArn', 'Layers', 'TenancyConfig']) {
        expect(properties).not.toHaveProperty(absent);
      }
    }
  });

  it('are called by an alias whose versions stay', () => {
    made.template.resourceCountIs('AWS::Lambda::Alias', 2);
    made.template.allResourcesProperties('AWS::Lambda::Alias', { Name: 'live' });
    made.template.allResources('AWS::Lambda::Version', { DeletionPolicy: 'Retain' });
    for (const alias of Object.values(made.template.findResources('AWS::Lambda::Alias'))) {
      expect(alias['Properties']).not.toHaveProperty('ProvisionedConcurrencyConfig');
    }
  });

  it('tell the server where its state is, and the ingest function no more than that', () => {
    const tables = {
      SESSION_TABLE_NAME: { Ref: 'McpStateTable8008F8CD' },
      EVENT_TABLE_NAME: { Ref: 'McpEventTableAD501C78' },
      MCP_EVENTS: 'on',
    };
    expect(environmentOf(made.template)).toEqual({
      ...tables,
      MCP_AUTH: 'front',
      MCP_RESPONSE_MODE: 'stream',
      SNS_TOPIC_ARN: { Ref: 'McpEventsTopic2CC578E0' },
      MCP_STATE_KEYS: {
        'Fn::Join': ['', ['k1:{{resolve:secretsmanager:', { Ref: 'McpStateKey0937C884' }, ':SecretString:::}}']],
      },
    });
    expect(environmentOf(made.template, 'McpIngest')).toEqual(tables);
  });

  it('share one key for requestState that is base64 of 48 bytes', () => {
    made.template.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: {
        ExcludePunctuation: true,
        ExcludeCharacters: Match.stringLikeRegexp('^[^A-Za-z0-9]{32}$'),
        IncludeSpace: false,
        PasswordLength: 64,
      },
    });
  });

  it('keep logs for a month, each function its own', () => {
    made.template.resourceCountIs('AWS::Logs::LogGroup', 2);
    made.template.allResources('AWS::Logs::LogGroup', {
      Properties: { RetentionInDays: 30 },
      DeletionPolicy: 'Delete',
    });
  });
});

describe('permissions', () => {
  const allow = (Action: string | string[], Resource: unknown) => ({ Action, Effect: 'Allow', Resource });
  const logs = (id: unknown) => allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arnOf(id as string));
  const tracing = allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], '*');

  it('let the server use its tables, its topic and its log group, and nothing else', () => {
    const [state, events] = ['McpStateTable8008F8CD', 'McpEventTableAD501C78'];
    expect(statementsOf(made.template)).toEqual([
      logs(expect.stringMatching(/^McpServerLogs/)),
      tracing,
      allow(
        [
          'BatchGetItem',
          'BatchWriteItem',
          'ConditionCheckItem',
          'DeleteItem',
          'GetItem',
          'PutItem',
          'Query',
          'UpdateItem',
        ].map(it => `dynamodb:${it}`),
        arnOf(state),
      ),
      allow(
        ['BatchGetItem', 'BatchWriteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'].map(it => `dynamodb:${it}`),
        arnOf(events),
      ),
      allow('sns:Publish', { Ref: 'McpEventsTopic2CC578E0' }),
    ]);
  });

  it('let the ingest function append to the log and give up messages, and nothing else', () => {
    expect(statementsOf(made.template, 'McpIngest')).toEqual([
      logs(expect.stringMatching(/^McpIngestLogs/)),
      tracing,
      allow(['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], arnOf('McpIngestFailuresB3DA1852')),
      allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], arnOf('McpEventTableAD501C78')),
    ]);
  });

  it('use no policy of AWS, which would be wider', () => {
    for (const role of Object.values(made.template.findResources('AWS::IAM::Role'))) {
      expect(role['Properties']).not.toHaveProperty('ManagedPolicyArns');
    }
  });

  it('let nobody invoke the URL yet', () => {
    made.template.hasResourceProperties('AWS::Lambda::Url', {
      AuthType: 'AWS_IAM',
      InvokeMode: 'RESPONSE_STREAM',
      Qualifier: 'live',
      Cors: Match.absent(),
    });
    const permissions = Object.values(made.template.findResources('AWS::Lambda::Permission'));
    expect(permissions.map(permission => permission['Properties'].Principal)).toEqual(['sns.amazonaws.com']);
  });
});

describe('the tables', () => {
  const shape = {
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
  };

  it('keep state when the stack goes, and can restore it', () => {
    const state = one(made.template, 'AWS::DynamoDB::GlobalTable', 'McpStateTable');
    expect(state).toMatchObject({ DeletionPolicy: 'Retain', Properties: shape });
    expect(state.Properties.Replicas[0]).toMatchObject({
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: false,
    });
  });

  it('let events go with the stack', () => {
    const events = one(made.template, 'AWS::DynamoDB::GlobalTable', 'McpEventTable');
    expect(events).toMatchObject({ DeletionPolicy: 'Delete', Properties: shape });
    expect(events.Properties.Replicas[0]).not.toHaveProperty('PointInTimeRecoverySpecification');
  });
});

describe('events', () => {
  it('reach the alias of the ingest function, and a queue when they cannot', () => {
    made.template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'lambda',
      TopicArn: { Ref: 'McpEventsTopic2CC578E0' },
      Endpoint: { Ref: Match.stringLikeRegexp('^McpIngestAlias') },
      RedrivePolicy: { deadLetterTargetArn: arnOf('McpDeliveryFailures32EA169F') },
    });
  });

  it('that Lambda gives up are in the other queue', () => {
    made.template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: Match.stringLikeRegexp('^McpIngest') },
      Qualifier: { 'Fn::Select': [7, { 'Fn::Split': [':', { Ref: Match.stringLikeRegexp('^McpIngestAlias') }] }] },
      MaximumEventAgeInSeconds: 21_600,
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: arnOf('McpIngestFailuresB3DA1852') } },
    });
    made.template.allResourcesProperties('AWS::SQS::Queue', {
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
    });
  });

  it('are published over TLS, by this account and its alarms', () => {
    const policy = one(made.template, 'AWS::SNS::TopicPolicy', 'McpEventsTopic').Properties.PolicyDocument.Statement;
    expect(policy).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      }),
    ]);
  });
});
