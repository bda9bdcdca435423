// The command line of `mcp-lambda` against the reference server, and its exit codes.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { TOOLS } from '../clients/reference.ts';
import { run } from '../run.ts';
import { build, start, type Server } from '../server.ts';
import { client, inFolder, mcpLambda } from './program.ts';

beforeAll(async () => {
  await client();
}, 600_000);

describe('mcp-lambda call', () => {
  const url = inject('url');

  it('prints the text of the result, as the README says', async () => {
    const readme = await readFile(join(import.meta.dirname, '..', '..', '..', 'README.md'), 'utf8');
    const line = readme.split('\n').find(line => line.startsWith('mcp-lambda call "$URL"'))!;
    const words = line.split('#')[0]!.trim().split(' ').slice(1);
    const { code, stdout, stderr } = await mcpLambda(words.map(word => (word === '"$URL"' ? url : word)));
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: 'hi\n' });
  });

  it.each(['auto', 'stateless', 'session'])('reads arguments as the schema says: %s', async era => {
    const args = ['call', url, 'progress', 'steps=2', '--arg', 'delay_ms=1', '--era', era, '--output', 'json'];
    const { code, stdout, stderr } = await mcpLambda(args);
    expect(code, stderr).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ content: [{ type: 'text' }] });
  });

  it('reads all arguments from JSON, from a file, and files into arguments', () =>
    inFolder(async folder => {
      const [json, text] = [join(folder, 'arguments.json'), join(folder, 'text')];
      await writeFile(json, '{"message":"from a file"}');
      await writeFile(text, 'grüße 🦀');
      const echo = async (...args: string[]) => (await mcpLambda(['call', url, 'echo', ...args])).stdout;
      expect(await echo('--json', '{"message":"007"}')).toBe('007\n');
      expect(await echo('--json', `@${json}`)).toBe('from a file\n');
      expect(await echo(`message=@${text}`)).toBe('grüße 🦀\n');
    }));

  it.each([
    { why: 'an unknown tool', args: ['nothing'], code: 1, text: '-32602' },
    { why: 'an unknown tool with arguments', args: ['nothing', 'a=b'], code: 1, text: 'the server has no tool "nothing"; it has' },
    { why: 'an argument of another type', args: ['progress', 'steps=many'], code: 64, text: 'not of type integer' },
    { why: 'a word that is no argument', args: ['echo', 'hi'], code: 64, text: 'expected NAME=VALUE' },
    { why: 'an unknown option', args: ['echo', '--nothing'], code: 64, text: '--nothing' },
    { why: 'a token that is missing', args: ['echo', '--auth', 'bearer'], code: 64, text: 'MCP_BEARER_TOKEN' },
    { why: 'a signature for a host that is not of AWS', args: ['echo', '--auth', 'sigv4'], code: 64, text: '--service and --region' },
  ])('ends with $code for $why', async ({ args, code, text }) => {
    const ran = await mcpLambda(['call', url, ...args]);
    expect(ran.stderr).toContain(text);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: '' });
  });

  it('ends with 2 when the server is away, and when it refuses the caller', async () => {
    const away = await mcpLambda(['call', 'http://127.0.0.1:9/mcp', 'echo', 'message=hi']);
    expect(away).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('cannot reach http://127.0.0.1:9/mcp') });
    const elsewhere = await mcpLambda(['call', url.replace('/mcp', '/other'), 'echo', 'message=hi']);
    expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining('HTTP 404') });
  });

  it('needs no credentials for a Function URL to say that there are none', async () => {
    const args = ['call', 'my-function', 'echo', '--region', 'eu-north-1', 'message=hi'];
    const { code, stderr } = await mcpLambda(args);
    expect(code, stderr).toBe(2);
    expect(stderr).toContain('no AWS credentials');
  });
});

describe('mcp-lambda tools and schema', () => {
  it('list what the server has', async () => {
    const { stdout } = await mcpLambda(['tools', inject('url')]);
    for (const tool of TOOLS) expect(stdout).toMatch(new RegExp(`^${tool}\\(`, 'm'));
    const schemas = JSON.parse((await mcpLambda(['schema', inject('url'), '-o', 'json'])).stdout) as object;
    expect(Object.keys(schemas)).toEqual(expect.arrayContaining(TOOLS));
    const one = JSON.parse((await mcpLambda(['schema', inject('url'), 'echo'])).stdout) as object;
    expect(one).toMatchObject({ inputSchema: { properties: { message: { type: 'string' } } } });
  });
});

describe('mcp-lambda and tasks', () => {
  let server: Server;

  beforeAll(async () => {
    server = await start(await build('conformance-server'));
  }, 600_000);
  afterAll(async () => {
    await server?.stop();
  });

  it('waits for the task that a call becomes, and prints its result', async () => {
    const ran = await mcpLambda(['call', server.url, 'slow_compute', 'seconds=1', 'label=a film']);
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('a film') });
  });

  it('prints the task, which can be waited for and cancelled', async () => {
    const start = ['call', server.url, 'slow_compute', '--detach', '-o', 'json', '--json'];
    const created = async (seconds: number) => {
      const { stdout, stderr } = await mcpLambda([...start, JSON.stringify({ seconds, label: 'a film' })]);
      return (JSON.parse(stdout || stderr) as { taskId: string }).taskId;
    };
    const task = await created(1);
    const waited = await mcpLambda(['tasks', 'get', server.url, task, '--wait']);
    expect(waited, waited.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('a film') });
    const other = await created(20);
    expect(await mcpLambda(['tasks', 'cancel', server.url, other])).toMatchObject({ code: 0 });
    expect((await mcpLambda(['tasks', 'get', server.url, other])).stdout).toContain('cancelled');
    expect(await mcpLambda(['tasks', 'get', server.url, 'none'])).toMatchObject({ code: 1, stdout: '' });
  });

  it('declines a question where there is no terminal', async () => {
    const ran = await mcpLambda(['call', server.url, 'confirm_delete', 'filename=a.txt']);
    expect(ran.stderr).toContain('declined');
    expect(ran.code).not.toBe(null);
  });

  it('answers a question of a task from the command line', async () => {
    const detached = await mcpLambda(['call', server.url, 'confirm_delete', 'filename=a.txt', '--detach', '-o', 'json']);
    const { taskId } = JSON.parse(detached.stdout) as { taskId: string };
    const asked = async () =>
      JSON.parse((await mcpLambda(['tasks', 'get', server.url, taskId, '-o', 'json'])).stdout) as { inputRequests?: object };
    await expect.poll(async () => Object.keys((await asked()).inputRequests ?? {}), { timeout: 10_000 }).toHaveLength(1);
    const [key] = Object.keys((await asked()).inputRequests!);
    expect(await mcpLambda(['tasks', 'update', server.url, taskId, `${key}={"confirm":true}`])).toMatchObject({ code: 0 });
    const waited = await mcpLambda(['tasks', 'get', server.url, taskId, '--wait']);
    expect(waited, waited.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('a.txt') });
  });
});

describe('mcp-lambda install', () => {
  it('shows the change, makes it, and changes nothing the second time', () =>
    inFolder(async folder => {
      const file = join(folder, 'mcp.json');
      const before = '{\n  // mine\n  "servers": {\n    "other": { "url": "https://example.com" }\n  }\n}\n';
      await writeFile(file, before);
      const url = 'https://abc.lambda-url.eu-north-1.on.aws/mcp';
      const args = ['install', '--client', 'vscode', '--file', file, url, '--profile', 'work'];
      const shown = await mcpLambda([...args, '--dry-run']);
      expect(shown.stdout).toContain('+      "args":');
      expect(await readFile(file, 'utf8')).toBe(before);
      expect((await mcpLambda(args)).stdout).toBe(shown.stdout);
      const after = await readFile(file, 'utf8');
      expect(after).toContain('// mine');
      const { servers } = JSON.parse(after.replace('// mine', '')) as { servers: Record<string, object> };
      expect(servers['other']).toEqual({ url: 'https://example.com' });
      expect(servers['abc']).toEqual({ type: 'stdio', command: await client(), args: ['proxy', url, '--profile', 'work'] });
      expect((await mcpLambda(args)).stdout).toContain('nothing changes');
      expect(await readFile(file, 'utf8')).toBe(after);
    }));

  it.each([
    ['claude', '.config/Claude/claude_desktop_config.json'],
    ['claude-code', '.claude.json'],
    ['cursor', '.cursor/mcp.json'],
    ['vscode', '.config/Code/User/mcp.json'],
  ])('knows the file of %s', (name, path) =>
    inFolder(async home => {
      const env = { HOME: home, XDG_CONFIG_HOME: undefined };
      const { code, stderr } = await mcpLambda(['install', '--client', name, 'https://mcp.example.com/mcp'], env);
      expect(code, stderr).toBe(0);
      expect(await readFile(join(home, path), 'utf8')).toContain('https://mcp.example.com/mcp');
    }));
});

describe('mcp-lambda', () => {
  it.each(['bash', 'zsh', 'fish'])('has completions for %s', async shell => {
    expect((await mcpLambda(['completions', shell])).stdout).toContain('mcp-lambda');
  });

  it('completes commands and options in bash', () =>
    inFolder(async folder => {
      const script = join(folder, 'completions.bash');
      await writeFile(script, (await mcpLambda(['completions', 'bash'])).stdout);
      const complete = async (...words: string[]) => {
        const typed = words.map(word => `'${word}'`).join(' ');
        const line = `. '${script}'; COMP_WORDS=(${typed}); COMP_CWORD=${words.length - 1}; _mcp__lambda mcp-lambda "\${COMP_WORDS[-1]}" "\${COMP_WORDS[-2]}"; echo "\${COMPREPLY[*]}"`;
        const { stdout, stderr } = await run('bash', ['-c', line]);
        return stdout.trim() || stderr;
      };
      expect(await complete('mcp-lambda', 'mon')).toBe('monitor');
      expect(await complete('mcp-lambda', 'install', '--client', '')).toBe('claude claude-code cursor vscode');
    }));

  it('has a manual page and a version', async () => {
    expect((await mcpLambda(['man'])).stdout).toContain('.TH mcp-lambda');
    expect((await mcpLambda(['--version'])).stdout).toMatch(/^mcp-lambda \d/);
  });
});
