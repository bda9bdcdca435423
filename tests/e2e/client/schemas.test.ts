// `mcp-lambda validate-schemas`, and what other servers are found to do wrong.
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { client, mcpLambda } from './program.ts';

beforeAll(async () => {
  await client();
}, 600_000);

describe.each(['stateless', 'session'])('validate-schemas of the reference server, %s', era => {
  it('finds nothing', async () => {
    const ran = await mcpLambda(['validate-schemas', inject('url'), '--call', '--era', era]);
    expect(ran, ran.stdout + ran.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/10 tools, 1 prompt, \d+ resources?, 3 templates; \d results?: no findings\n$/);
  });

  it('reports in JSON, of one tool if one is named', async () => {
    const ran = await mcpLambda(['validate-schemas', inject('url'), '--tool', 'echo', '--era', era, '-o', 'json']);
    expect(ran.code, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      era: era === 'session' ? '2025' : '2026-07-28',
      counts: { tools: 1, prompts: 0, resources: 0, templates: 0 },
      findings: [],
    });
  });
});

it.each([
  { why: 'a server that is away', args: ['http://127.0.0.1:9/mcp'], code: 2, text: 'cannot reach' },
  { why: 'a tool that is not there', args: [inject('url'), '--tool', 'nothing'], code: 1, text: 'it has' },
  { why: 'an unknown provider', args: [inject('url'), '--provider', 'acme'], code: 64, text: 'openai' },
])('validate-schemas ends with $code for $why', async ({ args, code, text }) => {
  const ran = await mcpLambda(['validate-schemas', ...args]);
  expect(ran).toMatchObject({ code, stderr: expect.stringContaining(text) });
});
