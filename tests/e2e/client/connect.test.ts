// `mcp-lambda connect` with commands on stdin: the same commands and answers as on a terminal, which terminal.test.ts types.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { TOOLS } from '../clients/reference.ts';
import { build, start, type Server } from '../server.ts';
import { client, connected } from './program.ts';

beforeAll(async () => {
  await client();
}, 600_000);

const eras = ['stateless', 'session'];
const url = inject('url');

describe.each(eras)('commands, %s', era => {
  const typed = async (...lines: string[]) => {
    const ran = await connected(url, lines, '--era', era);
    return { ...ran, lines: ran.stdout.split('\n').slice(1, -1) };
  };

  it('list what the server has', async () => {
    const ran = await typed('tools', 'prompts', 'resources', 'tool echo');
    expect(ran.code, ran.stderr).toBe(0);
    for (const tool of TOOLS) expect(ran.stdout).toMatch(new RegExp(`^${tool}\\(`, 'm'));
    expect(ran.stdout).toMatch(/^diagnose\(area\) {2}/m);
    expect(ran.stdout).toMatch(/^server:\/\/about {2}about/m);
    expect(ran.stdout).toContain('"inputSchema": {');
  });

  it('call tools with words, with JSON, and with what is asked for', async () => {
    const ran = await typed('call echo "message=two words"', 'call echo {"message": "as JSON"}', 'call echo', 'asked for');
    expect({ code: ran.code, lines: ran.lines }, ran.stderr).toEqual({
      code: 0,
      lines: ['two words', 'as JSON', 'The text to return.', 'message (string): ', 'asked for'],
    });
  });

  it('ask again for a value that does not fit', async () => {
    const ran = await typed('call publish_event event_type=x', 'src', 'call progress steps=many');
    expect(ran.stdout).toContain('source');
    expect(ran).toMatchObject({ code: 64, stderr: expect.stringContaining('error: steps: "many" is not of type integer') });
  });

  it('show progress while a call runs, or the task that it becomes', async () => {
    const ran = await typed('call progress steps=2 delay_ms=1');
    const progress = ['* progress 1/2 step 1 of 2', '* progress 2/2 step 2 of 2'];
    // The first look at a task may find it at its end.
    if (era === 'session') expect(ran.lines.slice(0, -1)).toEqual(progress);
    else expect(ran.lines[0]).toMatch(/^task \S+ {2}working/);
    expect(ran.lines.at(-1)).toBe('2 steps done');
  });

  it('read resources and get prompts', async () => {
    const ran = await typed('read server://about', 'get diagnose area=memory', 'get diagnose', 'health');
    expect(ran.code, ran.stderr).toBe(0);
    expect(JSON.parse(ran.lines[0]!)).toMatchObject({ name: 'mcp-lambda-reference' });
    expect(ran.lines[1]).toMatch(/^\[user\] .* how the memory of this server looks/);
    expect(ran.lines[2]).toMatch(/^The area to diagnose/);
    expect(ran.lines[3]).toMatch(/^area \(string\): /);
    expect(ran.lines[4]).toContain('how the health of this server looks');
  });

  it('measure a round trip, and show the server and the session', async () => {
    const ran = await typed('ping', 'server', 'session');
    expect(ran.lines[0]).toMatch(era === 'session' ? /^ping: [\d.]+ ms$/ : /^server\/discover: [\d.]+ ms$/);
    expect(ran.stdout).toContain('"protocolVersion": "' + (era === 'session' ? '2025-11-25' : '2026-07-28'));
    expect(ran.lines.at(-1)).toMatch(era === 'session' ? /^[\x21-\x7e]{16,}$/ : /^2026-07-28 has no sessions\.$/);
  });

  it('show events of a resource that is subscribed to', async () => {
    const type = `seen-${era}`;
    const ran = await typed(
      `subscribe event://e2e/${type}`,
      `call publish_event source=e2e event_type=${type}`,
      // Events arrive within the interval in which the log is read: this takes longer.
      'call progress steps=10 delay_ms=200',
      `unsubscribe event://e2e/${type}`,
    );
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.lines).toContain(`* event://e2e/${type} has changed`);
    expect(ran.lines.at(-1)).toBe(`no longer subscribed to event://e2e/${type}`);
  });

  it('listen to lists, and end that', async () => {
    const ran = await typed('listen', 'unlisten');
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.lines[0]).toMatch(era === 'session' ? /^the stream of the session is open/ : /^listening: \{/);
    expect(ran.lines[1]).toBe(era === 'session' ? '0 ended' : '1 ended');
  });

  it.each([
    { why: 'an unknown command', line: 'toolz', code: 64, text: 'error: "toolz" is no command' },
    { why: 'a command that lacks something', line: 'read', code: 64, text: 'error: read: expected read URI' },
    { why: 'an unknown tool', line: 'call nothing', code: 1, text: 'error: the server has no tool "nothing"; it has' },
    { why: 'an unknown prompt', line: 'get nothing', code: 1, text: 'unknown prompt "nothing"' },
    { why: 'an unknown level', line: 'log-level loud', code: 64, text: 'expected one of debug, info' },
    { why: 'JSON that is none', line: 'call echo {"message"', code: 64, text: 'not JSON' },
    { why: 'an argument that nobody types', line: 'call echo', code: 1, text: 'given up' },
  ])('end with $code for $why, and go on before', async ({ line, code, text }) => {
    const last = await typed('call echo message=before', line);
    expect(last.lines[0]).toBe('before');
    expect(last).toMatchObject({ code, stderr: expect.stringContaining(text) });
    if (line !== 'call echo') expect(await typed(line, 'call echo message=after')).toMatchObject({ code: 0 });
  });

  it('fail when the last tool reports an error, and print JSON for programs', async () => {
    const failed = await typed('call progress steps=1000');
    expect(failed).toMatchObject({ code: 1, stderr: '' });
    const ran = await connected(url, ['call echo message=hi', 'session'], '--era', era, '--output', 'json');
    const [, result, session] = ran.stdout.split('\n');
    expect(JSON.parse(result!)).toMatchObject({ content: [{ type: 'text', text: 'hi' }] });
    expect(JSON.parse(session!)).toHaveProperty('sessionId');
  });
});

describe('a connection', () => {
  it('ends with 2 when the server is away', async () => {
    expect(await connected('http://127.0.0.1:9/mcp', ['tools'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('goes on in a session that was left open, until a quit ends another one', async () => {
    const first = await connected(url, ['call counter by=2', 'session', 'leave'], '--era', 'session');
    const id = /^The session stays open: --session-id (\S+)$/m.exec(first.stdout)![1]!;
    expect(first.stdout).toContain(`\n${id}\n`);
    for (const sum of ['5', '8']) {
      const next = await connected(url, ['call counter by=3', 'quit'], '--session-id', id);
      expect(next, next.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(`\n${sum}\n`) });
    }
    const ended = await connected(url, ['session', 'quit'], '--era', 'session');
    const over = await connected(url, ['tools'], '--session-id', ended.stdout.split('\n')[1]!);
    expect(over).toMatchObject({ code: 2, stderr: expect.stringContaining('has forgotten a session') });
  });

  it('needs a session for --session-id', async () => {
    expect(await connected(url, [], '--session-id', 'x', '--era', 'stateless')).toMatchObject({ code: 64 });
    expect(await connected(url, [], '--session-id', 'two words')).toMatchObject({ code: 64 });
  });

  it.each(eras)('shows what passes with --debug, without secrets: %s', async era => {
    const { stdout } = await connected(
      url,
      ['call echo message=on-the-wire'],
      ...['--era', era, '--debug', '--header', 'x-api-key: sesame', '--header', 'x-tenant: blue'],
    );
    expect(stdout).not.toContain('sesame');
    for (const line of [/> POST http:/, /\[\d+\] > x-api-key: \(left out\)/, /> x-tenant: blue/, /> \{.*"tools\/call"/, /< HTTP 200/]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout).toMatch(/\[\d+\] < .*on-the-wire/);
    if (era === 'session') expect(stdout).toMatch(/> DELETE http:/);
  });
});

describe('questions, tasks and log lines', () => {
  let server: Server;

  beforeAll(async () => {
    server = await start(await build('conformance-server'));
  }, 600_000);
  afterAll(async () => {
    await server?.stop();
  });

  const typed = (era: string, ...lines: string[]) => connected(server.url, lines, '--era', era);

  it('answer a form in a session', async () => {
    const ran = await typed('session', 'call test_elicitation message=Who?', 'yes', 'ada', 'ada@example.com');
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('The server asks: Who?');
    expect(ran.stdout).toMatch(/User response:.*accept.*ada@example\.com/i);
  });

  it('answer a form of 2026-07-28', async () => {
    const ran = await typed('stateless', 'call test_input_required_result_elicitation', '', 'ada');
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('ada') });
  });

  it.each(['no', 'cancel'])('do not answer a form: %s', async answer => {
    const ran = await typed('session', 'call test_elicitation message=Who?', answer);
    expect(ran.stdout.toLowerCase()).toContain(answer === 'no' ? 'decline' : 'cancel');
  });

  it('use defaults and choices of a form', async () => {
    const defaults = await typed('session', 'call test_elicitation_sep1034_defaults', 'yes', '', 'old', '31', '', 'inactive', 'no');
    expect(defaults.stdout).toContain('age: "old" is not of type integer');
    expect(defaults.stdout).toContain('status (active|inactive|pending, default "active")');
    for (const value of ['John Doe', '31', '95.5', 'inactive', 'false']) expect(defaults.stdout).toContain(value);
    const choices = await typed(
      ...['session', 'call test_elicitation_sep1330_enums', 'yes', 'option2', 'value9', 'value1', 'opt3', 'option1,option3', 'value2'],
    );
    expect(choices.stdout).toContain('titledSingle');
    expect(choices.stdout).toContain('"value1"');
    expect(choices, choices.stderr).toMatchObject({ code: 0 });
  });

  it('follow a task, answer its question, and cancel another', async () => {
    const ran = await typed('stateless', 'call confirm_delete filename=a.txt', 'yes', 'true', 'tasks');
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toMatch(/^task \S+ {2}/m);
    expect(ran.stdout).toContain('a.txt');
    const detached = await typed('stateless', 'call --detach slow_compute seconds=60', 'tasks');
    const [, id] = /^task (\S+)/m.exec(detached.stdout)!;
    const cancelled = await typed('stateless', `cancel ${id}`, `task ${id}`);
    expect(cancelled.stdout).toContain(`${id}  cancelled`);
    expect(await typed('stateless', 'wait none')).toMatchObject({ code: 1 });
  });

  it.each(eras)('ask for log lines: %s', async era => {
    const ran = await typed(era, 'log-level debug', `call ${era === 'session' ? 'test_tool_with_logging' : 'test_logging_tool'}`);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toMatch(/^\* (info|debug|notice)/m);
  });

  it.each(eras)('hear that a list has changed: %s', async era => {
    const trigger = ['listen tools', 'call test_trigger_tool_change', 'call slow_compute seconds=2'];
    const ran = await typed(era, ...trigger);
    expect(ran.stdout, ran.stderr).toContain('* the list of tools has changed');
  });
});
