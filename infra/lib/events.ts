import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import * as sns from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { createDeadLetterQueue } from './private/dead-letter-queue';
import { expectFindings } from './private/findings';
import { checkAll, checkEach, checkMinutes, checkNumber, fail } from './private/validation';

/**
 * Events that other systems publish and MCP clients subscribe to.
 */
export interface McpEventsOptions {
  /**
   * An existing topic: its messages are the events. It must be a standard topic: Lambda cannot subscribe to FIFO topics.
   *
   * @default - a new topic that requires TLS
   */
  readonly topic?: sns.ITopic;

  /**
   * The KMS key that encrypts the new topic. Its policy then admits CloudWatch, and EventBridge if that may publish:
   * neither can use the key that AWS manages for SNS.
   *
   * @default - not encrypted at rest
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Whether CloudWatch alarms of this account may publish to the new topic.
   *
   * @default true
   */
  readonly allowAlarms?: boolean;

  /**
   * Whether EventBridge may publish to the new topic. SNS cannot restrict that to rules of this account;
   * `eventRule()` needs no topic and is preferred.
   *
   * @default false
   */
  readonly allowEventBridge?: boolean;

  /**
   * How long an event can be read and replayed.
   *
   * @default Duration.hours(1)
   */
  readonly ttl?: Duration;

  /**
   * The number of copies of the event log, among which readers are distributed. One copy is one partition and serves
   * 6,000 open streams; each further copy serves as many and costs one write per event.
   *
   * @default 1
   */
  readonly fanoutReplicas?: number;
}

export function checkEvents(options: McpEventsOptions): void {
  checkAll(
    () => checkNumber('mcpEvents.fanoutReplicas', options.fanoutReplicas, 1, 90),
    () => checkMinutes('mcpEvents.ttl', options.ttl),
    () => checkTopic(options),
  );
}

function checkTopic(options: McpEventsOptions): void {
  const { topic } = options;
  if (topic?.fifo) {
    fail('mcpEvents.topic', topic.topicName, 'must be a standard topic', 'Lambda cannot subscribe to FIFO topics');
  }
  if (!topic) return;
  checkEach(['encryptionKey', 'allowAlarms', 'allowEventBridge'] as const, name => {
    if (options[name] === undefined) return;
    const rule = 'does not apply to an imported topic';
    fail(`mcpEvents.${name}`, options[name], rule, 'set it where the topic is defined');
  });
}

/** The imported topic, or a new one. */
export function createTopic(scope: Construct, options: McpEventsOptions): sns.ITopic {
  if (options.topic) return options.topic;
  const key = options.encryptionKey;
  const topic = new sns.Topic(scope, 'EventsTopic', {
    displayName: 'MCP events',
    enforceSSL: true,
    ...(key && { masterKey: key }),
  });
  // The topic policy replaces the default policy, which let the whole account publish, alarms included.
  if (options.allowAlarms ?? true) allowAlarms(topic, key);
  if (options.allowEventBridge ?? false) allowPublisher(topic, key, new iam.ServicePrincipal('events.amazonaws.com'));
  return topic;
}

/** Allows CloudWatch alarms of this account to publish to the topic. */
export function allowAlarms(topic: sns.ITopic, key: kms.IKey | undefined): void {
  const conditions = { StringEquals: { 'aws:SourceAccount': Stack.of(topic).account } };
  allowPublisher(topic, key, new iam.ServicePrincipal('cloudwatch.amazonaws.com', { conditions }));
}

function allowPublisher(topic: sns.ITopic, key: kms.IKey | undefined, service: iam.ServicePrincipal): void {
  topic.addToResourcePolicy(
    new iam.PolicyStatement({ actions: ['sns:Publish'], principals: [service], resources: [topic.topicArn] }),
  );
  key?.addToResourcePolicy(
    new iam.PolicyStatement({
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      principals: [service],
      resources: ['*'],
    }),
  );
}

/** Grants the permission to publish to the topic, and the use of its KMS key if it has one. */
export function grantPublish(topic: sns.ITopic, key: kms.IKey | undefined, grantee: iam.IGrantable): iam.Grant {
  const grant = iam.Grant.addToPrincipal({ grantee, actions: ['sns:Publish'], resourceArns: [topic.topicArn] });
  return key ? grant.combine(key.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey*')) : grant;
}

/** The dead-letter queues: SNS and Lambda retry independently of each other. */
export interface DeadLetterQueues {
  /** Messages that SNS could not deliver to Lambda. */
  readonly delivery: sqs.Queue;
  /** Events that the ingest function failed to write. */
  readonly ingest: sqs.Queue;
}

/**
 * Subscribes the ingest function to the topic. SNS retries the delivery to Lambda for weeks and then moves the message
 * to the queue `delivery`. Lambda tries an accepted event three times and then moves it to the queue `ingest`.
 */
export function subscribe(scope: Construct, topic: sns.ITopic, ingest: lambda.Alias): DeadLetterQueues {
  const queues = {
    delivery: createDeadLetterQueue(scope, 'DeliveryFailures'),
    ingest: createDeadLetterQueue(scope, 'IngestFailures'),
  };
  topic.addSubscription(new LambdaSubscription(ingest, { deadLetterQueue: queues.delivery }));
  ingest.configureAsyncInvoke({
    onFailure: new SqsDestination(queues.ingest),
    maxEventAge: Duration.hours(6),
    retryAttempts: 2,
  });
  expectFindings(ingest, 'SNS accepts the ARN of an alias', 'CloudFormation-Validate::W3694');
  return queues;
}
