import { RemovalPolicy, type Duration } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { checkAll, checkEach, checkMinutes, checkNumber, fail } from './private/validation';
import type { McpSessions } from './sessions';

/**
 * The DynamoDB tables of sessions, state, replies and events.
 */
export interface McpStateOptions {
  /**
   * An existing table for sessions and state: string keys `pk` and `sk`, time to live on `ttl`. A table that
   * `fromTableName()` imports has no KMS key: import one with a key with `TableV2.fromTableAttributes()`.
   *
   * @default - a new table
   */
  readonly stateTable?: dynamodb.ITable;

  /**
   * An existing table for events and replies, of the same shape.
   *
   * @default - a new table
   */
  readonly eventTable?: dynamodb.ITable;

  /**
   * The name of the new table of sessions and state. A table with a name can be referred to from stacks of other accounts;
   * it cannot be replaced by one with the same name.
   *
   * @default - a name that CloudFormation makes
   */
  readonly stateTableName?: string;

  /**
   * The name of the new table of events and replies.
   *
   * @default - a name that CloudFormation makes
   */
  readonly eventTableName?: string;

  /**
   * The KMS key that encrypts the new tables.
   *
   * @default - the key that DynamoDB owns
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What happens to the state table when it is removed from the stack. The event table is always deleted: its items
   * expire within a day. By default the table is kept, unless the deployment that creates it fails.
   *
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * The point-in-time recovery of the state table.
   *
   * @default - enabled: the table can be restored to any second of the last 35 days
   */
  readonly pointInTimeRecoverySpecification?: dynamodb.PointInTimeRecoverySpecification;

  /**
   * Whether the state table is protected from deletion.
   *
   * @default false
   */
  readonly deletionProtection?: boolean;

  /**
   * The maximum read request units of each table per second.
   *
   * @default - no maximum
   */
  readonly maxReadRequestUnits?: number;

  /**
   * The maximum write request units of each table per second.
   *
   * @default - no maximum
   */
  readonly maxWriteRequestUnits?: number;

  /**
   * Which requests of clients of 2025-11-25 and earlier need a session.
   *
   * @default - the setting of the program, otherwise McpSessions.OPTIONAL
   */
  readonly sessions?: McpSessions;

  /**
   * How long a session may be idle before it expires.
   *
   * @default Duration.hours(24)
   */
  readonly sessionTtl?: Duration;
}

/** The keys of both tables. The runtime's tests compare with the same file as ours: `tests/contract/tables.json`. */
export const TABLE_SHAPE = { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'ttl' };

/** The two tables. */
export interface Tables {
  readonly state: dynamodb.ITable;
  readonly events: dynamodb.ITable;
}

export function checkState(options: McpStateOptions): void {
  checkAll(
    () => checkImported(options),
    () => checkNumber('state.maxReadRequestUnits', options.maxReadRequestUnits, 1, 1_000_000),
    () => checkNumber('state.maxWriteRequestUnits', options.maxWriteRequestUnits, 1, 1_000_000),
    () => checkMinutes('state.sessionTtl', options.sessionTtl),
  );
}

/** Fails if an option of a new table is given with an imported one. */
function checkImported(options: McpStateOptions): void {
  const { stateTable, eventTable } = options;
  const refuse = (names: readonly (keyof McpStateOptions)[]) =>
    checkEach(names, name => {
      if (options[name] === undefined) return;
      fail(`state.${name}`, options[name], 'does not apply to an imported table', 'set it where the table is defined');
    });
  checkAll(
    () => stateTable && refuse(['stateTableName', 'removalPolicy', 'pointInTimeRecoverySpecification', 'deletionProtection']),
    () => eventTable && refuse(['eventTableName']),
    () => stateTable && eventTable && refuse(['encryptionKey', 'maxReadRequestUnits', 'maxWriteRequestUnits']),
  );
}

export function createTables(scope: Construct, options: McpStateOptions): Tables {
  const state = options.stateTable ?? createStateTable(scope, options);
  return { state, events: options.eventTable ?? createEventTable(scope, options) };
}

function createStateTable(scope: Construct, options: McpStateOptions): dynamodb.TableV2 {
  return new dynamodb.TableV2(scope, 'StateTable', {
    ...shape(options),
    ...(options.stateTableName !== undefined && { tableName: options.stateTableName }),
    removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    pointInTimeRecoverySpecification: options.pointInTimeRecoverySpecification ?? { pointInTimeRecoveryEnabled: true },
    deletionProtection: options.deletionProtection ?? false,
  });
}

function createEventTable(scope: Construct, options: McpStateOptions): dynamodb.TableV2 {
  return new dynamodb.TableV2(scope, 'EventTable', {
    ...shape(options),
    ...(options.eventTableName !== undefined && { tableName: options.eventTableName }),
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/**
 * Encryption with the key, also in a stack whose region is not known: the table is in one region, so that the key need not
 * be chosen by region as the CDK does for replicas.
 */
function encryptionWith(key: kms.IKey): dynamodb.TableEncryptionV2 {
  const encryption = dynamodb.TableEncryptionV2.customerManagedKey(key);
  return Object.assign(encryption, { _renderReplicaSseSpecification: () => ({ kmsMasterKeyId: key.keyArn }) });
}

function shape(options: McpStateOptions): dynamodb.TablePropsV2 {
  const { maxReadRequestUnits, maxWriteRequestUnits, encryptionKey } = options;
  return {
    partitionKey: { name: TABLE_SHAPE.partitionKey, type: dynamodb.AttributeType.STRING },
    sortKey: { name: TABLE_SHAPE.sortKey, type: dynamodb.AttributeType.STRING },
    timeToLiveAttribute: TABLE_SHAPE.timeToLive,
    billing: dynamodb.Billing.onDemand({
      ...(maxReadRequestUnits !== undefined && { maxReadRequestUnits }),
      ...(maxWriteRequestUnits !== undefined && { maxWriteRequestUnits }),
    }),
    encryption: encryptionKey
      ? encryptionWith(encryptionKey)
      : dynamodb.TableEncryptionV2.dynamoOwnedKey(),
  };
}
