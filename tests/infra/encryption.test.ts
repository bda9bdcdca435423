// One KMS key for everything that a server stores.
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as kms from 'aws-cdk-lib/aws-kms';
import { NIST80053R5Checks } from 'cdk-nag';
import { beforeAll, describe, expect, it } from 'vitest';
import { McpEndpoint, McpTasks, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { one, statementsOf, synth, type Synthesised } from './synth.ts';

const env = { account: '111122223333', region: 'eu-central-1' };
const key = (stack: Stack) => new kms.Key(stack, 'Key', { enableKeyRotation: true });

describe('encryptionKey', () => {
  let synthesised: Synthesised;
  let keyArn: unknown;
  beforeAll(() => {
    synthesised = synth(
      stack => ({
        encryptionKey: key(stack),
        endpoint: McpEndpoint.restApi(),
        tasks: McpTasks.fargate({
          vpc: new ec2.Vpc(stack, 'Vpc'),
          image: ecs.ContainerImage.fromRegistry('example.com/notes:1'),
        }),
      }),
      { env },
    );
    keyArn = { 'Fn::GetAtt': [one(synthesised.template, 'AWS::KMS::Key').id, 'Arn'] };
  });

  it.each([
    ['AWS::SNS::Topic', 'KmsMasterKeyId', 2],
    ['AWS::SQS::Queue', 'KmsMasterKeyId', 5],
    ['AWS::Logs::LogGroup', 'KmsKeyId', 5],
    ['AWS::SecretsManager::Secret', 'KmsKeyId', 1],
    ['AWS::Lambda::Function', 'KmsKeyArn', 3],
  ])('encrypts each %s', (type, property, count) => {
    const keys = Object.values(synthesised.template.findResources(type)).map(it => it['Properties'][property]);
    expect(keys).toEqual(Array.from({ length: count }, () => keyArn));
  });

  it('encrypts both tables', () => {
    for (const table of Object.values(synthesised.template.findResources('AWS::DynamoDB::GlobalTable'))) {
      expect(table['Properties'].Replicas[0].SSESpecification).toEqual({ KMSMasterKeyId: keyArn });
    }
  });

  it('admits the services that have no role, each with a condition', () => {
    const { Statement } = one(synthesised.template, 'AWS::KMS::Key').Properties.KeyPolicy;
    const services = Statement.filter((it: any) => it.Principal.Service);
    expect(new Set(services.map((it: any) => it.Principal.Service))).toEqual(
      new Set(['logs.eu-central-1.amazonaws.com', 'sns.amazonaws.com', 'events.amazonaws.com', 'cloudwatch.amazonaws.com']),
    );
    for (const { Condition } of services) expect(Condition).toBeDefined();
    const logs = services.find((it: any) => it.Principal.Service.startsWith('logs'));
    expect(JSON.stringify(logs.Condition)).toContain(':logs:eu-central-1:111122223333:log-group:*');
  });

  it('lets the functions use it, with the tables through DynamoDB only', () => {
    const uses = (id: string) => (statementsOf(synthesised.template, id) as any[]).filter(it => /kms:/.test(String(it.Action)));
    expect(uses('McpServer').length).toBeGreaterThan(1);
    expect(uses('McpIngest').map(it => it.Action)).toContainEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
  });

  it('leaves no finding about encryption of the pack for NIST 800-53', () => {
    const { violations } = new NIST80053R5Checks(undefined, { verbose: true }).validateScope(synthesised.server);
    const found = violations.map(it => it.ruleName).filter(it => /Encrypt|KMS/.test(it));
    // The API has no cache.
    expect(found).toEqual(['NIST.800.53.R5-APIGWCacheEnabledAndEncrypted']);
  });

  it('does not change a logical id', () => {
    const ids = (props: McpLambdaServerProps | ((stack: Stack) => McpLambdaServerProps)) =>
      Object.keys(synth(props).template.toJSON().Resources).filter(id => !/Version|^Key/.test(id));
    expect(ids(stack => ({ encryptionKey: key(stack) }))).toEqual(ids({}));
  });
});

it('a key of one resource has precedence', () => {
  const { template } = synth(stack => ({
    encryptionKey: key(stack),
    state: { encryptionKey: new kms.Key(stack, 'TableKey') },
    mcpEvents: { encryptionKey: new kms.Key(stack, 'TopicKey') },
    environmentEncryption: new kms.Key(stack, 'EnvironmentKey'),
    tasks: McpTasks.queue({ encryptionKey: new kms.Key(stack, 'QueueKey') }),
  }));
  const of = (type: string, id: string) => JSON.stringify(one(template, type, id).Properties);
  expect(of('AWS::DynamoDB::GlobalTable', 'McpStateTable')).toContain('TableKey');
  expect(of('AWS::SNS::Topic', 'McpEventsTopic')).toContain('TopicKey');
  expect(of('AWS::Lambda::Function', 'McpServer')).toContain('EnvironmentKey');
  expect(of('AWS::SQS::Queue', 'McpTaskQueue')).toContain('QueueKey');
  expect(of('AWS::SQS::Queue', 'McpDeliveryFailures')).not.toMatch(/TableKey|TopicKey|QueueKey/);
});

it('the policy of an imported key is not written here, which is a warning', () => {
  const { stack } = synth(stack => ({
    encryptionKey: kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-central-1:111122223333:key/12345678'),
  }));
  const warnings = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('imported-key'));
  expect(warnings.map(it => String(it.entry.data))).toEqual([
    "'encryptionKey' is imported, and its policy is not written here: it must let logs, sns, events and cloudwatch.amazonaws.com use it; see the key policies of those services, or give a kms.Key of the app [ack: Annotation::mcp-lambda-server:imported-key]",
  ]);
});
