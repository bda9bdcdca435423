import { Resource, Stack } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct, IConstruct } from 'constructs';
import { addWarning } from './findings';

/**
 * The DynamoDB actions that the runtime calls, per function and table. A transaction has no action of its own: IAM
 * checks the actions of its items. A test compares these lists with the calls in the runtime's source.
 */
export const TABLE_ACTIONS = {
  serverState: [
    'dynamodb:BatchGetItem',
    'dynamodb:BatchWriteItem',
    'dynamodb:ConditionCheckItem',
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  serverEvents: [
    'dynamodb:BatchGetItem',
    'dynamodb:BatchWriteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  loginState: ['dynamodb:BatchWriteItem', 'dynamodb:GetItem', 'dynamodb:PutItem'],
  ingestEvents: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
};

/** The actions of `grants.readState()`. */
const READ_ACTIONS = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'];

/** Conditions of a statement. */
type Conditions = Record<string, Record<string, unknown>>;

/** The partition keys of the event table that the ingest function uses: not those of replies. A test compares them. */
export const INGEST_KEYS = ['EVENT_KEY*', 'HEAD#*', 'LOG#*', 'SEEN#*'];

/** The partition keys of the state table that the login function uses. */
export const LOGIN_KEYS = ['LOGIN#*'];

/** Those of them that the server may read with `upstreamTokens`. A test compares them with the runtime's source. */
export const UPSTREAM_KEYS = ['LOGIN#UPSTREAM#*'];

/** Conditions for items with these partition keys. */
export function leadingKeys(keys: string[]): Conditions {
  return { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys } };
}

/**
 * Grants the actions on the table without its indexes, and the use of the table's own KMS key through DynamoDB if it has
 * one, to a program of the server: in the policy of its role.
 */
export function grantTable(table: dynamodb.ITable, grantee: iam.IGrantable, actions: string[], conditions: Conditions = {}): void {
  iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [table.tableArn], conditions });
  const key = table.encryptionKey;
  if (key) iam.Grant.addToPrincipal(useOfKey(table, 'dynamodb', key, grantee, KEY_ACTIONS));
}

/**
 * Keeps a program that has the whole state table away from the items of the login: its grants, consents, forms and counters.
 * With `upstreamTokens` it can get single items of the provider's tokens, and write none.
 */
export function denyLogin(table: dynamodb.ITable, grantee: iam.IGrantable, upstreamTokens: boolean): void {
  const deny = (actions: Pick<iam.PolicyStatementProps, 'actions' | 'notActions'>, conditions: Conditions) => {
    const statement = { effect: iam.Effect.DENY, ...actions, resources: [table.tableArn], conditions };
    grantee.grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement(statement));
  };
  const ofLogin = { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': LOGIN_KEYS } };
  if (!upstreamTokens) return deny({ actions: ['dynamodb:*'] }, ofLogin);
  const others = { 'ForAnyValue:StringNotLike': { 'dynamodb:LeadingKeys': UPSTREAM_KEYS } };
  deny({ notActions: ['dynamodb:GetItem'] }, ofLogin);
  return deny({ actions: ['dynamodb:GetItem'] }, { ...ofLogin, ...others });
}

/**
 * Grants reading the table by key, as `grantTable()`. The statements are in the policies of the table and of its key if the
 * grantee is of another account, or a service.
 */
export function grantRead(table: dynamodb.ITable, grantee: iam.IGrantable): iam.Grant {
  const options = { grantee, actions: READ_ACTIONS, resourceArns: [table.tableArn], resourceSelfArns: ['*'] };
  const grant = hasPolicy(table)
    ? iam.Grant.addToPrincipalOrResource({ ...options, resource: table })
    : iam.Grant.addToPrincipal(options);
  const key = table.encryptionKey;
  if (!key) return grant;
  const use = { ...useOfKey(table, 'dynamodb', key, grantee, ['kms:Decrypt']), resource: key, resourceSelfArns: ['*'] };
  return grant.combine(iam.Grant.addToPrincipalOrResource(use));
}

function hasPolicy(table: dynamodb.ITable): table is dynamodb.ITable & iam.IResourceWithPolicy {
  return 'addToResourcePolicy' in table;
}

const KEY_ACTIONS = ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'];

/** The use of the key of a resource through the service of the resource. */
export function useOfKey(
  encrypted: IConstruct,
  service: string,
  key: kms.IKey,
  grantee: iam.IGrantable,
  actions: string[],
): iam.GrantOnPrincipalOptions {
  const via = `${service}.${Stack.of(encrypted).region}.amazonaws.com`;
  return {
    grantee,
    actions,
    resourceArns: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': via } },
  };
}

/** Grants the permission to send messages, and the use of the queue's KMS key if it has one. */
export function grantSend(queue: sqs.IQueue, grantee: iam.IGrantable): iam.Grant {
  const grant = iam.Grant.addToPrincipal({ grantee, actions: ['sqs:SendMessage'], resourceArns: [queue.queueArn] });
  const key = queue.encryptionMasterKey;
  return key ? grant.combine(key.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey')) : grant;
}

/** Grants the permission to read the value of the secret, and the use of its KMS key for that if it has one. */
export function grantSecret(secret: secretsmanager.ISecret, grantee: iam.IGrantable): void {
  // The ARN of a secret that is imported by its name lacks the six letters at the end.
  const arn = secret.secretFullArn ?? `${secret.secretArn}-??????`;
  iam.Grant.addToPrincipal({ grantee, actions: ['secretsmanager:GetSecretValue'], resourceArns: [arn] });
  // Not by the policy of the key: the stack of the key would depend on this one.
  const key = secret.encryptionKey;
  if (key) iam.Grant.addToPrincipal(useOfKey(secret, 'secretsmanager', key, grantee, ['kms:Decrypt']));
}

/** Grants signing with the first of the keys, and reading the public key of each. */
export function grantSigning(keys: kms.IKey[], grantee: iam.IGrantable): void {
  const [first, ...others] = keys.map(key => key.keyArn);
  if (first === undefined) return;
  iam.Grant.addToPrincipal({ grantee, actions: ['kms:Sign'], resourceArns: [first] });
  iam.Grant.addToPrincipal({ grantee, actions: ['kms:GetPublicKey'], resourceArns: [first, ...others] });
}

/** A queue for events that a function failed to handle: Lambda sends them with the role of the function. */
export class QueueDestination implements lambda.IDestination {
  public constructor(private readonly queue: sqs.IQueue) {}

  public bind(_scope: Construct, target: lambda.IFunction): lambda.DestinationConfig {
    grantSend(this.queue, target);
    return { destination: this.queue.queueArn };
  }
}

/** A grant, and what it was for. */
interface Granted {
  readonly name: string;
  readonly grant: iam.Grant;
  /** The resource that has a policy, unless it is known to be one of this app. */
  readonly resource?: IConstruct;
  readonly wayOut: string;
}

/**
 * Warns if nothing was granted: neither the grantee nor the resource has a policy that the app can write. A grant takes itself
 * for one also where an imported resource did not take the statement.
 */
export function warnIfNothing(scope: IConstruct, { name, grant, resource, wayOut }: Granted): iam.Grant {
  const byResource = grant.resourceStatements.length > 0 && (!resource || Resource.isOwnedResource(resource));
  if (grant.principalStatements.length > 0 || byResource) return grant;
  const problem = `grants.${name}() has granted nothing: neither the grantee nor the resource has a policy that is written here`;
  addWarning(scope, `nothing-granted-${name}`, `${problem}; ${wayOut}`);
  return grant;
}
