// `mcp-lambda connect` on a terminal: keys go in, and what a person would see comes out. `script` of util-linux opens the terminal.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { build, root, start } from '../server.ts';
import { client, inFolder, mcpLambda, NOBODY } from './program.ts';

let program: string;

beforeAll(async () => {
  program = await client();
}, 600_000);

const KEYS = { enter: '\r', tab: '\t', up: '\x1b[A', interrupt: '\x03', end: '\x04' };

/** A program on a terminal of 100 columns. */
class Terminal {
  private printed = '';
  private seen = 0;

  private constructor(private readonly child: ChildProcess) {
    child.stdout!.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
  }

  static async use(args: string[], folder: string, script: (terminal: Terminal) => Promise<void>): Promise<number | null> {
    const command = `stty cols 100 rows 30; exec '${program}' ${args.map(arg => `'${arg}'`).join(' ')}`;
    const env = { ...process.env, ...NOBODY, TERM: 'xterm', XDG_STATE_HOME: folder };
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: root, env, stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'close') as Promise<[number | null]>;
    const atExit = () => child.kill('SIGKILL');
    process.once('exit', atExit);
    try {
      await script(new Terminal(child));
      return (await ended)[0];
    } finally {
      process.off('exit', atExit);
      child.kill('SIGKILL');
    }
  }

  type(keys: string): void {
    this.child.stdin!.write(keys);
  }

  /** Waits until something is there that was not seen before. */
  async sees(expected: string | RegExp): Promise<void> {
    const unseen = () => stripVTControlCharacters(this.printed).slice(this.seen);
    await expect.poll(unseen, { timeout: 15_000, interval: 20 }).toMatch(expected);
    const text = unseen();
    this.seen += typeof expected === 'string' ? text.indexOf(expected) + expected.length : expected.exec(text)!.index + expected.exec(text)![0].length;
  }
}

const sessionWith = (url: string, script: (terminal: Terminal) => Promise<void>, ...options: string[]) =>
  inFolder(folder => Terminal.use(['connect', url, ...options], folder, script));

const session = (script: (terminal: Terminal) => Promise<void>, ...options: string[]) =>
  sessionWith(inject('url'), script, ...options);

describe.each(['stateless', 'session'])('a terminal, %s', era => {
  it('completes commands, tools, arguments and values that the server offers', async () => {
    const code = await session(async terminal => {
      // Events of other tests are resources too.
      await terminal.sees(/10 tools, 1 prompt, \d+ resources?/);
      await terminal.sees('mcp> ');
      terminal.type(`cal${KEYS.tab}ec${KEYS.tab}mes${KEYS.tab}hi${KEYS.enter}`);
      await terminal.sees('call echo message=');
      await terminal.sees(/\nhi\r?\n/);
      terminal.type(`get diagnose area=me${KEYS.tab}${KEYS.enter}`);
      await terminal.sees('how the memory of this server looks');
      terminal.type(`call ${KEYS.tab}`);
      await terminal.sees('lambda_diagnostics');
      terminal.type(`${KEYS.interrupt}`);
      await terminal.sees('(quit or Ctrl-D ends the program)');
      terminal.type(`quit${KEYS.enter}`);
    }, '--era', era);
    expect(code).toBe(0);
  });

  it('asks for all arguments of a call without any, and takes Enter for what is optional', async () => {
    await session(async terminal => {
      await terminal.sees('mcp> ');
      terminal.type(`call progress${KEYS.enter}`);
      await terminal.sees('The number of steps to report.');
      await terminal.sees('steps (integer, default 3): ');
      terminal.type(`1${KEYS.enter}`);
      await terminal.sees('delay_ms (integer, default 200): ');
      terminal.type(KEYS.enter);
      if (era === 'session') await terminal.sees('* progress 1/1 step 1 of 1');
      await terminal.sees('1 steps done');
      // Before the prompt, the end of the input is the terminal's own, and is not read.
      await terminal.sees('mcp> ');
      terminal.type(KEYS.end);
    }, '--era', era);
  });

  it('cancels a call with Ctrl-C, and goes on', async () => {
    const code = await session(async terminal => {
      await terminal.sees('mcp> ');
      terminal.type(`call progress steps=100 delay_ms=100${KEYS.enter}`);
      // In 2026-07-28 the call becomes a task, which is cancelled.
      await terminal.sees(era === 'session' ? '* progress 2/100' : /\* task \S+ {2}working {2}.*step \d+ of 100/);
      terminal.type(KEYS.interrupt);
      await terminal.sees('error: cancelled');
      terminal.type(`call echo message=still-here${KEYS.enter}`);
      await terminal.sees(/\nstill-here\r?\n/);
      terminal.type(`quit${KEYS.enter}`);
    }, '--era', era);
    expect(code).toBe(0);
  });

  it('shows events above the line that is typed', async () => {
    const type = `typed-${era}`;
    await session(async terminal => {
      await terminal.sees('mcp> ');
      terminal.type(`subscribe event://e2e/${type}${KEYS.enter}`);
      await terminal.sees(/(listening|subscribed)[^\n]*\n/);
      await terminal.sees('mcp> ');
      terminal.type('call echo message=half');
      await terminal.sees('message=half');
      const published = await mcpLambda(['call', inject('url'), 'publish_event', 'source=e2e', `event_type=${type}`]);
      expect(published.code, published.stderr).toBe(0);
      await terminal.sees(`* event://e2e/${type} has changed`);
      await terminal.sees('mcp> call echo message=half');
      terminal.type(`-and-half${KEYS.enter}`);
      await terminal.sees(/\nhalf-and-half\r?\n/);
      terminal.type(`quit${KEYS.enter}`);
    }, '--era', era);
  });
});

it.each(['stateless', 'session'])('completes a URI from its template, with values that the server offers: %s', async era => {
  const server = await start(await build('conformance-server'));
  try {
    const code = await sessionWith(server.url, async terminal => {
      await terminal.sees('mcp> ');
      terminal.type(`read test://te${KEYS.tab}a${KEYS.tab}s${KEYS.tab}`);
      await terminal.sees('read test://template/a%20song/data ');
      terminal.type(KEYS.enter);
      await terminal.sees('Data for ID: a%20song');
      terminal.type(`quit${KEYS.enter}`);
    }, '--era', era);
    expect(code).toBe(0);
  } finally {
    await server.stop();
  }
}, 600_000);

it('shows the figures of a measurement while it runs, and its result', () =>
  inFolder(async folder => {
    const load = ['--rate-limit', '40', '--duration', '2'];
    const code = await Terminal.use(['benchmark', '--url', inject('url'), ...load], folder, async terminal => {
      await terminal.sees(/ of 80 requests/);
      await terminal.sees(/ \/s {3}p50 [\d.]+ ms {3}p95 [\d.]+ ms {3}p99 [\d.]+ ms {3}0 failed/);
      await terminal.sees(/latency +[\d.]+/);
    });
    expect(code).toBe(0);
  }));

it('keeps a history of commands, and not of answers, which only its owner can read', () =>
  inFolder(async folder => {
    const args = ['connect', inject('url')];
    await Terminal.use(args, folder, async terminal => {
      await terminal.sees('mcp> ');
      terminal.type(`call echo${KEYS.enter}`);
      await terminal.sees('message (string)');
      terminal.type(`a secret${KEYS.enter}`);
      await terminal.sees(/\na secret\r?\n/);
      terminal.type(` call echo message=unkept${KEYS.enter}`);
      await terminal.sees(/\nunkept\r?\n/);
      terminal.type(`quit${KEYS.enter}`);
    });
    const file = join(folder, 'mcp-lambda', 'history');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'mcp-lambda'))).mode & 0o777).toBe(0o700);
    const history = await readFile(file, 'utf8');
    expect(history).toContain('call echo');
    expect(history).not.toMatch(/secret|unkept/);
    await Terminal.use(args, folder, async terminal => {
      await terminal.sees('mcp> ');
      terminal.type(KEYS.up);
      await terminal.sees('mcp> quit');
      terminal.type(KEYS.enter);
    });
  }));
