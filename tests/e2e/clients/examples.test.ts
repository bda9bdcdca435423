// docs/examples.md: every example is in it, runs with the arguments of its command, and answers its call as the page says.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { expect, it } from 'vitest';
import { buildExamples, root, start } from '../server.ts';

interface Row {
  readonly example: string;
  readonly args: string[];
  readonly tool: string;
  readonly values: Record<string, unknown>;
  readonly isTask: boolean;
  readonly answer: string;
}

const ROW = /^\| `(\w+)` \| `cargo run --example (\w+)(?: -- ([^`]+))?` \| .+ \| `(\w+) (\{.*?\})`(, as a task)? \| `(.+)` \|$/;

const rows: Row[] = readFileSync(join(root, 'docs', 'examples.md'), 'utf8').split('\n').flatMap(line => {
  const [, example, named, args, tool, values, isTask, answer] = ROW.exec(line) ?? [];
  if (!example) return [];
  expect(named).toBe(example);
  const read = JSON.parse(values!) as Record<string, unknown>;
  return [{ example, args: args?.split(' ') ?? [], tool: tool!, values: read, isTask: isTask !== undefined, answer: answer! }];
});

it('docs/examples.md lists every example once', () => {
  const files = readdirSync(join(root, 'runtime', 'examples')).map(file => basename(file, '.rs'));
  expect(rows.map(({ example }) => example).sort()).toEqual(files.sort());
});

/** The result of a call whose client declares tasks, as the tool may take long. */
async function startTask(url: string, name: string): Promise<string> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  };
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': 'tools/call',
      'Mcp-Name': name,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {}, _meta: meta } }),
  });
  return ((await response.json()) as { result: { resultType: string } }).result.resultType;
}

it.skipIf(process.env['MCP_E2E_URL']).each(rows)('the example $example answers as docs/examples.md says', async row => {
  const [program] = await buildExamples([row.example]);
  const server = await start(program!, row.args);
  try {
    if (row.isTask) {
      expect(await startTask(server.url, row.tool)).toBe(row.answer);
      return;
    }
    const client = new Client({ name: 'examples', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
    const { content } = await client.callTool({ name: row.tool, arguments: row.values });
    expect(content).toEqual([{ type: 'text', text: row.answer }]);
    await client.close();
  } finally {
    await server.stop();
  }
}, 600_000);
