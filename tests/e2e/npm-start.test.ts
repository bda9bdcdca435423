// What the README tells a newcomer to type, as it stands there.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from './run.ts';
import { freePort, start } from './server.ts';

it.skipIf(process.env['MCP_E2E_URL'])('npm start serves the Inspector and ends on Ctrl-C', async () => {
  const home = await mkdtemp(join(tmpdir(), 'inspector-'));
  const server = await start('npm', ['start'], { likeATerminal: true, env: { MCP_STORE: '', XDG_STATE_HOME: home } });
  try {
    const call = ['--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hi'];
    const inspector = ['@modelcontextprotocol/inspector', '--cli', server.url, ...call];
    const { code, stdout, stderr } = await run('npx', inspector, { HOME: home });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ content: [{ type: 'text', text: 'hi' }] });
    expect(server.printed()).toContain(`serves MCP at ${server.url}`);
    for (const line of [server.url.replace('/mcp', '/'), `inspector --cli ${server.url}`, 'claude mcp add', `\nState: in the file ${home}/mcp-lambda-server/mcp-lambda-reference.db`]) {
      expect(server.printed()).toContain(line);
    }
  } finally {
    await rm(home, { recursive: true });
    const { code } = await server.stop('SIGINT');
    expect(code, server.printed()).toBe(0);
  }
});

it.skipIf(process.env['MCP_E2E_URL'])('a second npm start builds nothing, takes PORT, and names a port that is taken in one sentence', async () => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  try {
    const { code, stdout, stderr } = await run('npm', ['start', '--silent'], { PORT: String(port) });
    expect(code).toBe(1);
    expect(stdout).toBe('');
    // No line of cargo, of a debug level, or of a stack.
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(`^Error: cannot listen on 127\\.0\\.0\\.1:${port}: another program uses this port; end it, or choose another port, as in PORT=9001`),
    ]);
  } finally {
    other.close();
  }
});
