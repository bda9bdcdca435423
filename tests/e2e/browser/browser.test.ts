// A real browser: what a page may do that comes from another origin than the server, and what it may not.
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build as bundle } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOOLS } from '../clients/reference.ts';
import { build, start, type Server } from '../server.ts';
import type { Talk } from './page.ts';

const places = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = places.find(place => place && existsSync(place));
// On a desk without Chromium the rest can still be tested; where everything must be proven it has to be there.
if (!executablePath && process.env['CI']) throw new Error('Chromium was not found: apt-get install chromium, or set CHROMIUM');

describe.skipIf(!executablePath || process.env['MCP_E2E_URL'])('a page in Chromium', () => {
  let browser: Browser;
  let page: Page;
  let origin: string;
  let servers: { allowed: Server; foreign: Server };
  const site = createServer((request, response) => {
    const [type, body] = request.url === '/page.js' ? ['text/javascript', script] : ['text/html', HTML];
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body);
  });
  const HTML = '<!doctype html><title>page</title><script type="module" src="/page.js"></script>';
  let script = '';

  beforeAll(async () => {
    const entry = join(import.meta.dirname, 'page.ts');
    const built = await bundle({ entryPoints: [entry], bundle: true, format: 'esm', platform: 'browser', write: false });
    script = built.outputFiles[0]!.text;
    await new Promise<void>(resolve => site.listen(0, '127.0.0.1', resolve));
    // Another name and another port than the server's: another origin.
    origin = `http://localhost:${(site.address() as AddressInfo).port}`;
    const binary = await build('mcp-lambda-reference');
    servers = {
      allowed: await start(binary, [], { env: { MCP_CORS_ORIGINS: origin } }),
      foreign: await start(binary, [], { env: { MCP_CORS_ORIGINS: 'https://app.example.com' } }),
    };
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
    page = await browser.newPage();
    await page.goto(origin);
    await page.waitForFunction(() => 'talk' in globalThis);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    site.close();
    await Promise.all([servers?.allowed.stop(), servers?.foreign.stop()]);
  });

  const talk = (url: string, era: 'auto' | 'legacy'): Promise<Talk> =>
    page.evaluate(
      ([url, era]) => (globalThis as unknown as { talk(url: string, era: string): Promise<Talk> }).talk(url!, era!),
      [url, era],
    );

  it.each([
    ['auto', '2026-07-28'],
    ['legacy', '2025-11-25'],
  ] as const)('of an allowed origin initialises, lists, calls and receives progress (%s)', async (era, version) => {
    const seen = await talk(servers.allowed.url, era);
    expect(seen.error).toBeUndefined();
    expect(seen.version).toBe(version);
    expect(seen.tools).toEqual(expect.arrayContaining(TOOLS));
    expect(seen.said).toMatchObject({ type: 'text', text: 'grüße 🦀' });
    expect(seen.progress).toEqual([1, 2, 3].map(step => ({ step, running: true })));
  });

  it.each(['auto', 'legacy'] as const)('of an origin that is not allowed gets nothing (%s)', async era => {
    const refused: string[] = [];
    page.on('requestfailed', request => refused.push(`${request.method()} ${request.url()}`));
    const seen = await talk(servers.foreign.url, era);
    page.removeAllListeners('requestfailed');
    expect(seen.tools).toBeUndefined();
    expect(seen.error).toContain('Failed to fetch');
    expect(refused).not.toHaveLength(0);
    // The log may come later than the page's error.
    await expect.poll(() => servers.foreign.printed()).toContain(`requests from the origin \\"${origin}\\" are not allowed`);
  });

  // What no script can do a page can still try: a form's content type needs no preflight.
  it('of an origin that is not allowed is refused even where a browser sends no preflight', async () => {
    const before = servers.foreign.printed();
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    const status = await page.evaluate(
      async ([url, body]) => {
        const response = await fetch(url!, { method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: body! });
        return [response.type, response.status];
      },
      [servers.foreign.url, body],
    );
    expect(status).toEqual(['opaque', 0]);
    // The page cannot tell, so the server says what became of it.
    await expect.poll(() => servers.foreign.printed()).not.toBe(before);
    expect(servers.foreign.printed().trimEnd().split('\n').at(-1)).toContain('are not allowed');
  });
});
