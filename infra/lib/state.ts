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
   * An existing table for sessions and state: string keys `pk` and `sk`, time to live on `ttl`. `eventTable`
   * must be given with it.
   *
   * @default - a new table
   */
  readonly stateTable?: dynamodb.ITable;

  /**
   * An existing table for events and replies, of the same shape. `stateTable` must be given with it.
   *
   * @default - a new table
   */
  readonly eventTable?: dynamodb.ITable;

  /**
   * The KMS key that encrypts both tables.
   *
   * @default - the key that DynamoDB owns
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What happens to the state table when it is removed from the stack. The event table is always deleted: its items
   * expire within a day.
   *
   * @default RemovalPolicy.RETAIN
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
  const { stateTable } = options;
  checkAll(
    () => checkBothTables(options),
    () => stateTable && failOnImport(options),
    () => checkNumber('state.maxReadRequestUnits', options.maxReadRequestUnits, 1, 1_000_000),
    () => checkNumber('state.maxWriteRequestUnits', options.maxWriteRequestUnits, 1, 1_000_000),
    () => checkMinutes('state.sessionTtl', options.sessionTtl),
  );
}

function checkBothTables({ stateTable, eventTable }: McpStateOptions): void {
  if ((stateTable === undefined) !== (eventTable === undefined)) {
    const [given, missing] = stateTable ? ['stateTable', 'eventTable'] : ['eventTable', 'stateTable'];
    fail(`state.${missing}`, undefined, `must be given where 'state.${given}' is`, 'import both tables or neither');
  }
}

/** Fails if an option of new tables is given with imported ones. */
function failOnImport(options: McpStateOptions): void {
  const settings = [
    'encryptionKey',
    'removalPolicy',
    'pointInTimeRecoverySpecification',
    'deletionProtection',
  ] as const;
  const limits = ['maxReadRequestUnits', 'maxWriteRequestUnits'] as const;
  checkEach([...settings, ...limits], name => {
    if (options[name] === undefined) return;
    fail(`state.${name}`, options[name], 'does not apply to imported tables', 'set it where the tables are defined');
  });
}

export function createTables(scope: Construct, options: McpStateOptions): Tables {
  if (options.stateTable && options.eventTable) {
    return { state: options.stateTable, events: options.eventTable };
  }
  const state = new dynamodb.TableV2(scope, 'StateTable', {
    ...shape(options),
    removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN,
    pointInTimeRecoverySpecification: options.pointInTimeRecoverySpecification ?? { pointInTimeRecoveryEnabled: true },
    deletionProtection: options.deletionProtection ?? false,
  });
  const events = new dynamodb.TableV2(scope, 'EventTable', { ...shape(options), removalPolicy: RemovalPolicy.DESTROY });
  return { state, events };
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
      ? dynamodb.TableEncryptionV2.customerManagedKey(encryptionKey)
      : dynamodb.TableEncryptionV2.dynamoOwnedKey(),
  };
}
