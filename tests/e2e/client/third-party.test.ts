// `mcp-lambda test` against servers that others have written, and against ours. Each finding below was compared by
// hand with the specification and with what was sent and received: no other may appear.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { run } from '../run.ts';
import { accepts, freePort, root } from '../server.ts';
import { client, inFolder, mcpLambda, NOBODY } from './program.ts';

beforeAll(async () => {
  await client();
}, 600_000);

interface Finding {
  id: string;
  suite: string;
  era?: string;
  result: string;
  reason?: string;
}

/** What the checks say. */
async function checked(url: string, suites = 'all'): Promise<Finding[]> {
  return inFolder(async folder => {
    const [report, junit] = [join(folder, 'report.json'), join(folder, 'junit.xml')];
    const options = ['--suite', suites, '--concurrency', '8', '--quiet-time', '200', '--timeout', '20'];
    const ran = await run(await client(), ['test', '--url', url, '--report', report, '--report', junit, ...options], NOBODY, 110_000);
    const { findings } = JSON.parse(await readFile(report, 'utf8')) as { findings: Finding[] };
    expect(findings.filter(({ result }) => result === 'passed').length, ran.stdout + ran.stderr).toBeGreaterThan(15);
    const count = (of: string) => findings.filter(({ result }) => result === of).length;
    const failed = count('failed');
    expect(ran.code).toBe(failed > 0 ? 1 : 0);
    const counts = `tests="${findings.length}" skipped="${count('skipped')}" failures="${failed}" errors="0"`;
    expect(await readFile(junit, 'utf8')).toContain(`<testsuites name="mcp-lambda test" ${counts}`);
    return findings;
  });
}

/** What they find: the result, the id of the check, and the era. */
function bad(findings: Finding[]): string[] {
  const wrong = findings.filter(({ result }) => result === 'failed' || result === 'warning');
  return wrong.map(({ id, era, result }) => `${result} ${id} ${era ?? ''}`.trim()).sort();
}

/** Runs a server of others while it is used. */
async function withServer(command: string, args: (port: number) => string[], use: (url: string) => Promise<void>): Promise<void> {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(command, args(port), { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  const ended = once(child, 'close');
  try {
    const deadline = Date.now() + 30_000;
    while (!(await accepts(port))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${command} does not listen:\n${printed}`);
      await sleep(50);
    }
    await use(`http://127.0.0.1:${port}/mcp`);
  } finally {
    child.kill('SIGKILL');
    await ended;
    process.off('exit', atExit);
  }
}

describe('mcp-lambda test', () => {
  it('ends with 2 without a report where there is no MCP server', () =>
    inFolder(async folder => {
      // A function cannot be invoked without credentials.
      for (const url of ['http://127.0.0.1:9/mcp', inject('url').replace('/mcp', '/other'), 'my-function']) {
        const report = join(folder, 'report.json');
        const ran = await mcpLambda(['test', '--url', url, '--report', report], { AWS_REGION: 'eu-north-1' });
        expect(ran.code, ran.stderr).toBe(2);
        expect(ran.stderr.split(url)[0]).toMatch(/^mcp-lambda: (cannot reach )?$/);
        await expect(readFile(report)).rejects.toThrow('ENOENT');
      }
    }), 60_000);

  it('finds nothing at the reference server', async () => {
    expect(bad(await checked(inject('url')))).toEqual([]);
  }, 120_000);

  // The suite streaming takes half a minute more, as a tool of this server takes ten seconds, and finds one thing: a GET with
  // the last event of one call brings the progress and the result of another (streaming.resume-own).
  it('finds at server-everything what it does wrong', async () => {
    const command = join(root, 'node_modules', '.bin', 'mcp-server-everything');
    await withServer(command, () => ['streamableHttp'], async url => {
      expect(bad(await checked(url, 'protocol,session'))).toEqual([
        // After DELETE the session must be 404; it is 400, and so is a session that never was.
        'failed session.end 2025',
        'failed session.unknown-id 2025',
        // An array of requests is answered with an array of results.
        'warning protocol.batch 2025',
        // -32602, where the code should be -32002.
        'warning protocol.resource-not-found 2025',
      ]);
    });
  }, 150_000);

  it('finds at a FastMCP server what it does wrong', async () => {
    const python = join(root, '.venv-fastmcp', 'bin', 'python');
    await withServer(python, port => [join(root, 'tests', 'load', 'fastmcp_server.py'), String(port)], async url => {
      const findings = await checked(url);
      expect(bad(findings)).toEqual([
        // Blanks behind the value of a header are compared as a part of it.
        'failed protocol.header-case 2026-07-28',
        // Any origin is served.
        'failed protocol.origin 2025',
        'failed protocol.origin 2026-07-28',
        // Without the header, a request with the metadata of 2026-07-28 is read as one of an earlier revision.
        'failed protocol.version-header 2026-07-28',
        'warning protocol.resource-not-found 2025',
        // Any cursor gets the first page.
        'warning tools.cursor 2025',
        'warning tools.cursor 2026-07-28',
        // An unknown tool is a result with isError, and no error.
        'warning tools.unknown 2025',
        'warning tools.unknown 2026-07-28',
      ]);
      // It has neither sessions nor tasks: a check that cannot run has not passed, and says why.
      const reasons = (suite: string) =>
        new Set(findings.filter(it => it.suite === suite).map(({ result, reason }) => `${result}: ${reason}`));
      expect(reasons('session')).toEqual(new Set(['skipped: the server gives no session ids']));
      expect(reasons('tasks')).toEqual(
        new Set(['skipped: the server does not declare the extension io.modelcontextprotocol/tasks']),
      );
    });
  }, 150_000);
});
