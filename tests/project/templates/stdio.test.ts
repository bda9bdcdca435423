// Servers of npm and PyPI that speak over stdio: each project is made, tested, served and deployed.
//
// As in tests/e2e/deploy/stdio.test.ts, the deployed servers run on the OS-only runtime, with the interpreters of this machine.
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../e2e/server.ts';
import { newUser, servedBy, type User } from '../user.ts';

const VENV = join(root, '.venv', 'bin');
let user: User;

/** The Python for which the wheels are: that of the tests, by the name with its version. */
function python(): string {
  const code = 'import sys; print("python%d.%d" % sys.version_info[:2])';
  return join(VENV, spawnSync(join(VENV, 'python'), ['-c', code], { encoding: 'utf8' }).stdout.trim());
}

interface Template {
  readonly name: string;
  readonly deploy: 'toml' | 'cdk';
  readonly tool: string;
  readonly args: { readonly [name: string]: unknown };
  readonly expected: string;
  /** Changes the project to what the emulator can run. */
  adapt(): Promise<void>;
}

const TEMPLATES: Template[] = [
  {
    name: 'stdio-npm',
    deploy: 'toml',
    tool: 'get-sum',
    args: { a: 19, b: 23 },
    expected: '42',
    adapt: () =>
      user.edit('stdio-npm/servers.yaml', text =>
        `streams: {enabled: false}\nobservability: {alarms: false, saved_queries: false}\n${text}    runtime: provided.al2023\n`),
  },
  {
    name: 'stdio-python',
    deploy: 'cdk',
    tool: 'convert_time',
    args: { source_timezone: 'UTC', time: '12:00', target_timezone: 'Asia/Tokyo' },
    expected: '21:00',
    adapt: () =>
      user.edit('stdio-python/infra/app.ts', text =>
        text
          .replace(/pypi\((.*)\)/, `pypi($1, { python: '${python()}', runtime: lambda.Runtime.PROVIDED_AL2023 })`)
          .replace('  architecture:', '  streams: { enabled: false },\n  monitoring: { alarms: false, savedQueries: false },\n  architecture:')),
  },
];

beforeAll(async () => {
  // Functions find `node` and `python3` on the PATH of ministack.
  process.env['PATH'] = [VENV, process.env['PATH']].join(delimiter);
  user = await newUser({ stdio: true });
  // A user of the Python template has uv.
  await user.sh('.', 'python3 -m venv tools && tools/bin/pip install --quiet uv==0.13.9');
});

afterAll(() => user?.leave());

/** The text with which a tool answers, to an MCP client at a URL. */
async function answerOf({ tool, args }: Template, url: string): Promise<string> {
  const client = new Client({ name: 'user', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  // ministack decodes a compressed body as text.
  const requestInit = { headers: { 'accept-encoding': 'identity' } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  const { tools } = await client.listTools();
  const name = tools.map(it => it.name).find(it => it.endsWith(tool)) ?? tool;
  const { content } = (await client.callTool({ name, arguments: args })) as { content: { text?: string }[] };
  await client.close();
  return content.map(({ text }) => text).join();
}

describe.each(TEMPLATES)('a project of the template $name', template => {
  const { name, deploy, expected } = template;
  const path = () => ({ PATH: [join(user.folder, 'tools', 'bin'), user.path].join(delimiter) });

  it('is made', async () => {
    const made = await user.sh('.', `npm create mcp-lambda@latest ${name} -- --template ${name} --deploy ${deploy} --auth none --yes`);
    expect(made).toContain('created   mcp-servers.json');
  });

  it('passes its tests', async () => {
    await user.sh(name, 'npm install');
    expect(await user.sh(name, 'npm test', path())).toContain('# pass 1');
    if (deploy === 'cdk') await user.sh(name, 'npx tsc');
  });

  it('serves', async () => {
    const serving = await user.serve(name, 'npm start', path());
    try {
      expect(await answerOf(template, `http://127.0.0.1:${serving.port}/mcp`)).toContain(expected);
    } finally {
      await serving.stop();
    }
  });

  it('is deployed', async () => {
    await template.adapt();
    await user.sh(name, 'npx cdk bootstrap');
    await user.sh(name, 'npx cdk deploy --require-approval never --outputs-file outputs.json');
    const outputs = JSON.parse(await readFile(join(user.folder, name, 'outputs.json'), 'utf8')) as { [stack: string]: { [name: string]: string } };
    const url = Object.entries(outputs[name] ?? {}).find(([output]) => output.endsWith('Endpoint'))?.[1];
    expect(await answerOf(template, servedBy(user.cloud, url!))).toContain(expected);
  });
});
