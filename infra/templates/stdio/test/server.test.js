// The server as clients start it, over stdio.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const { mcpServers } = JSON.parse(await readFile(new URL('../mcp-servers.json', import.meta.url), 'utf8'));

test('the server lists its tools', { timeout: 120_000 }, async () => {
  const client = new Client({ name: 'test', version: '1' });
  const { server } = mcpServers;
  await client.connect(new StdioClientTransport({ ...server, env: { ...process.env, ...server.env } }));
  const { tools } = await client.listTools();
  await client.close();
  assert.notEqual(tools.length, 0);
});
