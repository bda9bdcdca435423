// What `new McpLambdaServer(stack, 'Mcp')` creates without properties.
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { environmentOf, one, statementsOf, synth, type Synthesised } from './synth.ts';

let synthesised: Synthesised;
beforeAll(() => {
  synthesised = synth();
});

const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });

/** A change of these ids would replace the resources in every deployed stack. */
describe('logical ids', () => {
  it('of resources with data, and of the functions, do not change', () => {
    const ids = (type: string) => Object.keys(synthesised.template.findResources(type));
    expect(ids('AWS::DynamoDB::GlobalTable')).toEqual(['McpStateTable8008F8CD', 'McpEventTableAD501C78']);
    expect(ids('AWS::SNS::Topic')).toEqual(['McpEventsTopic2CC578E0', 'McpMonitoringAlarmTopic4C0BC84D']);
    expect(ids('AWS::SecretsManager::Secret')).toEqual(['McpStateKey0937C884']);
    expect(ids('AWS::SQS::Queue')).toEqual(['McpDeliveryFailures32EA169F', 'McpIngestFailuresB3DA1852']);
    expect(ids('AWS::Lambda::Function')).toEqual(['McpServer6A6A2BCF', 'McpIngest6971C0F2']);
    expect(ids('AWS::Logs::LogGroup')).toEqual(['McpServerLogGroup15E3AE43', 'McpIngestLogGroup4C980525']);
  });
});

describe('the functions', () => {
  it('run the binary on Graviton with 256 MB and two minutes', () => {
    expect(one(synthesised.template, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({
      Architectures: ['arm64'],
      Runtime: 'provided.al2023',
      Handler: 'bootstrap',
      MemorySize: 256,
      Timeout: 120,
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: expect.stringMatching(/^McpServerLogGroup/) } },
    });
  });

  it('write events with the same code, within thirty seconds', () => {
    const server = one(synthesised.template, 'AWS::Lambda::Function', 'McpServer').Properties;
    const ingest = one(synthesised.template, 'AWS::Lambda::Function', 'McpIngest').Properties;
    expect(ingest.Code).toEqual(server.Code);
    expect(ingest).toMatchObject({ Timeout: 30, MemorySize: 256, Architectures: ['arm64'] });
  });

  it('have no VPC and no reserved concurrency', () => {
    for (const id of ['McpServer', 'McpIngest']) {
      const properties = one(synthesised.template, 'AWS::Lambda::Function', id).Properties;
      for (const absent of ['VpcConfig', 'ReservedConcurrentExecutions', 'KmsKeyArn', 'Layers', 'TenancyConfig']) {
        expect(properties).not.toHaveProperty(absent);
      }
    }
  });

  it('are invoked by an alias whose old versions are retained', () => {
    synthesised.template.resourceCountIs('AWS::Lambda::Alias', 2);
    synthesised.template.allResourcesProperties('AWS::Lambda::Alias', { Name: 'live' });
    synthesised.template.allResources('AWS::Lambda::Version', { DeletionPolicy: 'Retain' });
    for (const alias of Object.values(synthesised.template.findResources('AWS::Lambda::Alias'))) {
      expect(alias['Properties']).not.toHaveProperty('ProvisionedConcurrencyConfig');
    }
  });

  it('give the memory of a large request back, unless the environment says otherwise', () => {
    const thresholds = (template: Template) =>
      Object.values(template.findResources('AWS::Lambda::Function')).map(
        it => it['Properties'].Environment.Variables.MALLOC_TRIM_THRESHOLD_,
      );
    expect(thresholds(synthesised.template)).toEqual(['131072', '131072']);
    const own = synth({ environment: { MALLOC_TRIM_THRESHOLD_: '1048576' } });
    expect(thresholds(own.template)[0]).toBe('1048576');
  });

  it('have the names of the tables, and the server its own settings as well', () => {
    const tables = {
      SESSION_TABLE_NAME: { Ref: 'McpStateTable8008F8CD' },
      EVENT_TABLE_NAME: { Ref: 'McpEventTableAD501C78' },
      MCP_EVENTS: 'on',
    };
    expect(environmentOf(synthesised.template)).toEqual({
      ...tables,
      MCP_AUTH: 'gateway',
      MCP_RESPONSE_MODE: 'stream',
      SNS_TOPIC_ARN: { Ref: 'McpEventsTopic2CC578E0' },
      MCP_STATE_KEYS_SECRET: { 'Fn::GetAtt': ['McpStateKey0937C884', 'Id'] },
    });
    expect(environmentOf(synthesised.template, 'McpIngest')).toEqual(tables);
  });

  it('share one key for requestState: 64 letters and digits', () => {
    synthesised.template.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: {
        ExcludePunctuation: true,
        ExcludeCharacters: Match.stringLikeRegexp('^[^A-Za-z0-9]{32}$'),
        IncludeSpace: false,
        PasswordLength: 64,
      },
    });
  });

  it('keep logs for a month, in a log group per function', () => {
    synthesised.template.resourceCountIs('AWS::Logs::LogGroup', 2);
    synthesised.template.allResources('AWS::Logs::LogGroup', {
      Properties: { RetentionInDays: 30 },
      DeletionPolicy: 'Delete',
    });
  });
});

describe('permissions', () => {
  const allow = (Action: string | string[], Resource: unknown) => ({ Action, Effect: 'Allow', Resource });
  const logs = (id: unknown) => allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arnOf(id as string));
  const tracing = allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], '*');

  it('of the server are for its tables, its topic, its key and its log group only', () => {
    const [state, events] = ['McpStateTable8008F8CD', 'McpEventTableAD501C78'];
    expect(statementsOf(synthesised.template)).toEqual([
      logs(expect.stringMatching(/^McpServerLogGroup/)),
      tracing,
      allow('secretsmanager:GetSecretValue', { Ref: 'McpStateKey0937C884' }),
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

  it('of the ingest function are for the event log and its dead-letter queue only', () => {
    expect(statementsOf(synthesised.template, 'McpIngest')).toEqual([
      logs(expect.stringMatching(/^McpIngestLogGroup/)),
      tracing,
      allow('sqs:SendMessage', arnOf('McpIngestFailuresB3DA1852')),
      {
        ...allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], arnOf('McpEventTableAD501C78')),
        // Not the keys of replies, which contain what tools have returned.
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['EVENT_KEY*', 'HEAD#*', 'LOG#*', 'SEEN#*'] } },
      },
    ]);
  });

  it('come from no managed policy, which would be wider', () => {
    for (const role of Object.values(synthesised.template.findResources('AWS::IAM::Role'))) {
      expect(role['Properties']).not.toHaveProperty('ManagedPolicyArns');
    }
  });

  it('to invoke the URL are not granted', () => {
    synthesised.template.hasResourceProperties('AWS::Lambda::Url', {
      AuthType: 'AWS_IAM',
      InvokeMode: 'RESPONSE_STREAM',
      Qualifier: 'live',
      Cors: Match.absent(),
    });
    const permissions = Object.values(synthesised.template.findResources('AWS::Lambda::Permission'));
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

  it('retain state when the stack is deleted, but not when its creation fails, with point-in-time recovery', () => {
    const state = one(synthesised.template, 'AWS::DynamoDB::GlobalTable', 'McpStateTable');
    expect(state).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', Properties: shape });
    expect(state.Properties.Replicas[0]).toMatchObject({
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: false,
    });
  });

  it('delete events with the stack', () => {
    const events = one(synthesised.template, 'AWS::DynamoDB::GlobalTable', 'McpEventTable');
    expect(events).toMatchObject({ DeletionPolicy: 'Delete', Properties: shape });
    expect(events.Properties.Replicas[0]).not.toHaveProperty('PointInTimeRecoverySpecification');
  });
});

describe('events', () => {
  it('are delivered to the alias of the ingest function, with a dead-letter queue', () => {
    synthesised.template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'lambda',
      TopicArn: { Ref: 'McpEventsTopic2CC578E0' },
      Endpoint: { Ref: Match.stringLikeRegexp('^McpIngestAlias') },
      RedrivePolicy: { deadLetterTargetArn: arnOf('McpDeliveryFailures32EA169F') },
    });
  });

  it('that fail after all retries go to the other queue', () => {
    synthesised.template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: Match.stringLikeRegexp('^McpIngest') },
      Qualifier: { 'Fn::Select': [7, { 'Fn::Split': [':', { Ref: Match.stringLikeRegexp('^McpIngestAlias') }] }] },
      MaximumEventAgeInSeconds: 21_600,
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: arnOf('McpIngestFailuresB3DA1852') } },
    });
    synthesised.template.allResourcesProperties('AWS::SQS::Queue', {
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
    });
  });

  it('are published with TLS, by nothing without a permission of its own', () => {
    const policy = one(synthesised.template, 'AWS::SNS::TopicPolicy', 'McpEventsTopic').Properties.PolicyDocument
      .Statement;
    expect(policy).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]);
  });
});
