// What a month of a server costs. docs/cost.md explains each count.
import { PRICES, SECONDS_OF_MONTH } from './prices';

/** What a server does in a month. */
export interface Usage {
  /** Requests of clients. */
  readonly requests: number;
  /** The average duration of a request, in milliseconds. */
  readonly milliseconds: number;
  /** Streams that are open at a time, on average, each in an environment of its own. */
  readonly streams: number;
  /** The memory of the function, in MiB. */
  readonly memory: number;
  readonly architecture: 'arm64' | 'x86_64';
  /** Environments that are always initialized. */
  readonly provisioned: number;
  /** The part of the requests that belongs to a session before 2026-07-28: 0 to 1. */
  readonly sessionShare: number;
  /** Events that are published. */
  readonly events: number;
  /** Bytes of log that a request writes. */
  readonly logBytes: number;
  readonly api: 'function-url' | 'rest' | 'http';
  readonly monitoring: 'none' | 'basic' | 'full';
}

/** One line of the bill. */
export interface Item {
  readonly name: string;
  readonly count: string;
  readonly usd: number;
}

/** How long a stream lives before the client opens it again, in seconds. */
const STREAM_SECONDS = 60;
/** Polls of a stream while nothing happens: one of half a read unit in 1.6 seconds. */
const POLL_UNITS_PER_SECOND = 0.5 / 1.6;
/** Units of an event through SNS. */
const EVENT_WRITES = 7;
const EVENT_READS = 2;
/** An invocation that writes an event: 20 ms of the ingest function. */
const INGEST_SECONDS = 0.02;
const INGEST_MEMORY_GB = 256 / 1024;

const MONITORING = {
  none: { metrics: 0, composite: 0, dashboards: 0 },
  basic: { metrics: 7, composite: 0, dashboards: 0 },
  full: { metrics: 28, composite: 1, dashboards: 1 },
} as const;

/** The lines of a month's bill that are not zero, in the order of the parts of a request. */
export function costOf(usage: Usage): Item[] {
  const items = [...requestItems(usage), ...streamItems(usage), ...eventItems(usage), ...fixedItems(usage)];
  return items.filter(({ usd }) => usd > 0);
}

/** The sum of the lines. */
export function totalOf(items: readonly Item[]): number {
  return items.reduce((sum, { usd }) => sum + usd, 0);
}

function requestItems(usage: Usage): Item[] {
  const { lambda, dynamodb, cloudwatch, apiGateway } = PRICES;
  const { requests, architecture, api } = usage;
  const gb = usage.memory / 1024;
  const run = requests * (usage.milliseconds / 1000) * gb;
  // Requests that provisioned environments serve cost less: at most as much as these can run.
  const provisionedGbSeconds = usage.provisioned * gb * SECONDS_OF_MONTH;
  const inProvisioned = Math.min(run, provisionedGbSeconds);
  const sessionReads = requests * usage.sessionShare;
  const bytes = requests * usage.logBytes;
  return [
    item('requests of Lambda', requests, 'requests', lambda.request),
    item('duration of requests', run - inProvisioned, 'GB-s', lambda.gbSecond[architecture]),
    item('duration in provisioned environments', inProvisioned, 'GB-s', lambda.provisionedRunGbSecond[architecture]),
    item('provisioned concurrency', provisionedGbSeconds, 'GB-s', lambda.provisionedGbSecond[architecture]),
    item('requests of the API', requests, 'requests', api === 'function-url' ? 0 : apiGateway[api]),
    item('reads of sessions', sessionReads, 'read units', dynamodb.readUnit),
    item('logs', bytes / 1e9, 'GB', cloudwatch.logsGb),
  ];
}

function streamItems({ streams, memory, architecture }: Usage): Item[] {
  const { lambda, dynamodb } = PRICES;
  const seconds = streams * SECONDS_OF_MONTH;
  const opened = seconds / STREAM_SECONDS;
  return [
    item('open streams', seconds * (memory / 1024), 'GB-s', lambda.gbSecond[architecture]),
    item('streams that are opened again', opened, 'requests', lambda.request),
    item('writes of streams', opened * 2, 'write units', dynamodb.writeUnit),
    item('reads of streams', opened + seconds * POLL_UNITS_PER_SECOND, 'read units', dynamodb.readUnit),
  ];
}

function eventItems({ events, architecture }: Usage): Item[] {
  const { lambda, dynamodb, sns } = PRICES;
  return [
    item('publications of SNS', events, 'events', sns.publication),
    item('invocations that write events', events, 'requests', lambda.request),
    item('duration of writing events', events * INGEST_SECONDS * INGEST_MEMORY_GB, 'GB-s', lambda.gbSecond[architecture]),
    item('writes of events', events * EVENT_WRITES, 'write units', dynamodb.writeUnit),
    item('reads of events', events * EVENT_READS, 'read units', dynamodb.readUnit),
  ];
}

function fixedItems({ monitoring }: Usage): Item[] {
  const { cloudwatch, secretsManager } = PRICES;
  const { metrics, composite, dashboards } = MONITORING[monitoring];
  return [
    item('the secret of requestState', 1, 'secret', secretsManager.secret),
    item('metrics of alarms', metrics, 'metrics', cloudwatch.alarmMetric),
    item('the composite alarm', composite, 'alarm', cloudwatch.compositeAlarm),
    item('the dashboard', dashboards, 'dashboard', cloudwatch.dashboard),
  ];
}

function item(name: string, count: number, unit: string, price: number): Item {
  return { name, count: `${numberText(count)} ${unit}`, usd: count * price };
}

function numberText(count: number): string {
  return Number(count.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 3 });
}
