// `npx cdk deploy` of the app with the real binary: the deployed server works, and `cdk destroy` deletes it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, root } from '../server.ts';
import { startCloud, type Cloud } from './cloud.ts';
import { ask, call, listen, readLinked, type Block } from './mcp.ts';

const STACK = 'deployed';
const binary = { server: '', emulator: '' };
let cloud: Cloud;
let outputs: Record<string, string>;
let url: string;

const settings = () => [
  '--context',
  `server.name=${STACK}`,
  '--context',
  `server.code=${join(cloud.folder, 'program')}`,
  // The architecture of this machine; no auth, since ministack checks no signatures; no alarms and no saved
  // queries, since it has no metric math and no query definitions.
  '--context',
  'lambda.architecture=x86_64',
  '--context',
  'auth.enabled=false',
  '--context',
  'observability.alarms=false',
  '--context',
  'observability.saved_queries=false',
  '--context',
  'large_results.enabled=true',
  '--context',
  'large_results.max_bytes=16384',
  '--output',
  join(cloud.folder, 'cdk.out'),
];

beforeAll(async () => {
  binary.server = await build('mcp-lambda-reference');
  binary.emulator = await build('lambda-emulator');
  cloud = await startCloud();
  await mkdir(join(cloud.folder, 'program'));
  await copyFile(binary.server, join(cloud.folder, 'program', 'bootstrap'));
  const bootstrapped = await cloud.cdk(['bootstrap', ...settings()]);
  expect(bootstrapped.code, bootstrapped.stderr).toBe(0);
  const file = join(cloud.folder, 'outputs.json');
  const deployed = await cloud.cdk(['deploy', '--require-approval', 'never', '--outputs-file', file, ...settings()]);
  expect(deployed.code, deployed.stderr).toBe(0);
  outputs = JSON.parse(await readFile(file, 'utf8'))[STACK];
  // ministack serves Function URLs by their id.
  url = `${cloud.url}/_aws/lambda-url/${new URL(outputs['McpEndpoint']!).hostname.split('.')[0]}/mcp`;
});

afterAll(() => cloud?.stop());

interface Configuration {
  readonly Environment: { readonly Variables: Record<string, string> };
  readonly Timeout: number;
  readonly MemorySize: number;
  readonly Role: string;
}

const configuration = () =>
  cloud.aws<Configuration>(
    'lambda',
    'get-function-configuration',
    '--function-name',
    outputs['FunctionName']!,
    '--qualifier',
    'live',
  );

async function eventually(
  expectation: string,
  holds: () => Promise<boolean> | boolean,
  withinMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${expectation}`);
    await sleep(200);
  }
}

/** The number of entries of the event log that contain the text. */
async function logged(text: string): Promise<number> {
  const { Items } = await cloud.aws<{ Items: { pk: { S: string } }[] }>(
    'dynamodb',
    'scan',
    '--table-name',
    outputs['EventsTableName']!,
  );
  return Items.filter(item => item.pk.S.startsWith('LOG#') && JSON.stringify(item).includes(text)).length;
}

describe('the deployed app', () => {
  it('lists and calls tools through the Function URL', async () => {
    const { result } = await ask(url, 'tools/list');
    const names = (result?.['tools'] as { name: string }[]).map(tool => tool.name);
    expect(names).toEqual(expect.arrayContaining(['echo', 'counter', 'session_info']));
    expect(await call(url, 'echo', { message: 'grüße 🦀' })).toBe('grüße 🦀');
  });

  it('keeps state after its process has ended', async () => {
    const first = await call(url, 'counter', { name: 'deployed', by: 5 });
    expect(first).toContain('5');
    expect(await cloud.killFunctions()).toBeGreaterThan(0);
    expect(await call(url, 'counter', { name: 'deployed', by: 2 })).toContain('7');
  });

  it('moves a large result to its bucket, and the client reads it by the link, which ends', async () => {
    const message = 'grüße 🦀 '.repeat(4_000);
    const { result } = await ask(url, 'tools/call', { name: 'echo', arguments: { message } });
    const content = result?.['content'] as Block[];
    expect(JSON.stringify(result).length).toBeLessThan(16_384);
    expect(await readLinked(content)).toBe(message);
    const link = new URL(content.find(({ type }) => type === 'resource_link')!.uri!);
    expect(link.searchParams.get('X-Amz-Expires')).toBe('3600');
    link.searchParams.set('X-Amz-Date', '20260101T000000Z');
    expect((await fetch(link)).status).toBe(403);
  });

  it('has a role with the permissions of the template', async () => {
    const role = (await configuration()).Role.split('/').at(-1)!;
    const { PolicyNames } = await cloud.aws<{ PolicyNames: string[] }>(
      'iam',
      'list-role-policies',
      '--role-name',
      role,
    );
    const { PolicyDocument } = await cloud.aws<{
      PolicyDocument: { Statement: { Action: string[]; Resource: string }[] };
    }>('iam', 'get-role-policy', '--role-name', role, '--policy-name', PolicyNames[0]!);
    const of = (table: string) =>
      PolicyDocument.Statement.find(it => JSON.stringify(it.Resource).includes(`table/${table}`))?.Action;
    expect(of(outputs['StateTableName']!)).toContain('dynamodb:ConditionCheckItem');
    expect(of(outputs['EventsTableName']!)).not.toContain('dynamodb:DeleteItem');
  });

  it('has no differences after the deployment', async () => {
    const { code, stdout, stderr } = await cloud.cdk(['diff', '--fail', '--no-change-set', ...settings()]);
    expect(code, stdout + stderr).toBe(0);
  });
});

// A runtime that writes SNS events has this variable in its contract.
const writesEvents = JSON.parse(await readFile(join(root, 'tests', 'contract', 'environment.json'), 'utf8')).some(
  ({ name }: { name: string }) => name === 'MCP_EVENTS',
);

describe.skipIf(!writesEvents)('events', () => {
  const publish = (message: Record<string, unknown>) =>
    cloud.aws(
      'sns',
      'publish',
      '--topic-arn',
      outputs['EventsTopicArn']!,
      '--subject',
      'aws.ec2.state_change',
      '--message',
      JSON.stringify(message),
    );

  it('that are published are written to the log once', async () => {
    await publish({ instance: 'i-once', state: 'terminated' });
    await eventually('i-once is in the log', async () => (await logged('i-once')) > 0);
    await sleep(1_000);
    expect(await logged('i-once')).toBe(1);
  });

  it('reach a stream of a server that uses the deployed tables', async () => {
    const { Environment, Timeout, MemorySize } = await configuration();
    const variables = { ...Environment.Variables, ...cloud.env, HOME: cloud.folder };
    const emulator = spawn(
      binary.emulator,
      [
        '--binary',
        binary.server,
        '--environments',
        '2',
        '--timeout',
        String(Timeout),
        '--memory',
        String(MemorySize),
        '--until-stdin-ends',
        ...Object.entries(variables)
          .filter(([, value]) => value !== undefined)
          .flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    try {
      const [line] = (await once(emulator.stdout, 'data')) as [Buffer];
      const listening = await listen(`${(JSON.parse(line.toString()) as { url: string }).url}/mcp`, {
        resourceSubscriptions: ['event://aws.ec2/state_change'],
      });
      await publish({ instance: 'i-received', state: 'terminated' });
      await eventually('the stream has the notification', () =>
        listening.received.some(it => it.method === 'notifications/resources/updated'),
      );
      listening.close();
    } finally {
      emulator.stdin.end();
      await once(emulator, 'exit');
    }
  });
});

// The last test: it deletes the stack.
it('cdk destroy deletes all resources except for the state table and the bucket of large results', async () => {
  const { code, stderr } = await cloud.cdk(['destroy', '--force', ...settings()]);
  expect(code, stderr).toBe(0);
  const { TableNames } = await cloud.aws<{ TableNames: string[] }>('dynamodb', 'list-tables');
  expect(TableNames).toEqual([outputs['StateTableName']]);
  expect((await cloud.aws<{ Functions: unknown[] }>('lambda', 'list-functions')).Functions).toEqual([]);
  const { Buckets } = await cloud.aws<{ Buckets: { Name: string }[] }>('s3api', 'list-buckets');
  expect(Buckets.map(({ Name }) => Name).filter(name => !name.startsWith('cdk-'))).toEqual([expect.stringContaining('largeresults')]);
  const { Topics = [] } = (await cloud.aws<{ Topics?: unknown[] }>('sns', 'list-topics')) ?? {};
  expect(Topics).toEqual([]);
});
