// What the README tells a newcomer to type, as it stands there.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from './run.ts';
import { start } from './server.ts';

it.skipIf(process.env['MCP_E2E_URL'])('npm start serves the Inspector and ends on Ctrl-C', async () => {
  const server = await start('npm', ['start'], { likeATerminal: true });
  const home = await mkdtemp(join(tmpdir(), 'inspector-'));
  try {
    const call = ['--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hi'];
    const inspector = ['@modelcontextprotocol/inspector', '--cli', server.url, ...call];
    const { code, stdout, stderr } = await run('npx', inspector, { HOME: home });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ content: [{ type: 'text', text: 'hi' }] });
  } finally {
    await rm(home, { recursive: true });
    const { code } = await server.stop('SIGINT');
    expect(code, server.printed()).toBe(0);
  }
});
