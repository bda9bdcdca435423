import { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { expectFindings } from './findings';

/** The longest time for which SQS keeps a message. */
export const LONGEST_RETENTION = Duration.days(14);

/** A dead-letter queue: it requires TLS, and keeps messages as long as SQS can. */
export function createDeadLetterQueue(scope: Construct, id: string, key?: kms.IKey): sqs.Queue {
  const queue = new sqs.Queue(scope, id, {
    enforceSSL: true,
    ...encryption(key),
    retentionPeriod: LONGEST_RETENTION,
  });
  expectFindings(queue, 'the queue is a dead-letter queue itself', 'AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy');
  return queue;
}

/** The encryption of a queue: with the key, or with one that SQS manages. */
export function encryption(key: kms.IKey | undefined): sqs.QueueProps {
  if (!key) return { encryption: sqs.QueueEncryption.SQS_MANAGED };
  return { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: key };
}
