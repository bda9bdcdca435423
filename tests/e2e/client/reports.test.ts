// The pages that `mcp-lambda test` and `mcp-lambda benchmark` write, in Chromium: on a telephone and on a desk, light and dark.
// SCREENSHOTS=FOLDER keeps a picture of each.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { client, inFolder, mcpLambda } from './program.ts';

const places = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = places.find(place => place && existsSync(place));
if (!executablePath && process.env['CI']) throw new Error('Chromium was not found: apt-get install chromium, or set CHROMIUM');

const WIDTHS = [360, 1280];
const SCHEMES = ['light', 'dark'] as const;

describe.skipIf(!executablePath)('the page of', () => {
  let browser: Browser;

  beforeAll(async () => {
    await client();
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
  }, 600_000);
  afterAll(async () => {
    await browser?.close();
  });

  /** Opens a page at each width, in each scheme. */
  async function everywhere(name: string, file: string, look: (page: Page) => Promise<void>): Promise<void> {
    const backgrounds = new Set<string>();
    for (const colorScheme of SCHEMES) {
      for (const width of WIDTHS) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
        const requested: string[] = [];
        page.on('request', request => requested.push(request.url()));
        await page.goto(`file://${file}`);
        // The page is all there is: no script, no style, no picture from elsewhere.
        expect(requested).toHaveLength(1);
        const seen = await page.evaluate(() => ({
          overflow: document.documentElement.scrollWidth - window.innerWidth,
          background: getComputedStyle(document.body).backgroundColor,
          ink: getComputedStyle(document.body).color,
        }));
        expect(seen.overflow, `${name} at ${width}: nothing is beyond the edge`).toBeLessThanOrEqual(0);
        expect(contrast(seen.ink, seen.background)).toBeGreaterThan(7);
        backgrounds.add(seen.background);
        await look(page);
        const folder = process.env['SCREENSHOTS'];
        if (folder) await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true });
        await page.close();
      }
    }
    expect(backgrounds.size, 'light and dark differ').toBe(2);
  }

  it('mcp-lambda test names what failed and opens it', () =>
    inFolder(async folder => {
      const file = join(folder, 'checks.html');
      const away = { AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none', AWS_REGION: 'eu-north-1', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' };
      const stack = ['--suite', 'infrastructure', '--stack', 'none', '--report', file];
      const ran = await mcpLambda(['test', '--url', inject('url'), ...stack], away);
      expect(ran, 'AWS is away').toMatchObject({ code: 2, stderr: expect.stringContaining('the stack cannot be read') });
      const checked = await mcpLambda(['test', '--url', inject('url'), '--suite', 'protocol,session,auth', '--report', file, '--detailed-report']);
      expect(checked.code, checked.stdout + checked.stderr).toBe(0);
      await everywhere('checks', file, async page => {
        expect(await page.locator('h1').innerText()).toContain('Checks of ');
        expect(await page.locator('.tiles .passed strong').innerText()).toMatch(/^[1-9]\d*$/);
        expect(await page.locator('details.check[open]').count()).toBe(0);
        const first = page.locator('details.check').first();
        await first.locator('summary').click();
        expect(await first.locator('pre').first().isVisible()).toBe(true);
      });
    }), 120_000);

  it('mcp-lambda benchmark has charts that can be read', () =>
    inFolder(async folder => {
      const file = join(folder, 'measured.html');
      const args = ['--url', inject('url'), '--tool', 'echo', '--json', '{"message":"hi"}', '--rate-limit', '100', '--duration', '2'];
      const json = join(folder, 'measured.json');
      const ran = await mcpLambda(['benchmark', ...args, '--report', file, '--report', json]);
      expect(ran.code, ran.stderr).toBe(0);
      const compared = await mcpLambda(['benchmark', '--compare', json, json]);
      expect(compared.code, compared.stderr).toBe(0);
      // Of a measurement and itself, no difference is clear.
      for (const figure of ['mean', 'p50', 'p90', 'p99']) {
        expect(compared.stdout).toMatch(new RegExp(`^${figure} .* \\+0\\.00 {3}[-+][\\d.]+ to [-+][\\d.]+: may be chance$`, 'm'));
      }
      await everywhere('measured', file, async page => {
        expect(await page.locator('svg').count()).toBe(2);
        const heights = await page.locator('svg text').evaluateAll(texts => texts.map(text => text.getBoundingClientRect().height));
        expect(Math.min(...heights), 'labels of charts are not tiny').toBeGreaterThan(9);
        expect(await page.locator('table').first().innerText()).toContain('p99');
      });
    }), 120_000);
});

/** The contrast of two colours, as WCAG 2.2 computes it. */
function contrast(one: string, other: string): number {
  const light = (colour: string) => {
    const [r, g, b] = colour.match(/\d+/g)!.slice(0, 3).map(part => {
      const value = Number(part) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
  return (bright! + 0.05) / (dark! + 0.05);
}
