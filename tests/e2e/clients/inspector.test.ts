// The Inspector's command line, as a newcomer would use it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { run } from '../run.ts';
import { TOOLS } from './reference.ts';

let home: string;
beforeAll(async () => void (home = await mkdtemp(join(tmpdir(), 'inspector-'))));
afterAll(() => rm(home, { recursive: true }));

function inspect(era: string, ...args: string[]) {
  const inspector = ['node_modules/.bin/mcp-inspector', '--cli', inject('url'), '--protocol-era', era];
  return run('scripts/node22', [...inspector, ...args], { HOME: home });
}

describe.each(['legacy', 'modern'])('Inspector, protocol era %s', era => {
  it('lists the tools', async () => {
    const { code, stdout, stderr } = await inspect(era, '--method', 'tools/list');
    expect(code, stderr).toBe(0);
    const { tools } = JSON.parse(stdout) as { tools: { name: string }[] };
    expect(tools.map(tool => tool.name)).toEqual(expect.arrayContaining(TOOLS));
  });

  it('finds nothing to mend in the tools', async () => {
    const { code, stderr } = await inspect(era, '--method', 'tools/list', '--strict');
    expect(code, stderr).toBe(0);
  });

  it('calls echo', async () => {
    const call = ['--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hi'];
    const { code, stdout, stderr } = await inspect(era, ...call);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ content: [{ type: 'text', text: 'hi' }] });
  });

  it.each(['resources', 'prompts'])('lists the %s', async kind => {
    const { code, stdout, stderr } = await inspect(era, '--method', `${kind}/list`);
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as Record<string, unknown[]>)[kind]).not.toHaveLength(0);
  });
});
