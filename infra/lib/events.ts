import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { createDeadLetterQueue } from './private/dead-letter-queue';
import { expectFindings } from './private/findings';
import { QueueDestination } from './private/permissions';
import type { AliasedFunction } from './server-function';
import { checkAll, checkEach, checkMinutes, checkNumber, fail } from './private/validation';

/**
 * Events that other systems publish and MCP clients subscribe to.
 */
export interface McpEventsOptions {
  /**
   * Whether there are events. Without them there is no topic, no ingest function, no queue, and no alarm for them: a server
   * of a few tools is 19 resources instead of 36.
   *
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * An existing topic: its messages are the events. It must be a standard topic: Lambda cannot subscribe to FIFO topics.
   *
   * @default - a new topic that requires TLS
   */
  readonly topic?: sns.ITopic;

  /**
   * The name of the new topic. A topic with a name is needed for references from stacks of other accounts; it cannot be
   * replaced by one with the same name.
   *
   * @default - a name that CloudFormation makes
   */
  readonly topicName?: string;

  /**
   * The KMS key that encrypts the new topic. Its policy then admits CloudWatch, and EventBridge if that may publish:
   * neither can use the key that AWS manages for SNS.
   *
   * @default - not encrypted at rest
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Whether all CloudWatch alarms of this account and region may publish to the new topic. Every client that is subscribed
   * to events then hears of each alarm that has the topic as its action.
   *
   * @default false
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
    () => checkEnabled(options),
    () => checkNumber('mcpEvents.fanoutReplicas', options.fanoutReplicas, 1, 90),
    () => checkMinutes('mcpEvents.ttl', options.ttl),
    () => checkTopic(options),
  );
}

/** Fails if an option of events is given where there are none. */
function checkEnabled({ enabled, ...others }: McpEventsOptions): void {
  if (enabled ?? true) return;
  checkEach(Object.entries(others), ([name, value]) => {
    if (value === undefined) return;
    fail(`mcpEvents.${name}`, value, "needs events, and 'mcpEvents.enabled' is false", 'leave one of them out');
  });
}

function checkTopic(options: McpEventsOptions): void {
  const { topic } = options;
  if (topic?.fifo) {
    fail('mcpEvents.topic', topic.topicName, 'must be a standard topic', 'Lambda cannot subscribe to FIFO topics');
  }
  if (!topic) return;
  checkEach(['topicName', 'encryptionKey', 'allowAlarms', 'allowEventBridge'] as const, name => {
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
    ...(options.topicName !== undefined && { topicName: options.topicName }),
    enforceSSL: true,
    ...(key && { masterKey: key }),
  });
  // The topic policy replaces the default policy, which let the whole account publish, alarms included.
  if (options.allowAlarms ?? false) allowAlarms(topic, key);
  if (options.allowEventBridge ?? false) allowPublisher(topic, key, new iam.ServicePrincipal('events.amazonaws.com'));
  return topic;
}

/** Allows CloudWatch alarms of this account to publish to the topic. */
export function allowAlarms(topic: sns.ITopic, key: kms.IKey | undefined): void {
  const stack = Stack.of(topic);
  const alarms = stack.formatArn({ service: 'cloudwatch', resource: 'alarm', resourceName: '*', arnFormat: ArnFormat.COLON_RESOURCE_NAME });
  const conditions = { StringEquals: { 'aws:SourceAccount': stack.account }, ArnLike: { 'aws:SourceArn': alarms } };
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

/** The topic, the function that writes its messages to the log, and the queues of those that it does not. */
export interface EventResources {
  readonly topic: sns.ITopic;
  readonly ingest: AliasedFunction;
  readonly queues: DeadLetterQueues;
}

/** Fails where events are needed and there are none. */
export function needsEvents(name: string): never {
  const rule = `is needed for ${name}, and 'mcpEvents.enabled' is false`;
  return fail('mcpEvents', undefined, rule, "leave out 'mcpEvents.enabled'");
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
export function subscribe(
  scope: Construct,
  topic: sns.ITopic,
  ingest: lambda.Alias,
  key: kms.IKey | undefined,
): DeadLetterQueues {
  const queues = {
    delivery: createDeadLetterQueue(scope, 'DeliveryFailures', key),
    ingest: createDeadLetterQueue(scope, 'IngestFailures', key),
  };
  topic.addSubscription(new LambdaSubscription(ingest, { deadLetterQueue: queues.delivery }));
  ingest.configureAsyncInvoke({
    onFailure: new QueueDestination(queues.ingest),
    maxEventAge: Duration.hours(6),
    retryAttempts: 2,
  });
  expectFindings(ingest, 'SNS accepts the ARN of an alias', 'CloudFormation-Validate::W3694');
  return queues;
}
