import { Duration, Stack } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { createInlineFunction } from '../deployment/inline-function';
import { expectFindings } from './findings';
import { fail } from './validation';

/** The shortest time between two rotations, of Secrets Manager, and the longest. */
const [SHORTEST_ROTATION, LONGEST_ROTATION] = [Duration.hours(4), Duration.days(999)];

/** Options of a secret that is a key. */
export interface KeySecretOptions {
  readonly description: string;
  readonly encryptionKey?: kms.IKey | undefined;
  /** How often the key is rotated, and the property for it. */
  readonly rotation?: Duration | undefined;
  readonly rotatedBy: string;
}

/**
 * A secret that is one key: the program reads it while it runs, and accepts what the previous version has signed.
 */
export function createKeySecret(scope: Construct, id: string, options: KeySecretOptions): secretsmanager.Secret {
  const { description, encryptionKey, rotation, rotatedBy } = options;
  const secret = new secretsmanager.Secret(scope, id, {
    description,
    ...(encryptionKey && { encryptionKey }),
    // Punctuation is excluded in two ways, since emulators of AWS do not know both.
    generateSecretString: {
      excludePunctuation: true,
      excludeCharacters: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
      includeSpace: false,
      passwordLength: 64,
    },
  });
  if (rotation) rotate(secret, rotation);
  else expectFindings(secret, `the key is rotated by hand, or with ${rotatedBy}`, 'AwsSolutions-SMG4');
  return secret;
}

function rotate(secret: secretsmanager.Secret, automaticallyAfter: Duration): void {
  const scope = new Construct(secret, 'RotateKey');
  const rotationLambda = createInlineFunction(scope, {
    source: 'rotate-key',
    description: 'MCP server: makes a new version of a key',
    timeout: Duration.minutes(1),
    environment: { URL_SUFFIX: Stack.of(secret).urlSuffix },
  });
  secret.addRotationSchedule('Rotation', { rotationLambda, automaticallyAfter, rotateImmediatelyOnUpdate: false });
}

/** Fails for a time that Secrets Manager does not take. */
export function checkRotation(property: string, rotation: Duration | undefined): void {
  if (!rotation || rotation.isUnresolved()) return;
  const milliseconds = rotation.toMilliseconds();
  if (milliseconds >= SHORTEST_ROTATION.toMilliseconds() && milliseconds <= LONGEST_ROTATION.toMilliseconds()) return;
  const rule = `must be from ${SHORTEST_ROTATION.toHumanString()} to ${LONGEST_ROTATION.toHumanString()}`;
  fail(property, rotation.toHumanString(), `${rule}, the limits of Secrets Manager`, 'choose such a time');
}

/**
 * The ARN of a secret, for a program. Of a secret that is created here it is the attribute: CloudFormation gives the ARN as the
 * reference too, and emulators give the name.
 */
export function arnOf(secret: secretsmanager.ISecret): string {
  const created = secret.node.defaultChild;
  if (created instanceof secretsmanager.CfnSecret) return created.attrId;
  return secret.secretFullArn ?? secret.secretArn;
}
