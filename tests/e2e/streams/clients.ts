// Each official client in the session era: one call, after which it stays connected.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { root } from '../server.ts';

export interface Case {
  readonly name: string;
  readonly url: string;
  readonly arguments: Record<string, unknown>;
  /** How long the client waits for the response, in seconds. */
  readonly timeout: number;
}

/** Runs cases at once. `outcomes` says how each call ended for its caller; `stop` ends the clients. */
export interface Running {
  readonly outcomes: Map<string, string>;
  stop(): Promise<void>;
}

type Connected = {
  call(options: { timeout: number }): Promise<unknown>;
  close(): Promise<void>;
};

async function typescript1(one: Case): Promise<Connected> {
  const client = new Client1({ name: 'e2e', version: '1' });
  client.onerror = () => {};
  await client.connect(new Transport1(new URL(one.url)));
  const params = { name: 'ending', arguments: one.arguments };
  return {
    call: options => client.callTool(params, undefined, { ...options, onprogress: () => {} }),
    close: () => client.close(),
  };
}

async function typescript2(one: Case): Promise<Connected> {
  const client = new Client2({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: 'legacy' } });
  client.onerror = () => {};
  await client.connect(new Transport2(new URL(one.url)));
  const params = { name: 'ending', arguments: one.arguments };
  return {
    call: options => client.callTool(params, { ...options, onprogress: () => {} }),
    close: () => client.close(),
  };
}

function here(connect: (one: Case) => Promise<Connected>): (cases: Case[]) => Running {
  return cases => {
    const outcomes = new Map<string, string>();
    const open: Connected[] = [];
    const run = async (one: Case) => {
      try {
        const client = await connect(one);
        open.push(client);
        await new Promise(resolve => setTimeout(resolve, 500));
        await client.call({ timeout: one.timeout * 1_000 });
        outcomes.set(one.name, 'result');
      } catch (error) {
        outcomes.set(one.name, String(error).slice(0, 200));
      }
    };
    const running = cases.map(run);
    return {
      outcomes,
      stop: async () => {
        await Promise.all(open.map(client => client.close().catch(() => {})));
        await Promise.allSettled(running);
      },
    };
  };
}

function python(environment: string, flavour: string): (cases: Case[]) => Running {
  return cases => {
    const outcomes = new Map<string, string>();
    const args = ['tests/e2e/streams/clients.py', flavour];
    const child = spawn(`${environment}/bin/python`, args, { cwd: root, stdio: ['pipe', 'pipe', 'ignore'] });
    const atExit = () => child.kill('SIGKILL');
    process.once('exit', atExit);
    child.once('exit', () => process.off('exit', atExit));
    createInterface({ input: child.stdout }).on('line', line => {
      const { name, outcome } = JSON.parse(line) as { name: string; outcome: string };
      outcomes.set(name, outcome);
    });
    child.stdin.write(`${JSON.stringify(cases)}\n`);
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
    return { outcomes, stop: async () => (child.stdin.end(), ended) };
  };
}

export const CLIENTS: Readonly<Record<string, (cases: Case[]) => Running>> = {
  'TypeScript 1.32': here(typescript1),
  'TypeScript 2.4': here(typescript2),
  'Python 1.30': python('.venv-mcp1', 'mcp1'),
  'Python 2.3': python('.venv', 'mcp2'),
  'FastMCP 4.2': python('.venv-fastmcp', 'fastmcp'),
};
