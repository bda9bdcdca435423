// Tasks of a deployed server: a call creates one, SQS invokes the worker, and the result is read through the server's URL.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../server.ts';
import { startCloud, type Cloud } from './cloud.ts';
import { askOfTasks, call, readLinked, type Block } from './mcp.ts';

/** ministack takes the path of a bucket that begins with `tasks` for one of ECS. */
const STACK = 'with-tasks';
const WITHIN_MS = 60_000;
/** A task is due a minute after it was sent, and the schedule of the stack sweeps each minute. */
const SWEPT_WITHIN_MS = 180_000;
let program: string;
let cloud: Cloud;
let outputs: Record<string, string>;
let url: string;

/** As in app.test.ts, with tasks. */
const settings = () =>
  Object.entries({
    'server.name': STACK,
    'server.code': join(cloud.folder, 'program'),
    'lambda.architecture': 'x86_64',
    'auth.enabled': 'false',
    'observability.alarms': 'false',
    'observability.saved_queries': 'false',
    'tasks.enabled': 'true',
    'tasks.update_event_bus': 'default',
    // A task of a worker that was killed waits that long for the next one.
    'tasks.lease_seconds': '10',
    'large_results.enabled': 'true',
    'large_results.max_bytes': '16384',
  })
    .flatMap(([name, value]) => ['--context', `${name}=${value}`])
    .concat('--output', join(cloud.folder, 'cdk.out'));

beforeAll(async () => {
  program = await build('conformance-server');
  cloud = await startCloud();
  await mkdir(join(cloud.folder, 'program'));
  await copyFile(program, join(cloud.folder, 'program', 'bootstrap'));
  const bootstrapped = await cloud.cdk(['bootstrap', ...settings()]);
  expect(bootstrapped.code, bootstrapped.stderr).toBe(0);
  const file = join(cloud.folder, 'outputs.json');
  const deployed = await cloud.cdk(['deploy', '--require-approval', 'never', '--outputs-file', file, ...settings()]);
  expect(deployed.code, deployed.stderr).toBe(0);
  outputs = JSON.parse(await readFile(file, 'utf8'))[STACK];
  url = `${cloud.url}/_aws/lambda-url/${new URL(outputs['McpEndpoint']!).hostname.split('.')[0]}/mcp`;
});

afterAll(() => cloud?.stop());

interface Task {
  readonly taskId: string;
  readonly resultType: string;
  readonly status: string;
  readonly statusMessage?: string;
  readonly inputRequests?: Record<string, unknown>;
  readonly result?: { readonly content: (Block & { readonly text: string })[]; readonly isError?: boolean };
  readonly error?: { readonly code: number; readonly message: string };
}

async function request(method: string, params: Record<string, unknown>): Promise<Task> {
  const { result, error } = await askOfTasks(url, method, params);
  if (error) throw new Error(error.message);
  return result as unknown as Task;
}

async function create(name: string, args: Record<string, unknown>): Promise<string> {
  const { resultType, taskId } = await request('tools/call', { name, arguments: args });
  expect(resultType).toBe('task');
  return taskId;
}

/** Asks for the task until it has the status. */
async function until(taskId: string, status: string, withinMs = WITHIN_MS): Promise<Task> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const task = await request('tasks/get', { taskId });
    if (task.status === status) return task;
    if (Date.now() > deadline) throw new Error(`not ${status} within ${withinMs} ms: ${JSON.stringify(task)}`);
    await sleep(200);
  }
}

/** Answers the question of `confirm_delete`. */
const answer = (taskId: string) =>
  request('tasks/update', {
    taskId,
    inputResponses: { confirm: { action: 'accept', content: { confirm: true } } },
  });

const textOf = ({ result }: Task) => result?.content.map(({ text }) => text).join();

/** Invokes the worker as another system does. */
async function invokeWorker(event: object): Promise<void> {
  const payload = join(cloud.folder, 'event.json');
  await writeFile(payload, JSON.stringify(event));
  const { FunctionError } = await cloud.aws<{ FunctionError?: string }>(
    'lambda',
    'invoke',
    '--function-name',
    `${outputs['WorkerFunctionName']}:live`,
    '--payload',
    `fileb://${payload}`,
    join(cloud.folder, 'out.json'),
  );
  expect(FunctionError, await readFile(join(cloud.folder, 'out.json'), 'utf8')).toBeUndefined();
}

/** Switches the event source mapping of the queue on or off. */
async function mapping(state: 'enabled' | 'no-enabled'): Promise<void> {
  const { EventSourceMappings } = await cloud.aws<{ EventSourceMappings: { UUID: string }[] }>(
    'lambda',
    'list-event-source-mappings',
  );
  await cloud.aws('lambda', 'update-event-source-mapping', '--uuid', EventSourceMappings[0]!.UUID, `--${state}`);
}

const messages = async () => {
  const { Attributes } = await cloud.aws<{ Attributes: Record<string, string> }>(
    'sqs',
    'get-queue-attributes',
    '--queue-url',
    outputs['TaskQueueUrl']!,
    '--attribute-names',
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
};

describe('a deployed server with tasks', () => {
  it('runs a task on the worker, and its result is read by its client', async () => {
    const taskId = await create('slow_compute', { seconds: 1, label: 'seven' });
    expect(textOf(await until(taskId, 'completed'))).toBe('Computed seven in 1 s');
    const deadline = Date.now() + WITHIN_MS;
    while ((await messages()) > 0) {
      if (Date.now() > deadline) throw new Error('a message is left in the queue');
      await sleep(200);
    }
  });

  it('runs the call within its request for a client that knows no tasks', async () => {
    expect(await call(url, 'slow_compute', { seconds: 0, label: 'two' })).toContain('Computed two');
  });

  it('moves the large result of a task to the bucket, and its client reads it by the link', async () => {
    const label = 'seven'.repeat(8_000);
    const taskId = await create('slow_compute', { seconds: 0, label });
    const { result } = await until(taskId, 'completed');
    expect(await readLinked(result!.content)).toBe(`Computed ${label} in 0 s`);
  });

  it('fails a task with the error of its tool', async () => {
    const taskId = await create('protocol_error_job', {});
    expect((await until(taskId, 'failed')).error?.message).toContain('the job has broken');
  });

  it('goes on with the answer of the client', async () => {
    const taskId = await create('confirm_delete', { filename: 'a.txt' });
    const { inputRequests } = await until(taskId, 'input_required');
    expect(Object.keys(inputRequests!)).toEqual(['confirm']);
    await answer(taskId);
    expect(textOf(await until(taskId, 'completed'))).toBe('Deleted a.txt');
  });

  it('takes the answer of another system, which invokes the worker', async () => {
    const taskId = await create('confirm_delete', { filename: 'c.txt' });
    await until(taskId, 'input_required');
    const inputResponses = { confirm: { action: 'accept', content: { confirm: true } } };
    await invokeWorker({ source: 'mcp-lambda-server', action: 'update-task', taskId, inputResponses });
    expect(textOf(await until(taskId, 'completed'))).toBe('Deleted c.txt');
  });

  it('takes the result of another system, which publishes it on the event bus', async () => {
    const taskId = await create('confirm_delete', { filename: 'd.txt' });
    await until(taskId, 'input_required');
    const result = { content: [{ type: 'text', text: 'decided elsewhere' }] };
    const entry = { Source: 'approvals', DetailType: 'MCP Task Update', Detail: JSON.stringify({ taskId, result }) };
    await cloud.aws('events', 'put-events', '--entries', JSON.stringify([entry]));
    expect(textOf(await until(taskId, 'completed'))).toBe('decided elsewhere');
  });

  it('runs a task on a worker that is no function, as on Fargate, which ends when it is asked to', async () => {
    await mapping('no-enabled');
    const { Environment } = await cloud.aws<{ Environment: { Variables: Record<string, string> } }>(
      'lambda',
      'get-function-configuration',
      '--function-name',
      outputs['WorkerFunctionName']!,
    );
    const worker = spawn(program, [], {
      env: { ...process.env, ...cloud.env, ...Environment.Variables, MCP_ROLE: 'worker' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = once(worker, 'exit');
    try {
      const taskId = await create('slow_compute', { seconds: 0, label: 'eight' });
      expect(textOf(await until(taskId, 'completed'))).toContain('Computed eight');
    } finally {
      worker.kill('SIGTERM');
      await mapping('enabled');
    }
    expect(await ended).toEqual([0, null]);
  });

  // Both wait for the schedule of the stack, which sweeps each minute.
  it(
    'sweeps: a task goes on after its processes were killed, and another one runs although its message was lost',
    async () => {
      const killed = await create('confirm_delete', { filename: 'b.txt' });
      await until(killed, 'input_required');
      expect(await cloud.killFunctions()).toBeGreaterThan(0);
      await answer(killed);

      await mapping('no-enabled');
      const lost = await create('slow_compute', { seconds: 0, label: 'lost' });
      await cloud.aws('sqs', 'purge-queue', '--queue-url', outputs['TaskQueueUrl']!);
      await mapping('enabled');

      expect(textOf(await until(killed, 'completed', SWEPT_WITHIN_MS))).toBe('Deleted b.txt');
      expect(textOf(await until(lost, 'completed', SWEPT_WITHIN_MS))).toContain('Computed lost');
    },
    2 * SWEPT_WITHIN_MS,
  );
});
