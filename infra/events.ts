import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import * as sns from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { explain } from './findings';
import { checkNumber, refuse, seconds } from './validation';

/**
 * How events from outside reach the clients' streams.
 */
export interface McpEventsProps {
  /**
   * An existing topic whose messages are events. It must be a standard topic: Lambda cannot subscribe to FIFO topics.
   *
   * @default - a topic of its own, which only takes TLS
   */
  readonly topic?: sns.ITopic;

  /**
   * The key that encrypts the construct's own topic. It is granted to CloudWatch, and to EventBridge where that may
   * publish: the key that AWS manages for SNS can be used by neither.
   *
   * @default - not encrypted at rest
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Whether CloudWatch alarms of this account may publish to the construct's own topic.
   *
   * @default true
   */
  readonly allowAlarms?: boolean;

  /**
   * Whether EventBridge may publish to the construct's own topic. SNS cannot restrict that to rules of this account;
   * `eventRule()` needs no topic and is the better way.
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
   * Copies of the log that readers spread over. One partition serves 6,000 open streams; each copy adds as many, and
   * one write per event.
   *
   * @default 1
   */
  readonly fanoutReplicas?: number;

  /**
   * How long one message may take to be written to the log.
   *
   * @default Duration.seconds(30)
   */
  readonly ingestTimeout?: Duration;

  /**
   * Environments that the ingest function may have and nobody else can take. Accounts whose concurrency was not raised
   * cannot reserve any, so none is by default.
   *
   * @default - none
   */
  readonly ingestReservedConcurrency?: number;
}

export function checkEvents(props: McpEventsProps): void {
  checkNumber('events.fanoutReplicas', props.fanoutReplicas, 1, 90);
  const ttl = seconds(props.ttl);
  if (ttl !== undefined && (ttl < 60 || ttl % 60 !== 0)) {
    refuse('events.ttl', props.ttl, 'must be whole minutes, one or more', 'use Duration.minutes()');
  }
  if (props.topic?.fifo) {
    refuse('events.topic', props.topic.topicName, 'must be a standard topic', 'Lambda cannot subscribe to FIFO topics');
  }
  if (!props.topic) return;
  for (const name of ['encryptionKey', 'allowAlarms', 'allowEventBridge'] as const) {
    if (props[name] === undefined) continue;
    refuse(`events.${name}`, props[name], 'does not apply to an imported topic', 'set it where the topic is defined');
  }
}

export function createTopic(scope: Construct, props: McpEventsProps): sns.ITopic {
  if (props.topic) return props.topic;
  const key = props.encryptionKey;
  const topic = new sns.Topic(scope, 'EventsTopic', {
    displayName: 'MCP events',
    enforceSSL: true,
    ...(key && { masterKey: key }),
  });
  // Naming a policy replaces the one that let the whole account publish, alarms included.
  if (props.allowAlarms ?? true) allowAlarms(topic, key);
  if (props.allowEventBridge ?? false) allowPublisher(topic, key, new iam.ServicePrincipal('events.amazonaws.com'));
  return topic;
}

/** Lets CloudWatch alarms of this account publish to a topic. */
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

/** Lets somebody publish to a topic, through its key where there is one. */
export function grantPublish(topic: sns.ITopic, key: kms.IKey | undefined, grantee: iam.IGrantable): iam.Grant {
  const grant = iam.Grant.addToPrincipal({ grantee, actions: ['sns:Publish'], resourceArns: [topic.topicArn] });
  return key ? grant.combine(key.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey*')) : grant;
}

/** What could not be delivered, and what could not be written: two queues, for two layers of retries. */
export interface Failures {
  readonly delivery: sqs.Queue;
  readonly ingest: sqs.Queue;
}

/**
 * Subscribes the function. SNS tries for weeks to hand a message to Lambda and then puts it into `delivery`; once
 * Lambda has it, Lambda tries three times and puts it into `ingest`.
 */
export function subscribe(scope: Construct, topic: sns.ITopic, ingest: lambda.Alias): Failures {
  const failures = { delivery: failureQueue(scope, 'DeliveryFailures'), ingest: failureQueue(scope, 'IngestFailures') };
  topic.addSubscription(new LambdaSubscription(ingest, { deadLetterQueue: failures.delivery }));
  ingest.configureAsyncInvoke({
    onFailure: new SqsDestination(failures.ingest),
    maxEventAge: Duration.hours(6),
    retryAttempts: 2,
  });
  explain(ingest, 'SNS takes the ARN of an alias', 'CloudFormation-Validate::W3694');
  return failures;
}

function failureQueue(scope: Construct, id: string): sqs.Queue {
  const queue = new sqs.Queue(scope, id, {
    enforceSSL: true,
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    retentionPeriod: Duration.days(14),
  });
  explain(queue, 'it is the dead-letter queue', 'AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy');
  return queue;
}
