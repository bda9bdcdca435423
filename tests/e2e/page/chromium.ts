// Opens the page of a server in Chromium, and notes what it must not do: break its policy, fail in a script, call another host.
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const places = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
export const executablePath = places.find(place => place && existsSync(place));
// Where everything must be proven it has to be there.
if (!executablePath && process.env['CI']) throw new Error('Chromium was not found: apt-get install chromium, or set CHROMIUM');

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
}

/** A page that is open, and what was wrong with it so far. */
export interface Opened {
  readonly page: Page;
  readonly wrong: string[];
}

export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong: string[] = [];
  const { origin } = new URL(url);
  await page.exposeFunction('violated', (text: string) => wrong.push(`policy: ${text}`));
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', event =>
      (globalThis as unknown as { violated(text: string): void }).violated(`${event.effectiveDirective} ${event.blockedURI}`),
    ),
  );
  page.on('pageerror', error => wrong.push(`script: ${error.message}`));
  page.on('request', request => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:')) wrong.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, wrong };
}

/** Opens the form of a tool, a prompt or a resource of the page. */
export async function form(page: Page, list: 'tool' | 'prompt' | 'resource', name: string) {
  const item = page.locator(`#${list}-list details[data-key="${name}"]`);
  await item.locator('summary').click();
  return item;
}
