// A person with a browser: node sign-in.mjs URL. Types the password of SIGN_IN_PASSWORD on the page at the URL. With
// SIGN_IN_CHROMIUM that is Chromium, which else nothing but two requests stands for.
import { chromium } from 'playwright-core';

const url = process.argv[2];
const password = process.env.SIGN_IN_PASSWORD;
const executablePath = process.env.SIGN_IN_CHROMIUM;

async function inChromium() {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const page = await browser.newPage();
  await page.goto(url);
  await page.fill('input[name=password]', password);
  await page.click('button');
  await page.waitForURL(/127\.0\.0\.1:\d+\/callback/);
  await page.waitForSelector('p');
  await browser.close();
}

async function withRequests() {
  const page = await (await fetch(url)).text();
  const form = new URLSearchParams();
  for (const [, name, value] of page.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)) form.set(name, value);
  form.set('password', password);
  await fetch(new URL('/login', url), { method: 'POST', body: form });
}

await (executablePath ? inChromium() : withRequests());
