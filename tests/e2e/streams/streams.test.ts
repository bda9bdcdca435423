// typescript-sdk#2615, python-sdk#2393, java-sdk#524, mcp_dart#126: a stream that ended or was taken away brought its
// client back for nothing, once a second and for ever. Each way in which one ends, with each official client, on the local
// server and on Lambda: the client sends two more requests at most.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program, type Program } from '../program.ts';
import { build, start, type Server } from '../server.ts';
import { CLIENTS, type Case, type Running } from './clients.ts';
import { Proxy, type Action } from './proxy.ts';

/** How long the requests of a client are counted. */
const WINDOW_MS = 20_000;
/** How long calls may take until they have ended, in whichever way. */
const CALLS_MS = 10_000;

interface Way {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
  readonly action?: Action;
  readonly early?: boolean;
  /** The client's own time-out, in seconds. */
  readonly timeout?: number;
  /** Which server: one without limits, one that stops calls after some seconds, or one that is killed. */
  readonly on?: 'plain' | 'short' | 'killed';
  /** Streams that end: the reply, and the GET stream where that ends with it. */
  readonly streams?: number;
  /** What the caller of the client learns, where every client tells it. */
  readonly outcome?: RegExp;
}

const LONG = { reports: 1, seconds: 600 };
const WAYS: Way[] = [
  { name: 'answered', arguments: { reports: 2 }, outcome: /^result$/ },
  { name: 'answered with an error', arguments: { reports: 2, with: 'error' }, outcome: /as asked/ },
  { name: 'larger than the limit', arguments: { reports: 1, with: 'big' }, outcome: /MAX_RESPONSE_SIZE_MB/ },
  { name: 'cancelled after a message', arguments: LONG, action: 'cancel' },
  { name: 'cancelled before any', arguments: { seconds: 600 }, action: 'cancel', early: true },
  { name: 'given up by the client', arguments: LONG, timeout: 2 },
  { name: 'past its deadline', arguments: LONG, on: 'short', outcome: /did not finish within/ },
  { name: 'of a session that ends', arguments: LONG, action: 'delete', streams: 2, outcome: /session/i },
  { name: 'beside two GET streams', arguments: { reports: 1, seconds: 5, with: 'change' }, action: 'listen' },
  { name: 'of a process that ends', arguments: LONG, on: 'killed', action: 'kill', streams: 2 },
];

interface Site {
  readonly url: string;
  kill(): Promise<void>;
}

const LIMITS = {
  MAX_RESPONSE_SIZE_MB: '1',
  MCP_STREAMS_PER_PRINCIPAL: '1000',
  MCP_REQUESTS_PER_PRINCIPAL: '1000',
};

const servers: Server[] = [];
const programs: Program[] = [];

async function local(binary: string, env: NodeJS.ProcessEnv): Promise<Site> {
  const server = await start(binary, [], { env: { ...LIMITS, ...env } });
  servers.push(server);
  return { url: server.url, kill: async () => void (await server.stop('SIGTERM').catch(() => {})) };
}

async function lambda(binary: string, emulator: string, timeout: number): Promise<Site> {
  const args = ['--binary', binary, '--concurrency', '500', '--timeout', `${timeout}`, '--queue', '500'];
  const env = Object.entries(LIMITS).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const running = await program(emulator, [...args, ...env]);
  programs.push(running);
  const { url, control } = JSON.parse(running.ready) as { url: string; control: string };
  const kill = async () => {
    const environments = (await (await fetch(`${control}/environments`)).json()) as { id: string | number }[];
    await Promise.all(environments.map(({ id }) => fetch(`${control}/environments/${id}/kill`, { method: 'POST' })));
  };
  return { url: `${url}/mcp`, kill };
}

type Sites = Readonly<Record<'plain' | 'short' | 'killed', Site>>;

/** One way, one client, one host. */
interface Cell {
  readonly way: Way;
  readonly proxy: Proxy;
  readonly outcome: string | undefined;
}

const cells = new Map<string, Cell>();
const HOSTS = ['local', 'Lambda'];
const key = (host: string, client: string, way: Way) => `${host}, ${client}, ${way.name}`;

async function runAll(host: string, sites: Sites): Promise<void> {
  const all: { running: Running; proxies: Map<string, Proxy>; client: string }[] = [];
  // A process ends when the calls of all clients run in it.
  let waiting = Object.keys(CLIENTS).length;
  const kill = async (site: Site) => {
    if (--waiting === 0) await site.kill();
  };
  for (const [client, run] of Object.entries(CLIENTS)) {
    const proxies = new Map<string, Proxy>();
    const cases: Case[] = [];
    for (const way of WAYS) {
      const site = sites[way.on ?? 'plain'];
      const proxy = new Proxy(site.url, way.action ?? 'nothing', way.early ?? false, () => kill(site));
      proxies.set(way.name, proxy);
      cases.push({ name: way.name, url: await proxy.listen(), arguments: way.arguments, timeout: way.timeout ?? 600 });
    }
    all.push({ running: run(cases), proxies, client });
  }
  await new Promise(resolve => setTimeout(resolve, CALLS_MS + WINDOW_MS));
  for (const { running, proxies, client } of all) {
    for (const way of WAYS) {
      const proxy = proxies.get(way.name)!;
      cells.set(key(host, client, way), { way, proxy, outcome: running.outcomes.get(way.name) });
    }
  }
  // What is counted is counted: later requests are the clients' farewells.
  for (const { way, proxy } of cells.values()) counted.set(proxy, extra(way, proxy));
  await Promise.all(all.map(({ running }) => running.stop()));
  for (const { proxies } of all) for (const proxy of proxies.values()) proxy.close();
}

const counted = new Map<Proxy, string[]>();

/** The GETs beyond the one that opens the client's GET stream, and beyond the other stream of the case with two. */
function extra(way: Way, proxy: Proxy): string[] {
  const gets = proxy.seen.filter(({ method }) => method === 'GET');
  const more = gets.slice(way.action === 'listen' ? 2 : 1);
  // Where time is short a GET stream soon ends as well, and rightly comes back.
  const counts = way.on === 'short' ? more.filter(({ lastEventId }) => !lastEventId?.startsWith('log.')) : more;
  return counts.map(({ lastEventId, status }) => `GET ${lastEventId ?? 'anew'}: ${status}`);
}

beforeAll(async () => {
  const [binary, emulator] = [await build('fixture-function'), await build('lambda-emulator')];
  const sites = async (host: string): Promise<Sites> =>
    host === 'local'
      ? {
          plain: await local(binary, {}),
          short: await local(binary, { MCP_REQUEST_SECONDS: '8' }),
          killed: await local(binary, {}),
        }
      : {
          plain: await lambda(binary, emulator, 60),
          short: await lambda(binary, emulator, 10),
          killed: await lambda(binary, emulator, 60),
        };
  for (const host of HOSTS) await runAll(host, await sites(host));
}, 600_000);
afterAll(async () => {
  await Promise.all([...servers.map(server => server.stop().catch(() => {})), ...programs.map(one => one.stop())]);
});

describe.each(HOSTS)('%s', host => {
  describe.each(Object.keys(CLIENTS))('%s', client => {
    it.each(WAYS)('does not come back for a call $name', way => {
      const { proxy, outcome } = cells.get(key(host, client, way))!;
      const calls = proxy.seen.filter(({ message }) => message === 'tools/call');
      expect(calls, outcome).toHaveLength(1);
      const gets = counted.get(proxy)!;
      expect(gets.length, `${outcome}\n${gets.join('\n')}`).toBeLessThanOrEqual(2 * (way.streams ?? 1));
      if (way.outcome) expect(outcome).toMatch(way.outcome);
      if (way.action !== 'listen') return;
      // Every client's call changes the lists of all, so there are several events.
      expect(proxy.events).not.toHaveLength(0);
      expect(new Set(proxy.events).size, `each on one stream: ${proxy.events.join(' ')}`).toBe(proxy.events.length);
    });
  });
});
