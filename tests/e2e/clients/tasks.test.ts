// Real clients that run tasks, in both revisions, against the server of the conformance suite, which has tools for it.
// MCP_E2E_FIXTURE_URL names one that runs elsewhere.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createTaskSessionFromClient, resultFromTaskOutcome } from '@modelcontextprotocol/ext-tasks/client';
import type { CreateTaskSessionFromClientOptions, RawClientDispatch, TaskState } from '@modelcontextprotocol/ext-tasks/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, start, type Server } from '../server.ts';
import { textOf } from './text.ts';
import { unittest } from './unittest.ts';

const STATELESS = '2026-07-28';
const TASKS = 'io.modelcontextprotocol/tasks';
const NAMED = { name: 'e2e', version: '1' };
const ANSWER = { action: 'accept' as const, content: { confirm: true } };

/** A call that takes a second, and one that asks before it goes on. */
const SLOW = { name: 'slow_compute', arguments: { seconds: 1, label: 'a film' } };
const ASKING = { name: 'confirm_delete', arguments: { filename: 'a.txt' } };

let server: Server | undefined;
let url: string;

beforeAll(async () => {
  const elsewhere = process.env['MCP_E2E_FIXTURE_URL'];
  if (!elsewhere) server = await start(await build('conformance-server'));
  url = elsewhere ?? server!.url;
}, 600_000);

afterAll(async () => {
  await server?.stop();
});

describe('TypeScript SDK 1.x, tasks of 2025-11-25', () => {
  /** Runs a call as a task to its end. Returns the text of its result, and the statuses that it had. */
  async function run(call: typeof SLOW | typeof ASKING): Promise<{ text: string; seen: string[] }> {
    const client = new ClientV1(NAMED, { capabilities: { elicitation: { form: {} } } });
    client.setRequestHandler(ElicitRequestSchema, async () => ANSWER);
    await client.connect(new TransportV1(new URL(url)));
    try {
      // The list tells the client which tools run as tasks.
      const { tools } = await client.listTools();
      expect(tools.find(tool => tool.name === call.name)?.execution?.taskSupport).toBe('optional');
      const seen: string[] = [];
      const stream = client.experimental.tasks.callToolStream(call, CallToolResultSchema, { task: { ttl: 60_000 } });
      for await (const message of stream) {
        if (message.type === 'error') throw message.error;
        if (message.type === 'taskCreated') expect(message.task.ttl).toBe(60_000);
        if (message.type === 'result') return { text: textOf(message.result), seen };
        seen.push(message.task.status);
      }
      throw new Error('the stream has no result');
    } finally {
      await client.close();
    }
  }

  it('runs a call as a task', async () => {
    const { text, seen } = await run(SLOW);
    expect(text).toBe('Computed a film in 1 s');
    expect([seen[0], seen.at(-1)]).toEqual(['working', 'completed']);
  });

  it('answers what a task asks, on the stream of tasks/result', async () => {
    const { text, seen } = await run(ASKING);
    expect(text).toBe('Deleted a.txt');
    expect(seen).toContain('input_required');
  });

  it('cancels a task', async () => {
    const client = new ClientV1(NAMED);
    await client.connect(new TransportV1(new URL(url)));
    const long = { ...SLOW, arguments: { seconds: 60, label: 'x' } };
    for await (const message of client.experimental.tasks.callToolStream(long, CallToolResultSchema, { task: {} })) {
      if (message.type === 'taskCreated') {
        const cancelled = await client.experimental.tasks.cancelTask(message.task.taskId);
        expect(cancelled.status).toBe('cancelled');
      }
      if (message.type === 'error') expect(message.error.message).toContain('was cancelled');
    }
    await client.close();
  });
});

// Its client of tasks is a package of its own. For 2026-07-28 the package leaves the sending to the program. In 2025-11-25 it
// does not send tasks/result while a task asks, so it is asked nothing: docs/tasks.md.
describe('TypeScript client 2.x with ext-tasks', () => {
  const capabilities = { elicitation: { form: {} } };

  let id = 0;
  const rawDispatch: RawClientDispatch = async request => {
    const { method, params } = request as { method: string; params: { taskId?: string; name?: string } };
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': STATELESS,
        'mcp-method': method,
        'mcp-name': params.taskId ?? params.name ?? '',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: (id += 1), method, params }),
    });
    const { result, error } = (await response.json()) as { result: never; error?: never };
    return error === undefined ? { kind: 'result', result } : { kind: 'error', error };
  };

  async function run(
    mode: 'legacy' | 'auto',
    call: typeof SLOW | typeof ASKING,
  ): Promise<{ text: string; seen: TaskState[] }> {
    const client = new Client(NAMED, { capabilities, versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    expect(client.getNegotiatedProtocolVersion()).toBe(mode === 'auto' ? STATELESS : '2025-11-25');
    const framing = { protocolVersion: STATELESS, clientInfo: NAMED, clientCapabilities: capabilities };
    const answering = { endpointId: 'e2e', onInputRequest: (async () => ANSWER) as never };
    const options: CreateTaskSessionFromClientOptions =
      mode === 'auto' ? { ...answering, rawDispatch, v2RequestFraming: framing } : answering;
    const session = createTaskSessionFromClient(client, options);
    try {
      const seen: TaskState[] = [];
      const execution = await session.callTool(call.name, call.arguments, { task: { preference: 'require' } });
      const { outcome } = await execution.settle({
        onEvent: event => void (event.type === 'task' && seen.push(event.task.status)),
      });
      return { text: textOf(resultFromTaskOutcome(outcome)), seen };
    } finally {
      await session.close();
      await client.close();
    }
  }

  it.each(['legacy', 'auto'] as const)('runs a call as a task, %s', async mode => {
    const { text, seen } = await run(mode, SLOW);
    expect(text).toBe('Computed a film in 1 s');
    expect(seen).toContain('working');
  });

  it('hears of each change of a task on a listen stream, and of its end', async () => {
    const capable = { ...capabilities, extensions: { [TASKS]: {} } };
    const client = new Client(NAMED, { capabilities: capable, versionNegotiation: { mode: 'auto' } });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    const meta = {
      'io.modelcontextprotocol/protocolVersion': STATELESS,
      'io.modelcontextprotocol/clientInfo': NAMED,
      'io.modelcontextprotocol/clientCapabilities': capable,
    };
    const created = await rawDispatch({ method: 'tools/call', params: { ...SLOW, _meta: meta } });
    const { taskId } = (created as unknown as { result: { taskId: string } }).result;
    const seen: unknown[] = [];
    client.fallbackNotificationHandler = async ({ method, params }) => {
      if (method === 'notifications/tasks') seen.push((params as { status: unknown }).status);
    };
    const subscription = await client.listen({ taskIds: [taskId] } as never);
    expect(await subscription.closed).toBe('graceful');
    expect(seen).toEqual(['working', 'completed']);
    await client.close();
  });

  it('answers what a task of 2026-07-28 asks', async () => {
    const { text, seen } = await run('auto', ASKING);
    expect(text).toBe('Deleted a.txt');
    expect(seen).toContain('input_required');
  });
});

describe('Python clients', () => {
  it('of 2.x with its hooks for extensions, tasks of 2026-07-28', async () => {
    const { code, report } = await unittest('test_tasks.Stateless', url);
    expect(code, report).toBe(0);
    expect(report).toMatch(/^Ran 2 tests/m);
  });

  it('of 1.x, tasks of 2025-11-25', async () => {
    const { code, report } = await unittest('test_experimental_tasks.Session', url, '.venv-mcp1');
    expect(code, report).toBe(0);
    expect(report).toMatch(/^Ran 2 tests/m);
  });
});
