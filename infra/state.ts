import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { checkNumber, refuse, seconds } from './validation';

/**
 * Where sessions, state, replies and events are kept.
 */
export interface McpStateProps {
  /**
   * An existing table for sessions and state: string keys `pk` and `sk`, time to live on `ttl`. Goes with `eventTable`.
   *
   * @default - a table of its own
   */
  readonly stateTable?: dynamodb.ITable;

  /**
   * An existing table for events and replies, of the same shape. Goes with `stateTable`.
   *
   * @default - a table of its own
   */
  readonly eventTable?: dynamodb.ITable;

  /**
   * The key that encrypts both tables.
   *
   * @default - DynamoDB's own key
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What becomes of the state table when the stack goes. The event table always goes with it: what it holds expires
   * within a day.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Whether the state table can be restored to any second of the last 35 days.
   *
   * @default true
   */
  readonly pointInTimeRecovery?: boolean;

  /**
   * Whether the state table refuses to be deleted.
   *
   * @default false
   */
  readonly deletionProtection?: boolean;

  /**
   * The most reads per second each table may be billed for.
   *
   * @default - no cap
   */
  readonly maxReadRequestUnits?: number;

  /**
   * The most writes per second each table may be billed for.
   *
   * @default - no cap
   */
  readonly maxWriteRequestUnits?: number;

  /**
   * How long an idle session lives.
   *
   * @default Duration.hours(24)
   */
  readonly sessionTtl?: Duration;
}

/** The keys of both tables: `tests/contract/tables.json` says the same to the runtime. */
export const TABLE_SHAPE = { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'ttl' };

/** Both tables. */
export interface Tables {
  readonly state: dynamodb.ITable;
  readonly events: dynamodb.ITable;
  readonly imported: boolean;
}

export function checkState(props: McpStateProps): void {
  const { stateTable, eventTable } = props;
  if ((stateTable === undefined) !== (eventTable === undefined)) {
    const [given, missing] = stateTable ? ['stateTable', 'eventTable'] : ['eventTable', 'stateTable'];
    refuse(`state.${missing}`, undefined, `must be given where 'state.${given}' is`, 'import both tables or neither');
  }
  if (stateTable) refuseOnImport(props);
  checkNumber('state.maxReadRequestUnits', props.maxReadRequestUnits, 1, 1_000_000);
  checkNumber('state.maxWriteRequestUnits', props.maxWriteRequestUnits, 1, 1_000_000);
  const ttl = seconds(props.sessionTtl);
  if (ttl !== undefined && (ttl < 60 || ttl % 60 !== 0)) {
    refuse('state.sessionTtl', props.sessionTtl, 'must be whole minutes, one or more', 'use Duration.minutes()');
  }
}

/** What only a table of ours can be given. */
function refuseOnImport(props: McpStateProps): void {
  const ours = ['encryptionKey', 'removalPolicy', 'pointInTimeRecovery', 'deletionProtection'] as const;
  const caps = ['maxReadRequestUnits', 'maxWriteRequestUnits'] as const;
  for (const name of [...ours, ...caps]) {
    if (props[name] === undefined) continue;
    refuse(`state.${name}`, props[name], 'does not apply to imported tables', 'set it where the tables are defined');
  }
}

export function createTables(scope: Construct, props: McpStateProps): Tables {
  if (props.stateTable && props.eventTable) {
    return { state: props.stateTable, events: props.eventTable, imported: true };
  }
  const state = new dynamodb.TableV2(scope, 'StateTable', {
    ...shape(props),
    removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: props.pointInTimeRecovery ?? true },
    deletionProtection: props.deletionProtection ?? false,
  });
  const events = new dynamodb.TableV2(scope, 'EventTable', { ...shape(props), removalPolicy: RemovalPolicy.DESTROY });
  return { state, events, imported: false };
}

function shape(props: McpStateProps): dynamodb.TablePropsV2 {
  const { maxReadRequestUnits, maxWriteRequestUnits, encryptionKey } = props;
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
