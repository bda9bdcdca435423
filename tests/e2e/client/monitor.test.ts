// `mcp-lambda monitor` against the reference server: lines, JSON, alerts, exit codes, signals, the screen of a terminal.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { build, start } from '../server.ts';
import { client, inFolder, mcpLambda, NOBODY } from './program.ts';

let program: string;

beforeAll(async () => {
  program = await client();
}, 600_000);

/** The objects that a run with `--output json` has printed. */
const objects = (stdout: string) =>
  stdout.trim().split('\n').map(line => JSON.parse(line) as Record<string, unknown>);

describe('mcp-lambda monitor', () => {
  it('prints a line for each check, and a summary', async () => {
    const { code, stdout, stderr } = await mcpLambda(['monitor', inject('url'), '--rounds', '3', '--interval', '0.2']);
    expect(code, stderr).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {2}up {3}http.* ms .*available 100\.0 % .* tools$/);
    expect(lines[3]).toMatch(/0 of 3 checks failed {3}0 alerts on$/);
  });

  it('prints JSON, with the event lag of a real subscription', async () => {
    const args = ['monitor', inject('url'), '--rounds', '2', '--interval', '0.2', '--publish-tool', '--tasks', '-o', 'json'];
    const { code, stdout, stderr } = await mcpLambda(args);
    expect(code, stdout + stderr).toBe(0);
    const [first, second, end] = objects(stdout);
    for (const sample of [first, second]) {
      expect(sample).toMatchObject({ endpoint: inject('url'), latency_ms: expect.any(Number), tools: expect.any(Number) });
      expect(sample!['event_lag_ms']).toBeGreaterThan(0);
      expect(sample!['event_lag_ms']).toBeLessThan(5_000);
    }
    expect(end).toMatchObject({ summary: { checks: 2, failures: 0, availability: 100, alerts: [] } });
  });

  it('alerts a command when a server goes, and again when it comes back', () =>
    inFolder(async folder => {
      const server = await build('mcp-lambda-reference');
      let running = await start(server);
      const port = Number(new URL(running.url).port);
      const [config, heard] = [join(folder, 'alerts.toml'), join(folder, 'heard $(touch no)')];
      const command = JSON.stringify(['tee', '-a', heard]);
      await writeFile(config, `[alert]\ncommand = ${command}\n[[rule]]\nname = "down"\nmetric = "availability"\nbelow = 100\nfor_checks = 2\n`);
      const args = ['monitor', running.url, '--interval', '0.1', '--window', '1', '--alert-config', config, '-o', 'json'];
      const watching = spawn(program, args, { env: { ...process.env, ...NOBODY }, stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(watching, 'exit') as Promise<[number | null]>;
      let printed = '';
      watching.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      const sees = (text: string) => expect.poll(() => printed, { timeout: 20_000, interval: 50 }).toContain(text);
      try {
        await sees('"latency_ms"');
        await running.stop();
        await sees('"state":"on"');
        running = await start(server, [], { port });
        await sees('"state":"off"');
      } finally {
        watching.kill('SIGINT');
        await running.stop();
      }
      const [code] = await ended;
      const alerts = objects(await readFile(heard, 'utf8'));
      expect(alerts.map(({ alert, state }) => `${alert} ${state}`)).toEqual(['down on', 'down off']);
      expect(alerts[0]).toMatchObject({ endpoint: running.url, metric: 'availability', value: 0, threshold: 'below 100' });
      expect({ code, end: objects(printed).at(-1) }).toMatchObject({ code: 0, end: { summary: { alerts: [] } } });
    }), 60_000);

  it('ends with 2 for a server that never answers, and with 1 while an alert is on', () =>
    inFolder(async folder => {
      const away = await mcpLambda(['monitor', 'http://127.0.0.1:9/mcp', '--rounds', '1']);
      expect(away).toMatchObject({ code: 2, stderr: expect.stringContaining('http://127.0.0.1:9/mcp: ') });
      const config = join(folder, 'alerts.toml');
      await writeFile(config, '[[rule]]\nname = "always"\nmetric = "latency"\nabove = 0\n');
      const slow = await mcpLambda(['monitor', inject('url'), '--rounds', '1', '--alert-config', config]);
      expect(slow).toMatchObject({ code: 1, stdout: expect.stringContaining('alert on: always: latency of ') });
      await writeFile(config, '[[rule]]\nname = "x"\nmetric = "latency"\nover = 0\n');
      const wrong = await mcpLambda(['monitor', inject('url'), '--rounds', '1', '--alert-config', config]);
      expect(wrong).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('unknown field `over`') });
    }));

  it('says when the certificate of a server ends', () =>
    inFolder(async folder => {
      const [ca, key, certificate] = ['ca.pem', 'key.pem', 'certificate.pem'].map(name => join(folder, name));
      const openssl = (...args: string[]) => {
        const ran = spawnSync('openssl', args, { encoding: 'utf8' });
        expect(ran.status, ran.stderr).toBe(0);
      };
      const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
      openssl(...request, '-days', '20', '-subj', '/CN=authority', '-keyout', join(folder, 'ca.key'), '-out', ca!);
      openssl(
        ...[...request, '-days', '10', '-subj', '/CN=localhost', '-CA', ca!, '-CAkey', join(folder, 'ca.key')],
        ...['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE'],
        ...['-keyout', key!, '-out', certificate!],
      );
      const server = createTlsServer({ key: await readFile(key!), cert: await readFile(certificate!) }, async (request, response) => {
        const chunks = (await request.toArray()) as Buffer[];
        const forwarded = await fetch(inject('url'), {
          method: request.method!,
          headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => name.startsWith('mcp-') || ['accept', 'content-type'].includes(name))) as Record<string, string>,
          ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
        });
        response.writeHead(forwarded.status, { 'content-type': forwarded.headers.get('content-type') ?? 'text/plain' });
        response.end(Buffer.from(await forwarded.arrayBuffer()));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
      const ran = await mcpLambda(['monitor', url, '--rounds', '1', '-o', 'json'], { SSL_CERT_FILE: ca });
      server.close();
      expect(ran.code, ran.stdout + ran.stderr).toBe(0);
      const days = Number(objects(ran.stdout)[0]!['expires_in_s']) / 86_400;
      expect(days).toBeGreaterThan(9.9);
      expect(days).toBeLessThanOrEqual(10);
    }));
});

const tmux = (args: string[]) => spawnSync('tmux', ['-L', `mcp-lambda-${process.pid}`, ...args], { encoding: 'utf8' });
const hasTmux = tmux(['-V']).status === 0;

describe.skipIf(!hasTmux)('mcp-lambda monitor on a terminal', () => {
  afterAll(() => {
    tmux(['kill-server']);
  });

  it('shows one screen, and leaves the terminal as it was', async () => {
    const shell = "PS1='$ ' exec sh";
    expect(tmux(['-f', '/dev/null', 'new-session', '-d', '-x', '100', '-y', '30', shell]).status).toBe(0);
    const screen = () => tmux(['capture-pane', '-p', '-J']).stdout;
    const shows = (text: string | RegExp) => expect.poll(screen, { timeout: 15_000, interval: 100 }).toMatch(text);
    const away = 'http://127.0.0.1:9/mcp';
    tmux(['send-keys', `echo before; ${program} monitor ${inject('url')} ${away} --interval 0.2`, 'Enter']);
    await shows(/round [3-9]/);
    const seen = screen();
    expect(seen).not.toContain('before');
    expect(seen).toMatch(/^mcp-lambda monitor {3}2 endpoints {3}every 0\.2 s/);
    expect(seen).toMatch(/up {3}http:\S+\n {5}available 100\.0 % {3}p50 .* ms/);
    expect(seen).toMatch(/down http:\/\/127\.0\.0\.1:9\/mcp\n.*cannot reach/);
    expect(seen).toMatch(/[▁▂▃▄▅▆▇█]{2,}/);
    expect(seen).toMatch(/x{2,}/);
    if (process.env['SCREENSHOTS']) await writeFile(join(process.env['SCREENSHOTS'], 'monitor.txt'), tmux(['capture-pane', '-p', '-e']).stdout);
    tmux(['send-keys', 'C-c']);
    await shows(/checks failed {3}0 alerts on/);
    expect(screen()).toContain('before');
  }, 60_000);
});
