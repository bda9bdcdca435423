// Many tasks, and workers that die, freeze and are given messages twice: `scripts/soak tasks` runs it and prints what came of
// it.
//
// The front creates tasks on environments of its own. SQS (ministack) leads them to workers, which the emulator kills at random,
// also between a write and the response to SQS, and freezes for longer than a lease. Each task must reach exactly one end, with the
// result of its own call, and no status may go backwards.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort, program, type Program } from '../program.ts';
import { random } from '../random.ts';
import { run } from '../run.ts';
import { build, root } from '../server.ts';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '2000' },
    workers: { type: 'string', default: '8' },
    kills: { type: 'string', default: '300' },
    freezes: { type: 'string', default: '12' },
    'duplicate-percent': { type: 'string', default: '5' },
    'throttle-percent': { type: 'string', default: '5' },
    steps: { type: 'string', default: '6' },
    'step-ms': { type: 'string', default: '100' },
    'latency-rounds': { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
});
const TASKS = Number(values.tasks);
const WORKERS = Number(values.workers);
const KILLS = Number(values.kills);
const FREEZES = Number(values.freezes);
const CREATORS = 8;
const LEASE_SECONDS = 10;
/** The queue delivers a message again that a killed worker had. */
const VISIBILITY_SECONDS = 30;
const GIVE_UP_AFTER_MS = 25 * 60_000;
const ACCOUNT = '000000000000';
const credentials = {
  AWS_ACCESS_KEY_ID: ACCOUNT,
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
};

const next = random(Number(values.seed));

const programs: Program[] = [];
async function started(starting: Promise<Program>): Promise<Program> {
  const one = await starting;
  programs.push(one);
  return one;
}

let throttled = 0;
let throttles = false;

/** A DynamoDB that refuses some of the requests, as one does whose partition is full. Returns its URL. */
async function throttling(dynamodb: string): Promise<string> {
  const proxy = createServer((incoming, answer) => {
    if (throttles && next() * 100 < Number(values['throttle-percent'])) {
      throttled += 1;
      const kind = 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException';
      incoming.resume().once('end', () => {
        answer.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
        answer.end(JSON.stringify({ __type: kind, message: 'The partition is full' }));
      });
      return;
    }
    const { method, headers, url } = incoming;
    const outgoing = request(new URL(url ?? '/', dynamodb), { method: method!, headers }, response => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.once('error', () => answer.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>(resolve => void proxy.listen(0, '127.0.0.1', resolve));
  // It ends with this process.
  proxy.unref();
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

interface Function {
  readonly url: string;
  readonly control: string;
}

interface Deployment {
  readonly front: Function;
  readonly worker: Function;
  send(task: string): Promise<void>;
}

async function deploy(folder: string): Promise<Deployment> {
  const binary = await build('fixture-function');
  const [emulator, database] = [await build('lambda-emulator'), await build('local-dynamodb')];
  const dynamodb = await throttling((await started(program(database, ['0']))).ready);
  const port = await freePort();
  const sqs = `http://127.0.0.1:${port}`;
  const answers = () => fetch(`${sqs}/_ministack/health`).then(() => true, () => false);
  const own = { BIND_HOST: '127.0.0.1', GATEWAY_PORT: `${port}`, MINISTACK_STATE_DIR: folder, IOT_MTLS_ENABLED: '0' };
  await started(program(join(root, '.venv/bin/ministack'), [], own, answers));
  const aws = async (...args: string[]) => {
    const cli = ['--endpoint-url', sqs, '--output', 'json', 'sqs', ...args];
    const { code, stdout, stderr } = await run(join(root, '.venv/bin/aws'), cli, credentials);
    if (code !== 0) throw new Error(`aws sqs ${args.join(' ')} failed (${code}): ${stderr}`);
    return JSON.parse(stdout || '{}') as { QueueUrl: string };
  };
  const visible = `VisibilityTimeout=${VISIBILITY_SECONDS}`;
  await aws('create-queue', '--queue-name', 'tasks', '--attributes', visible);
  const queue = `${sqs}/${ACCOUNT}/tasks`;
  const variables = {
    ...credentials,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_ENDPOINT_URL_SQS: sqs,
    SESSION_TABLE_NAME: 'state',
    EVENT_TABLE_NAME: 'events',
    TASK_QUEUE_URL: queue,
    MCP_TASK_LEASE_SECONDS: `${LEASE_SECONDS}`,
    // Workers are killed more often here than any task deserves.
    MCP_TASK_ATTEMPTS: '100',
    MCP_STATE_KEYS: `test:${Buffer.alloc(32, 1).toString('base64')}`,
  };
  const emulated = async (name: string, count: number, extra: string[]) => {
    const env = Object.entries(variables).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
    const args = ['--binary', binary, '--name', name, '--environments', `${count}`, '--queue', '64', ...extra, ...env];
    return JSON.parse((await started(program(emulator, args))).ready) as Function;
  };
  const trigger = ['--queue-trigger', queue, '--queue-concurrency', `${WORKERS}`, '--timeout', '25'];
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': 'AmazonSQS.SendMessage',
    authorization: 'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0',
  };
  return {
    front: await emulated('front', 4, ['--routing', 'round-robin', '--timeout', '20']),
    worker: await emulated('worker', WORKERS, ['--routing', 'round-robin', ...trigger]),
    send: async task => {
      const body = JSON.stringify({ QueueUrl: queue, MessageBody: JSON.stringify({ task }) });
      const sent = await fetch(sqs, { method: 'POST', headers, body });
      if (!sent.ok) throw new Error(`SendMessage: ${sent.status} ${await sent.text()}`);
    },
  };
}

const EXTENSION = 'io.modelcontextprotocol/tasks';
const PREFIX = 'io.modelcontextprotocol';

interface Task {
  readonly taskId: string;
  readonly status: string;
  readonly lastUpdatedAt: string;
  readonly result?: { readonly content: readonly { readonly text: string }[] };
  readonly error?: unknown;
}

let asked = 0;
async function ask(front: Function, method: string, params: Record<string, unknown>): Promise<Task> {
  const _meta = {
    [`${PREFIX}/protocolVersion`]: '2026-07-28',
    [`${PREFIX}/clientInfo`]: { name: 'soak', version: '1' },
    [`${PREFIX}/clientCapabilities`]: { extensions: { [EXTENSION]: {} } },
  };
  const name = (params['taskId'] ?? params['name']) as string;
  const response = await fetch(`${front.url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      'mcp-name': name,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: (asked += 1), method, params: { ...params, _meta } }),
  });
  const text = await response.text();
  const body = JSON.parse(text) as { result?: Task; error?: unknown };
  if (!body.result) throw new Error(`${method}: ${response.status} ${text}`);
  return body.result;
}

const isOver = (status: string) => ['completed', 'failed', 'cancelled'].includes(status);

/** What a client saw of one task. */
interface Seen {
  readonly id: string;
  readonly number: number;
  last?: Task;
  backwards: boolean;
}

/** A status that has ended stays, and no time goes back. */
function note(seen: Seen, task: Task): void {
  const before = seen.last;
  if (before && (isOver(before.status) ? before.status !== task.status : before.lastUpdatedAt > task.lastUpdatedAt)) {
    seen.backwards = true;
  }
  seen.last = task;
}

const invoke = (target: Function, event: unknown) =>
  fetch(`${target.control}/2015-03-31/functions/worker/invocations`, { method: 'POST', body: JSON.stringify(event) });

async function soak(deployment: Deployment) {
  const { front, worker } = deployment;
  const tasks: Seen[] = [];
  const began = Date.now();
  throttles = true;
  let [kills, freezes, duplicates, sweeps, over] = [0, 0, 0, 0, false];
  const command = (id: string, what: string) =>
    fetch(`${worker.control}/environments/${id}/${what}`, { method: 'POST' }).then(it => it.ok);
  const running = async () => {
    const all = (await (await fetch(`${worker.control}/environments`)).json()) as { id: string; state: string }[];
    return all.filter(one => one.state === 'busy').map(one => one.id);
  };
  const victim = async () => {
    const all = await running();
    return all[Math.floor(next() * all.length)];
  };
  const killing = (async () => {
    while (!over && kills < KILLS) {
      await sleep(150 + next() * 250);
      const id = await victim();
      if (id && (await command(id, 'kill'))) kills += 1;
    }
  })();
  // A worker that is frozen in the middle of a task thaws when another one has it: none of its writes may land.
  const freezing = (async () => {
    while (!over && freezes < FREEZES) {
      await sleep(3_000);
      const id = await victim();
      if (!id || !(await command(id, 'freeze'))) continue;
      freezes += 1;
      await sleep((LEASE_SECONDS + 4) * 1_000);
      await command(id, 'thaw').catch(() => false);
    }
  })();
  const sweeping = (async () => {
    while (!over) {
      await sleep(5_000);
      const answer = await invoke(worker, { source: 'mcp-lambda-server', action: 'sweep-tasks' });
      await answer.text();
      sweeps += 1;
    }
  })();
  const watching = (async () => {
    for (;;) {
      const open = tasks.filter(seen => !seen.last || !isOver(seen.last.status));
      if (open.length === 0 && tasks.length === TASKS) return;
      if (Date.now() - began > GIVE_UP_AFTER_MS) return;
      for (const seen of open.slice(0, 400)) note(seen, await ask(front, 'tasks/get', { taskId: seen.id }));
      await sleep(500);
    }
  })();
  let number = 0;
  const creating = Array.from({ length: CREATORS }, async () => {
    while (number < TASKS) {
      const mine = (number += 1) - 1;
      const call = { steps: Number(values.steps), ms: Number(values['step-ms']), number: mine };
      const { taskId } = await ask(front, 'tools/call', { name: 'steps', arguments: call });
      tasks.push({ id: taskId, number: mine, backwards: false });
      if (next() * 100 < Number(values['duplicate-percent'])) {
        await deployment.send(taskId);
        duplicates += 1;
      }
    }
  });
  await Promise.all(creating);
  const createdIn = Date.now() - began;
  await watching;
  const endedIn = Date.now() - began;
  over = true;
  throttles = false;
  await Promise.all([killing, freezing, sweeping]);
  // A frozen worker that thaws late has had its chance to write.
  await sleep((LEASE_SECONDS + 5) * 1_000);
  for (const seen of tasks) note(seen, await ask(front, 'tasks/get', { taskId: seen.id }));
  const count = (holds: (seen: Seen) => boolean) => tasks.filter(holds).length;
  const text = (seen: Seen) => seen.last?.result?.content[0]?.text;
  return {
    tasks: tasks.length,
    workers: WORKERS,
    kills,
    freezes,
    duplicates,
    throttled,
    sweeps,
    createdInMs: createdIn,
    endedInMs: endedIn,
    completed: count(seen => seen.last?.status === 'completed'),
    open: count(seen => !seen.last || !isOver(seen.last.status)),
    failed: count(seen => seen.last?.status === 'failed' || seen.last?.status === 'cancelled'),
    errors: tasks.flatMap(seen => (seen.last?.error ? [seen.last.error] : [])).slice(0, 5),
    backwards: count(seen => seen.backwards),
    wrongResult: count(
      seen => seen.last?.status === 'completed' && text(seen) !== `${seen.number}: ${values.steps} steps`,
    ),
  };
}

const quantile = (of: number[], share: number) =>
  Math.round([...of].sort((a, b) => a - b)[Math.ceil(of.length * share) - 1] ?? NaN);

/** Waits until a task has a status, and returns the time that took. */
async function until(front: Function, taskId: string, status: string): Promise<number> {
  const began = performance.now();
  for (;;) {
    const task = await ask(front, 'tasks/get', { taskId });
    if (task.status === status) return performance.now() - began;
    if (isOver(task.status) || performance.now() - began > 60_000) throw new Error(`${status}: ${JSON.stringify(task)}`);
    await sleep(10);
  }
}

/** How long it takes from a call to the end of a task that does nothing, and from a cancellation to the end of one that runs. */
async function latency({ front }: Deployment, rounds: number) {
  const [created, ended, cancelled]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    const call = { steps: 0, ms: 0, number: round };
    const { taskId } = await ask(front, 'tools/call', { name: 'steps', arguments: call });
    created.push(performance.now() - began);
    await until(front, taskId, 'completed');
    ended.push(performance.now() - began);
  }
  for (let round = 0; round < rounds; round += 1) {
    const call = { steps: 1_000, ms: 100, number: round };
    const { taskId } = await ask(front, 'tools/call', { name: 'steps', arguments: call });
    // By then a worker runs it.
    await sleep(700 + next() * 1_000);
    const began = performance.now();
    await ask(front, 'tasks/cancel', { taskId });
    await until(front, taskId, 'cancelled');
    cancelled.push(performance.now() - began);
  }
  const of = (all: number[]) => ({ p50: quantile(all, 0.5), p99: quantile(all, 0.99) });
  return { createMs: of(created), createToEndMs: of(ended), cancelToEndMs: of(cancelled), rounds };
}

const folder = await mkdtemp(join(tmpdir(), 'soak-'));
try {
  const deployment = await deploy(folder);
  console.log(JSON.stringify(await latency(deployment, Number(values['latency-rounds']))));
  const outcome = await soak(deployment);
  console.log(JSON.stringify(outcome));
  if (outcome.open + outcome.failed + outcome.backwards + outcome.wrongResult > 0) process.exitCode = 1;
} finally {
  await Promise.all(programs.reverse().map(one => one.stop()));
  await rm(folder, { recursive: true });
}
