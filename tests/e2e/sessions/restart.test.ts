// A server with its state in a file is killed and started again: clients go on as if nothing had happened.
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build, freePort, start, type Server } from '../server.ts';
import { Session, type Message } from './client.ts';

let binary: string;
let folder: string;
const servers: Server[] = [];

beforeAll(async () => {
  binary = await build('mcp-lambda-reference');
  folder = await mkdtemp(join(tmpdir(), 'restart-'));
}, 900_000);
afterAll(async () => {
  for (const server of servers) await server.stop('SIGKILL');
  await rm(folder, { recursive: true });
});

async function serve(port: number, env: NodeJS.ProcessEnv): Promise<Server> {
  const server = await start(binary, [], { port, env });
  servers.push(server);
  return server;
}

const value = (message: Message) => (message.result?.structuredContent as { value?: number } | undefined)?.value;

/** Reads a stream until a message names an event type. Its id, if the stream has given one. */
async function until(messages: AsyncGenerator<{ id?: string; message?: Message }>, type: string): Promise<string> {
  for await (const { id, message } of messages) {
    if (message && JSON.stringify(message).includes(type) && id !== undefined) return id;
  }
  throw new Error(`the stream has ended without ${type}`);
}

it('sessions, their state and events outlive kill -9, and a client that resumes misses nothing', async () => {
  const port = await freePort();
  const file = join(folder, 'chosen', 'server.db');
  const env = { MCP_STORE: `sqlite:${file}` };
  const first = await serve(port, env);
  expect(first.printed()).toContain(`State: in the file ${file}`);
  const session = await Session.open(first.url);
  const publisher = await Session.open(first.url);
  const publish = (event_type: string) => publisher.answer('publish_event', { event_type });
  expect(value((await session.answer('counter', { by: 5 })).message)).toBe(5);
  const stream = await session.listen();
  expect(stream.status).toBe(200);
  await publish('before');
  const last = await until(stream.messages, 'before');
  await stream.messages.return(undefined);
  await publish('between');
  await first.stop('SIGKILL');

  const second = await serve(port, env);
  await publish('after');
  expect(value((await session.answer('counter', { by: 1 })).message)).toBe(6);
  const resumed = await session.resume(last);
  expect(resumed.status).toBe(200);
  const said: string[] = [];
  for await (const { message } of resumed.messages) {
    const text = JSON.stringify(message ?? {});
    said.push(...['before', 'between', 'after'].filter(type => text.includes(`"${type}"`)));
    if (said.includes('after')) break;
  }
  expect(new Set(said)).toEqual(new Set(['between', 'after']));
  expect((await second.stop()).code).toBe(0);
});

it('a task whose process was killed is run by the next one', async () => {
  const port = await freePort();
  const env = { MCP_STORE: `sqlite:${join(folder, 'tasks.db')}`, MCP_TASK_LEASE_SECONDS: '10' };
  const first = await serve(port, env);
  const session = await Session.open(first.url);
  const ask = async (method: string, params: object) => {
    const { messages } = await session.post({ id: randomUUID(), method, params });
    for await (const { message } of messages) if (message && 'id' in message) return message.result as { status?: string; task?: { taskId: string } };
    throw new Error(`${method} was not answered`);
  };
  const call = { name: 'progress', arguments: { steps: 2, delay_ms: 2_000 }, task: { ttl: 300_000 } };
  const taskId = (await ask('tools/call', call)).task?.taskId;
  expect((await ask('tasks/get', { taskId })).status).toBe('working');
  await first.stop('SIGKILL');

  await serve(port, env);
  await expect.poll(async () => (await ask('tasks/get', { taskId })).status, { timeout: 90_000, interval: 500 }).toBe('completed');
}, 120_000);

it('the file of a server that names none has its name, and --memory writes none', async () => {
  const home = join(folder, 'home');
  const env = { MCP_STORE: '', XDG_STATE_HOME: home };
  const server = await serve(await freePort(), env);
  const file = join(home, 'mcp-lambda-server', 'mcp-lambda-reference.db');
  expect(server.printed()).toContain(`State: in the file ${file} (MCP_STORE=memory keeps none)`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  // A second process of the same server shares it.
  const other = await serve(await freePort(), env);
  const session = await Session.open(server.url);
  const elsewhere = session.at(other.url);
  expect(value((await session.answer('counter', { by: 2 })).message)).toBe(2);
  expect(value((await elsewhere.answer('counter', { by: 2 })).message)).toBe(4);
  await Promise.all([server.stop(), other.stop()]);

  const memory = join(folder, 'memory');
  const none = await start(binary, ['--memory'], { env: { MCP_STORE: '', XDG_STATE_HOME: memory } });
  servers.push(none);
  expect(none.printed()).toContain('State: in the memory of this process');
  await expect(readdir(memory)).rejects.toThrow('ENOENT');
});

it('a home that cannot be written to is a warning, a file that was chosen is an error', async () => {
  const server = await serve(await freePort(), { MCP_STORE: '', XDG_STATE_HOME: '/proc/none' });
  expect(server.printed()).toContain('State: in the memory of this process');
  expect(server.printed()).toContain('state is kept in memory, and is gone when the process ends');
  await server.stop();
  const refused = start(binary, [], { env: { MCP_STORE: 'sqlite:/proc/none/server.db' } });
  await expect(refused).rejects.toThrow('MCP_STORE is "sqlite:/proc/none/server.db": expected a usable file: /proc/none');
});
