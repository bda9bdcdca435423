// The page of a local server in a real browser: what it shows, and that its forms, events and tasks are those of the server.
import { type Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TOOLS } from '../clients/reference.ts';
import { build, start, type Server } from '../server.ts';
import { executablePath, form, launch, open, type Opened } from './chromium.ts';

const WITHIN = { timeout: 10_000 };

describe.skipIf(!executablePath || process.env['MCP_E2E_URL'])('the page of a server', () => {
  let browser: Browser;
  let reference: Server;
  let fixtures: Server;
  const opened: Opened[] = [];

  beforeAll(async () => {
    reference = await start(await build('mcp-lambda-reference'));
    fixtures = await start(await build('conformance-server'));
    browser = await launch();
  }, 600_000);

  afterAll(async () => {
    await browser?.close();
    await Promise.all([reference?.stop(), fixtures?.stop()]);
  });

  const at = async (server: Server) => {
    const one = await open(browser, server.url.replace('/mcp', '/'));
    opened.push(one);
    return one.page;
  };

  // Of every page that a test has opened.
  afterEach(async () => {
    const wrong = opened.flatMap(one => one.wrong);
    await Promise.all(opened.splice(0).map(({ page }) => page.context().close()));
    expect(wrong).toEqual([]);
  });

  it('shows what runs: name, version, revisions, tools, prompts and resources', async () => {
    const page = await at(reference);
    await page.waitForSelector('#tool-list details', WITHIN);
    expect(await page.title()).toContain('mcp-lambda-reference');
    expect(await page.locator('#name').innerText()).toMatch(/^mcp-lambda-reference \d+\.\d+\.\d+$/);
    expect(await page.locator('#about').innerText()).toContain(`${reference.url}, for clients of 2026-07-28, 2025-11-25`);
    expect(await page.locator('#tool-list summary code').allInnerTexts()).toEqual(expect.arrayContaining(TOOLS));
    await page.waitForSelector('#prompt-list details', WITHIN);
    await page.waitForSelector('#resource-list details', WITHIN);
  });

  it('calls a tool by the keyboard alone', async () => {
    const page = await at(reference);
    const summary = page.locator('#tool-list details[data-key="echo"] summary');
    await summary.focus(WITHIN);
    await page.keyboard.press('Enter');
    // The form is made when its tool is opened.
    await page.locator('#tool-list details[data-key="echo"] input').first().waitFor(WITHIN);
    await page.keyboard.press('Tab');
    await page.keyboard.type('grüße 🦀 <b>no markup</b>');
    await page.keyboard.press('Enter');
    const result = page.locator('#tool-list details[data-key="echo"] .result');
    await result.waitFor(WITHIN);
    expect(await result.locator('pre').innerText()).toBe('grüße 🦀 <b>no markup</b>');
    expect(await result.locator('.outcome').innerText()).toMatch(/^Done after \d+ ms$/);
  });

  it('has an input for each type of argument, and checks it before it is sent', async () => {
    const page = await at(fixtures);
    const tool = await form(page, 'tool', 'json_schema_2020_12_tool');
    const sent: string[] = [];
    page.on('request', request => sent.push(request.postData() ?? ''));
    const fields = tool.locator('.field');
    expect(await fields.count()).toBeGreaterThan(2);
    // An object and an array are JSON; what is none is refused in the page.
    const json = tool.locator('textarea').first();
    await json.fill('{"a":');
    await tool.getByRole('button', { name: 'Call' }).click();
    expect(await json.evaluate((area: HTMLTextAreaElement) => area.validationMessage)).toContain('Must be JSON');
    expect(sent.filter(body => body.includes('tools/call'))).toEqual([]);
  });

  it('shows numbers with their range and default, and leaves out what is empty', async () => {
    const page = await at(reference);
    const tool = await form(page, 'tool', 'counter');
    const by = tool.getByLabel('by', { exact: false }).last();
    expect(await by.inputValue()).toBe('1');
    expect(await by.getAttribute('max')).toBe('1000000000');
    const call = page.waitForRequest(request => (request.postData() ?? '').includes('tools/call'));
    await by.fill('5');
    await tool.getByRole('button', { name: 'Call' }).click();
    const { params } = (await call).postDataJSON() as { params: { arguments: unknown } };
    expect(params.arguments).toEqual({ by: 5 });
    await tool.locator('.result').waitFor(WITHIN);
    expect(await tool.locator('.result').innerText()).toContain('"value": 5');
  });

  it('shows switches, and the progress of a call while it runs', async () => {
    const page = await at(reference);
    const diagnostics = await form(page, 'tool', 'lambda_diagnostics');
    await diagnostics.locator('input[type=checkbox]').first().waitFor(WITHIN);
    const progress = await form(page, 'tool', 'progress');
    await progress.locator('input[name=steps]').fill('3');
    await progress.locator('input[name=delay_ms]').fill('300');
    await progress.getByRole('button', { name: 'Call' }).click();
    await progress.getByText('step 1 of 3').waitFor(WITHIN);
    await progress.getByText('3 steps done').waitFor(WITHIN);
  });

  it('shows an error of a tool and one of the protocol', async () => {
    const page = await at(fixtures);
    const failing = await form(page, 'tool', 'test_error_handling');
    await failing.getByRole('button', { name: 'Call' }).click();
    await failing.getByText('This tool intentionally returns an error for testing').waitFor(WITHIN);
    expect(await failing.locator('.failed .outcome').innerText()).toContain('The tool reports an error');
    const sampling = await form(page, 'tool', 'test_missing_capability');
    await sampling.getByRole('button', { name: 'Call' }).click();
    await sampling.locator('[role=alert]').waitFor(WITHIN);
    expect(await sampling.locator('[role=alert]').innerText()).toContain('(-32021)');
  });

  it('shows images and sounds of a result', async () => {
    const page = await at(fixtures);
    const tool = await form(page, 'tool', 'test_image_content');
    await tool.getByRole('button', { name: 'Call' }).click();
    const image = tool.locator('.result img');
    await image.waitFor(WITHIN);
    expect(await image.evaluate((img: HTMLImageElement) => img.decode().then(() => img.naturalWidth))).toBeGreaterThan(0);
    const sound = await form(page, 'tool', 'test_audio_content');
    await sound.getByRole('button', { name: 'Call' }).click();
    await sound.locator('.result audio').waitFor(WITHIN);
  });

  it('mirrors arguments in the headers that a tool names', async () => {
    const page = await at(fixtures);
    const tool = await form(page, 'tool', 'test_header_mirror');
    await tool.locator('input').first().fill('düsseldorf');
    await tool.getByRole('button', { name: 'Call' }).click();
    await tool.getByText('Looking in düsseldorf').waitFor(WITHIN);
  });

  it('asks what a tool asks, in a dialog, and sends the answer', async () => {
    const page = await at(fixtures);
    const tool = await form(page, 'tool', 'test_input_required_result_elicitation');
    await tool.getByRole('button', { name: 'Call' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('What is your name?').waitFor(WITHIN);
    await dialog.locator('input').first().fill('Ada');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await tool.getByText('Hello, Ada!').waitFor(WITHIN);
    expect(await page.getByRole('dialog').count()).toBe(0);
    // Two rounds, one after the other.
    const rounds = await form(page, 'tool', 'test_input_required_result_multi_round');
    await rounds.getByRole('button', { name: 'Call' }).click();
    for (const answer of ['Ada', 'green']) {
      await dialog.locator('input').first().fill(answer);
      await dialog.getByRole('button', { name: 'Send' }).click();
    }
    await rounds.locator('.result').waitFor(WITHIN);
    expect(await rounds.locator('.result').innerText()).toMatch(/Ada[^]*green|green[^]*Ada/);
  });

  it('hears an event that is published while it is open, and lists its resource', async () => {
    const page = await at(reference);
    await page.getByText('Listening.').waitFor(WITHIN);
    const tool = await form(page, 'tool', 'publish_event');
    await tool.locator('input[name=event_type]').fill('page-test');
    await tool.locator('textarea[name=payload]').fill('{ "order": 7 }');
    await tool.getByRole('button', { name: 'Call' }).click();
    const row = page.locator('#event-list li').first();
    await row.getByText('mcp-lambda-reference page-test').waitFor(WITHIN);
    expect(await row.locator('pre').innerText()).toContain('"order": 7');
    // A second one is a row of its own, and the form has stayed open.
    await tool.locator('textarea[name=payload]').fill('{ "order": 8 }');
    await tool.getByRole('button', { name: 'Call' }).click();
    await page.locator('#event-list pre').getByText('"order": 8').waitFor(WITHIN);
    expect(await page.locator('#event-list li').count()).toBe(2);
  });

  it('runs a task, follows it over a reload, and cancels one', async () => {
    const page = await at(reference);
    const tool = await form(page, 'tool', 'progress');
    await tool.getByLabel('as a task').check(WITHIN);
    await tool.locator('input[name=steps]').fill('2');
    await tool.getByRole('button', { name: 'Call' }).click();
    await tool.getByText('Runs as task').waitFor(WITHIN);
    await page.locator('#task-list li').getByText('2 steps done').waitFor(WITHIN);
    await page.reload();
    await page.locator('#task-list li').getByText('2 steps done').waitFor(WITHIN);
    const again = await form(page, 'tool', 'progress');
    await again.getByLabel('as a task').check(WITHIN);
    await again.locator('input[name=steps]').fill('100');
    await again.locator('input[name=delay_ms]').fill('10000');
    await again.getByRole('button', { name: 'Call' }).click();
    const running = page.locator('#task-list li').first();
    await running.getByText('working').waitFor(WITHIN);
    await running.getByRole('button', { name: 'Cancel' }).click();
    await running.getByText('cancelled').waitFor(WITHIN);
  });

  it('answers the question of a task', async () => {
    const page = await at(fixtures);
    const tool = await form(page, 'tool', 'confirm_delete');
    await tool.locator('input[name=filename]').fill('notes.txt');
    await tool.getByLabel('as a task').check();
    await tool.getByRole('button', { name: 'Call' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Send' }).waitFor(WITHIN);
    const box = dialog.locator('input[type=checkbox]');
    if (await box.count()) await box.first().check();
    await dialog.getByRole('button', { name: 'Send' }).click();
    await page.locator('#task-list li').getByText('completed').waitFor(WITHIN);
  });

  it('gets a prompt and reads a resource', async () => {
    const page = await at(fixtures);
    const prompt = await form(page, 'prompt', 'test_prompt_with_arguments');
    const inputs = prompt.locator('input');
    await inputs.nth(0).fill('one');
    await inputs.nth(1).fill('two');
    await prompt.getByRole('button', { name: 'Get' }).click();
    await prompt.getByText("arg1='one', arg2='two'").waitFor(WITHIN);
    const resource = await form(page, 'resource', 'test://static-text');
    await resource.getByRole('button', { name: 'Read' }).click();
    await resource.locator('pre').waitFor(WITHIN);
    const template = await form(page, 'resource', 'test://template/{id}/data');
    await template.locator('input').fill('test://template/7/data');
    await template.getByRole('button', { name: 'Read' }).click();
    await template.locator('pre').waitFor(WITHIN);
    expect(await template.locator('pre').innerText()).toContain('7');
  });

  it('asks for a token where the server wants one, and sends it with each request', async () => {
    const env = { MCP_JWT_ISSUER: 'https://issuer.example.com', MCP_JWT_AUDIENCE: 'mcp' };
    const closed = await start(await build('mcp-lambda-reference'), [], { env });
    try {
      const page = await at(closed);
      const field = page.getByLabel('Bearer token');
      await field.waitFor(WITHIN);
      expect(await field.evaluate(input => input === document.activeElement)).toBe(true);
      const sent = page.waitForRequest(request => request.headers()['authorization'] !== undefined);
      await field.fill('no-token');
      await field.press('Enter');
      expect((await sent).headers()['authorization']).toBe('Bearer no-token');
      await page.getByRole('alert').getByText('the token is not a signed JSON Web Token').waitFor(WITHIN);
      expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain('no-token');
    } finally {
      await closed.stop();
    }
  });

  it('has a configuration for each client, with this URL', async () => {
    const page = await at(reference);
    await page.waitForSelector('#client option', { ...WITHIN, state: 'attached' });
    const names = await page.locator('#client option').allInnerTexts();
    expect(names).toEqual(['Claude Code', 'Claude Desktop', 'Cursor', 'VS Code', 'MCP Inspector']);
    for (const name of names) {
      await page.locator('#client').selectOption({ label: name });
      const text = await page.locator('#client-config').innerText();
      expect(text).toContain(reference.url);
      if (text.startsWith('{')) expect(() => JSON.parse(text) as unknown).not.toThrow();
    }
  });

  it('has a label for every input and one heading of the first level', async () => {
    const page = await at(fixtures);
    await form(page, 'tool', 'json_schema_2020_12_tool');
    const unlabelled = await page.locator('input, select, textarea').evaluateAll(elements =>
      elements.filter(element => (element as HTMLInputElement).labels?.length === 0).map(element => element.outerHTML),
    );
    expect(unlabelled).toEqual([]);
    expect(await page.locator('h1').count()).toBe(1);
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
  });

  it.each([
    ['phone', { width: 360, height: 740 }],
    ['desktop', { width: 1280, height: 800 }],
  ])('is no wider than the window of a %s', async (_, viewport) => {
    const one = await open(browser, reference.url.replace('/mcp', '/'), { viewport });
    opened.push(one);
    await one.page.waitForSelector('#tool-list details', WITHIN);
    for (const name of ['publish_event', 'lambda_diagnostics']) await form(one.page, 'tool', name);
    await one.page.locator('details[data-key="lambda_diagnostics"]').getByRole('button', { name: 'Call' }).click();
    await one.page.locator('details[data-key="lambda_diagnostics"] .result').waitFor(WITHIN);
    expect(await one.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
  });
});
