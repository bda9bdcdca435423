// Many events, many streams, and environments that die at random: scripts/soak runs it and prints what came of it.
//
// Every stream is a session of 2025-11-25 that comes back with `Last-Event-ID`. None may miss an event, hear one twice or
// hear two in the wrong order. While no environment is killed the time from publishing to hearing is measured.
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { random } from '../random.ts';
import { Session, type Message } from './client.ts';
import { deploy, type Deployment } from './deployment.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000' },
    streams: { type: 'string', default: '16' },
    'kill-every-ms': { type: 'string', default: '400' },
    'latency-events': { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
  },
});
const EVENTS = Number(values.events);
const STREAMS = Number(values.streams);
const INGESTING = 4;
const GIVE_UP_AFTER_MS = 30 * 60_000;

interface Payload {
  readonly run: string;
  readonly number: number;
}

/** One client, for as long as the soak lasts. */
class Listener {
  readonly heard: number[] = [];
  readonly delays: number[] = [];
  reconnects = -1;
  environment = '';
  private place: string | undefined;
  private isOver = false;
  private close: () => void = () => {};
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  async run(hear: (payload: Payload) => void): Promise<void> {
    while (!this.isOver) {
      try {
        const stream = await this.session.listen(this.place, (message: Message) => {
          const data = message.params?.data as { payload?: Payload } | undefined;
          if (message.method === 'notifications/message' && data?.payload) hear(data.payload);
        });
        this.reconnects += 1;
        this.environment = stream.environment;
        this.close = () => stream.close();
        await stream.ended;
        this.place = stream.place();
      } catch {
        // All environments are taken, or it died before it answered: the client tries again.
      }
      if (!this.isOver) await sleep(50);
    }
  }

  stop(): void {
    this.isOver = true;
    this.close();
  }
}

let published = 0;
const publish = (deployment: Deployment, payload: Payload) => {
  published += 1;
  const message = { type: 'external_event', source: 'soak', event_type: payload.run, payload };
  const id = `soak-${payload.run}-${payload.number}`;
  const topic = deployment.topicArn;
  const Sns = { Type: 'Notification', MessageId: id, TopicArn: topic, Message: JSON.stringify(message) };
  return deployment.invokeIngest({ Records: [{ EventSource: 'aws:sns', EventVersion: '1.0', Sns }] });
};

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + GIVE_UP_AFTER_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await sleep(20);
  }
}

const quantile = (sorted: number[], share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? NaN);

/** From just before an event is published to each client that hears it, on one clock. */
async function latency(deployment: Deployment, listeners: Listener[], run: string, count: number, pauseMs: number) {
  const at = new Map<number, number>();
  measured = (payload, listener) => {
    if (payload.run === run) listener.delays.push(performance.now() - (at.get(payload.number) ?? NaN));
  };
  for (const listener of listeners) listener.delays.length = 0;
  for (let number = 0; number < count; number += 1) {
    at.set(number, performance.now());
    await publish(deployment, { run, number });
    await sleep(pauseMs);
  }
  await until(`${run} heard`, () => listeners.every(one => one.delays.length >= count));
  const delays = listeners.flatMap(one => one.delays).sort((a, b) => a - b);
  return { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), max: quantile(delays, 1) };
}

let measured: (payload: Payload, listener: Listener) => void = () => {};

async function soak(deployment: Deployment, listeners: Listener[], next: () => number) {
  measured = (payload, listener) => {
    if (payload.run === 'soak') listener.heard.push(payload.number);
  };
  const began = Date.now();
  let kills = 0;
  let isOver = false;
  const killing = (async () => {
    while (!isOver) {
      await sleep(Number(values['kill-every-ms']));
      const victim = listeners[Math.floor(next() * listeners.length)];
      if (!victim?.environment || isOver) continue;
      await fetch(`${deployment.control}/environments/${victim.environment}/kill`, { method: 'POST' });
      kills += 1;
    }
  })();
  let number = 0;
  const publishing = Array.from({ length: INGESTING }, async () => {
    while (number < EVENTS) {
      const payload = { run: 'soak', number: number++ };
      await publish(deployment, payload);
      // SNS delivers at least once.
      if (next() < 0.02) await publish(deployment, payload);
    }
  });
  await Promise.all(publishing);
  const publishedIn = Date.now() - began;
  isOver = true;
  await killing;
  await until('everything heard', () => listeners.every(one => new Set(one.heard).size >= EVENTS));
  // Events that would be heard twice have a moment to arrive.
  await sleep(3_000);
  // The writers decide the order of the log; it must be the same for every client.
  const order = listeners[0]?.heard ?? [];
  const count = (wrong: (one: Listener) => number) => listeners.reduce((sum, one) => sum + wrong(one), 0);
  return {
    events: EVENTS,
    streams: STREAMS,
    kills,
    reconnects: count(one => one.reconnects),
    lost: count(one => EVENTS - new Set(one.heard).size),
    duplicates: count(one => one.heard.length - new Set(one.heard).size),
    outOfOrder: count(one => one.heard.filter((heard, at) => heard !== order[at]).length),
    publishedPerSecond: Math.round((published / publishedIn) * 1000),
    heardInMs: Date.now() - began - 3_000,
  };
}

const next = random(Number(values.seed));
// More environments than streams: one that was killed is replaced while its client is back already.
const deployment = await deploy(STREAMS + 8, INGESTING);
try {
  const sessions = await Promise.all(Array.from({ length: STREAMS }, () => Session.open(deployment.url)));
  const listeners = sessions.map(session => new Listener(session));
  const running = listeners.map(one => one.run(payload => measured(payload, one)));
  await until('all listen', () => listeners.every(one => one.environment !== ''));
  const environments = new Set(listeners.map(one => one.environment)).size;
  const count = Number(values['latency-events']);
  await latency(deployment, listeners, 'warm-up', 3, 100);
  const busy = await latency(deployment, listeners, 'busy', count, 250);
  const idle: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    await sleep(12_000);
    idle.push((await latency(deployment, listeners, `idle-${round}`, 1, 0)).max);
  }
  console.log(JSON.stringify({ environments, busyMs: busy, firstAfterIdleMs: idle }));
  const outcome = await soak(deployment, listeners, next);
  console.log(JSON.stringify(outcome));
  for (const one of listeners) one.stop();
  await Promise.all(running);
  if (outcome.lost + outcome.duplicates + outcome.outOfOrder > 0) process.exitCode = 1;
} finally {
  await deployment.stop();
}
