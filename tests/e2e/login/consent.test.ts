// The pages of the login in Chromium: they can be read on a phone and on a desk, in light and dark, and lead to the client.
import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../server.ts';
import { BASIC_SCOPE, COUNTER_SCOPE, startLogin, testIssuer, type Login } from './login.ts';
import { ADA } from './person.ts';

const places = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = places.find(place => place && existsSync(place));
if (!executablePath && process.env['CI']) throw new Error('Chromium was not found: apt-get install chromium, or set CHROMIUM');

const SCREENSHOTS = join(root, 'target/login-pages');
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

describe.skipIf(!executablePath)('in Chromium', () => {
  let login: Login;
  let browser: Browser;
  let back: string;
  const received: URL[] = [];
  // The client: a page on this computer.
  const client = createServer((request, response) => {
    if (request.url?.startsWith('/callback')) received.push(new URL(request.url, back));
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>client</title><p id="done">done</p>');
  });

  beforeAll(async () => {
    await mkdir(SCREENSHOTS, { recursive: true });
    login = await startLogin(testIssuer);
    await new Promise<void>(resolve => client.listen(0, '127.0.0.1', resolve));
    back = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
  }, 600_000);
  afterAll(async () => {
    await browser?.close();
    client.close();
    client.closeAllConnections();
    await login?.stop();
  });

  /** Registers a client, and returns the URL with which it sends its user here. */
  const authorization = async (client_name: string, redirect_uri = back, scope = `${BASIC_SCOPE} ${COUNTER_SCOPE}`) => {
    const response = await fetch(`${login.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name, redirect_uris: [redirect_uri] }),
    });
    const { client_id } = (await response.json()) as { client_id: string };
    const url = new URL(`${login.issuer}/authorize`);
    const query = { response_type: 'code', client_id, redirect_uri, scope, state: 's', code_challenge: CHALLENGE, code_challenge_method: 'S256' };
    for (const [name, value] of Object.entries({ ...query, resource: login.url })) url.searchParams.set(name, value);
    return url.href;
  };

  /** Signs the user in at the provider, which ends at the consent page. */
  const signIn = async (page: Page, url: string) => {
    await page.goto(url);
    await page.fill('input[name=name]', ADA.name);
    await page.fill('input[name=password]', ADA.password);
    await page.click('button');
    await page.waitForSelector('button[value=allow]');
  };

  const withContext = async (use: (context: BrowserContext) => Promise<void>, options = {}) => {
    const context = await browser.newContext(options);
    try {
      await use(context);
    } finally {
      await context.close();
    }
  };

  it.each([
    ['phone', 'light', 320],
    ['phone', 'dark', 320],
    ['desk', 'light', 1280],
    ['desk', 'dark', 1280],
  ] as const)('the consent page fits on a %s, in %s', async (device, colorScheme, width) => {
    await withContext(
      async context => {
        const page = await context.newPage();
        const complaints: string[] = [];
        page.on('console', message => {
          const { url } = message.location();
          if (url.startsWith(login.issuer) && !url.endsWith('/favicon.ico')) complaints.push(message.text());
        });
        await signIn(page, await authorization('Calendar & <Mail> of a client with quite a long name, to see how it breaks'));
        for (const text of ['unverified', 'ada@example.com', '127.0.0.1', BASIC_SCOPE!, COUNTER_SCOPE!, login.url]) {
          expect(await page.textContent('main')).toContain(text);
        }
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(overflow).toBe(0);
        const ratio = await page.evaluate(contrast, ['main', '.warning', 'button.main', 'dt']);
        expect(Math.min(...ratio)).toBeGreaterThan(4.5);
        expect(complaints).toEqual([]);
        await page.screenshot({ path: join(SCREENSHOTS, `consent-${device}-${colorScheme}.png`), fullPage: true });
      },
      { colorScheme, viewport: { width, height: 800 } },
    );
  });

  it('the keyboard alone allows a client, whose page then has the code', async () => {
    await withContext(async context => {
      const page = await context.newPage();
      await signIn(page, await authorization('Keyboard'));
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Deny');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.waitForSelector('#done');
      const query = received.at(-1)!.searchParams;
      expect(Object.fromEntries(query)).toEqual({ code: expect.any(String), state: 's', iss: login.issuer });
    });
  });

  it('a user who denies is led back without a code', async () => {
    await withContext(async context => {
      const page = await context.newPage();
      await signIn(page, await authorization('Denied'));
      await page.click('button[value=deny]');
      await page.waitForSelector('#done');
      expect(Object.fromEntries(received.at(-1)!.searchParams)).toMatchObject({ error: 'access_denied', state: 's' });
    });
  });

  it('a user who is signed in at the provider is still asked: another client gets nothing unseen', async () => {
    await withContext(async context => {
      const page = await context.newPage();
      await signIn(page, await authorization('Honest'));
      await page.click('button[value=allow]');
      await page.waitForSelector('#done');
      // The provider has a session now, and approves without a page. The attacker's client sends the victim here.
      const before = received.length;
      await page.goto(await authorization('Attacker'));
      await page.waitForSelector('button[value=allow]');
      expect(await page.textContent('h1')).toBe('Allow Attacker to act for you?');
      expect(received).toHaveLength(before);
    });
  });

  it('another site can neither show the page in a frame nor answer it', async () => {
    await withContext(async context => {
      const page = await context.newPage();
      await signIn(page, await authorization('Framed'));
      const url = page.url();
      const form = await page.evaluate(() => {
        const inputs = [...document.querySelectorAll('input')].map(({ name, value }) => [name, value]);
        return { action: document.forms[0]!.action, inputs };
      });
      const site = await context.newPage();
      await site.goto(back.replace('127.0.0.1', 'localhost'));
      const before = received.length;
      await site.setContent(`<iframe src="${url}"></iframe>`);
      const frames = await Promise.all(site.frames().slice(1).map(frame => frame.content().catch(() => '')));
      expect(frames.join('')).not.toContain('Framed');
      // A form of another site with everything that was on the page: in another browser, which has no cookie.
      const inputs = form.inputs.map(([name, value]) => `<input name="${name}" value="${value}">`).join('');
      await withContext(async other => {
        const attacker = await other.newPage();
        await attacker.setContent(`<form method="post" action="${form.action}">${inputs}<button name="decision" value="allow">x</button></form>`);
        await Promise.all([attacker.waitForNavigation(), attacker.click('button')]);
        expect(attacker.url()).toContain(login.issuer);
        expect(await attacker.textContent('h1')).not.toContain('Framed');
      });
      expect(received).toHaveLength(before);
    });
  });

  it('a page of an error says what to do', async () => {
    await withContext(async context => {
      const page = await context.newPage();
      const url = new URL(await authorization('Error'));
      url.searchParams.set('redirect_uri', 'https://evil.example/');
      const response = await page.goto(url.href);
      expect(response?.status()).toBe(400);
      expect(page.url()).toContain(login.issuer);
      await page.screenshot({ path: join(SCREENSHOTS, 'error.png') });
    });
  });
});

/** The contrast of the texts of these elements with what is behind them. <https://www.w3.org/TR/WCAG22/#contrast-minimum> */
function contrast(selectors: string[]): number[] {
  const parse = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string) => {
    const [r, g, b] = parse(color).map(part => {
      const value = part / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const behind = (element: Element | null): string => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((parse(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  return selectors.map(selector => {
    const element = document.querySelector(selector);
    if (!element) return 0;
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
    return (light! + 0.05) / (dark! + 0.05);
  });
}
