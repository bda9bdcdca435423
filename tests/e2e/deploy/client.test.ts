// The program `mcp-lambda` and a deployed server: the suite `infrastructure` on what was deployed and on what was changed since,
// the function invoked by its name, and an event that is published to the topic.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mcpLambda } from '../client/program.ts';
import { build, buildClient } from '../server.ts';
import { ACCOUNT, REGION, startCloud, type Cloud } from './cloud.ts';
import { listen } from './mcp.ts';

const STACK = 'watched';
const binary = { server: '', emulator: '' };
let cloud: Cloud;
let outputs: Record<string, string>;

/** As in app.test.ts, with tasks. */
const settings = () =>
  Object.entries({
    'server.name': STACK,
    'server.code': join(cloud.folder, 'program'),
    'lambda.architecture': 'x86_64',
    'auth.enabled': 'false',
    'observability.alarms': 'false',
    'observability.saved_queries': 'false',
    'tasks.enabled': 'true',
  })
    .flatMap(([name, value]) => ['--context', `${name}=${value}`])
    .concat('--output', join(cloud.folder, 'cdk.out'));

beforeAll(async () => {
  binary.server = await build('mcp-lambda-reference');
  binary.emulator = await build('lambda-emulator');
  // Tests have two minutes, and where nothing is compiled yet this takes longer.
  await buildClient();
  cloud = await startCloud();
  await mkdir(join(cloud.folder, 'program'));
  await copyFile(binary.server, join(cloud.folder, 'program', 'bootstrap'));
  // In a folder without an app, which would be synthesised a second time.
  const bootstrapped = await cloud.cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`], { cwd: cloud.folder });
  expect(bootstrapped.code, bootstrapped.stderr).toBe(0);
  const file = join(cloud.folder, 'outputs.json');
  const deployed = await cloud.cdk(['deploy', '--require-approval', 'never', '--outputs-file', file, ...settings()]);
  expect(deployed.code, deployed.stderr).toBe(0);
  outputs = JSON.parse(await readFile(file, 'utf8'))[STACK];
});

afterAll(() => cloud?.stop());

/** Runs `mcp-lambda` with the credentials and the endpoint of the emulator. */
const run = (...args: string[]) => mcpLambda(args, { ...cloud.env, HOME: cloud.folder });

describe('mcp-lambda test --suite infrastructure', () => {
  interface Finding {
    readonly id: string;
    readonly result: string;
    readonly reason?: string;
  }

  const options = ['--suite', 'infrastructure', '--stack', STACK];
  let count = 0;

  async function findings(args = options): Promise<Finding[]> {
    const file = join(cloud.folder, `report-${++count}.json`);
    const { stderr } = await run('test', ...args, '--report', file);
    const report = await readFile(file, 'utf8').catch(() => {
      throw new Error(stderr);
    });
    // No report has the key that the deployment has made.
    expect(report).not.toContain('"k1:');
    return (JSON.parse(report) as { findings: Finding[] }).findings;
  }

  /** The findings that are not `passed`, without the suite in their names. */
  const wrong = (all: Finding[]) =>
    Object.fromEntries(
      all.filter(it => it.result !== 'passed').map(it => [it.id.replace('infrastructure.', ''), it.result]),
    );

  /** The deployment has no alarms and no auth; ministack sets neither time to live nor recovery in a deployment. */
  const EXPECTED = { 'url-auth': 'warning', alarms: 'warning', 'alarm-actions': 'skipped', 'alarm-states': 'skipped' };

  it('finds what the emulator has not deployed', async () => {
    expect(wrong(await findings())).toEqual({ ...EXPECTED, 'table-ttl': 'failed', 'table-recovery': 'warning' });
    for (const table of [outputs['StateTableName']!, outputs['EventsTableName']!]) {
      const ttl = 'Enabled=true,AttributeName=ttl';
      await cloud.aws('dynamodb', 'update-time-to-live', '--table-name', table, '--time-to-live-specification', ttl);
    }
    const recovery = 'PointInTimeRecoveryEnabled=true';
    await cloud.aws(
      ...['dynamodb', 'update-continuous-backups', '--table-name', outputs['StateTableName']!],
      ...['--point-in-time-recovery-specification', recovery],
    );
    const all = await findings();
    expect(wrong(all)).toEqual(EXPECTED);
    expect(all.length).toBeGreaterThan(25);
  });

  it('finds the stack by the URL of the server, and by its function', async () => {
    for (const url of [outputs['McpEndpoint']!, outputs['FunctionName']!]) {
      expect(wrong(await findings(['--suite', 'infrastructure', '--url', url]))).toEqual(EXPECTED);
    }
    const other = await run('test', '--suite', 'infrastructure', '--url', 'https://mcp.example.com/mcp');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('name it with --stack') });
    const unknown = await run('test', '--suite', 'infrastructure', '--stack', 'unknown');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no stack "unknown"') });
  });

  const queue = (...attributes: string[]) =>
    cloud.aws('sqs', 'set-queue-attributes', '--queue-url', outputs['TaskQueueUrl']!, '--attributes', ...attributes);
  const expiresBy = async (before: string, after: string) => {
    const table = ['dynamodb', 'update-time-to-live', '--table-name', outputs['EventsTableName']!];
    await cloud.aws(...table, '--time-to-live-specification', `Enabled=false,AttributeName=${before}`);
    await cloud.aws(...table, '--time-to-live-specification', `Enabled=true,AttributeName=${after}`);
  };
  const memory = async (size: string) => {
    const name = ['--function-name', outputs['FunctionName']!];
    await cloud.aws('lambda', 'update-function-configuration', ...name, '--memory-size', size);
    await cloud.aws('lambda', 'wait', 'function-updated-v2', ...name);
  };
  const role = async () => {
    const { Role } = await cloud.aws<{ Role: string }>(
      ...['lambda', 'get-function-configuration', '--function-name', outputs['FunctionName']!],
    );
    return Role.split('/').at(-1)!;
  };

  /** What breaks the deployment, and what mends it, with the check that finds it. That no other check does is tested by the crate. */
  const faults: Record<string, { result: string; plant: () => Promise<unknown>; mend: () => Promise<unknown> }> = {
    'table-ttl': {
      result: 'failed',
      plant: () => expiresBy('ttl', 'expires'),
      mend: () => expiresBy('expires', 'ttl'),
    },
    'queue-visibility': {
      result: 'failed',
      plant: () => queue('VisibilityTimeout=5'),
      mend: () => queue('VisibilityTimeout=960'),
    },
    'function-memory': {
      result: 'warning',
      plant: () => memory('128'),
      mend: () => memory('256'),
    },
    'role-actions': {
      result: 'failed',
      plant: async () => {
        const wide = { Statement: [{ Effect: 'Allow', Action: 'dynamodb:*', Resource: 'arn:aws:dynamodb:*:*:table/x' }] };
        const document = ['--policy-document', JSON.stringify(wide)];
        await cloud.aws('iam', 'put-role-policy', '--role-name', await role(), '--policy-name', 'wide', ...document);
      },
      mend: async () => cloud.aws('iam', 'delete-role-policy', '--role-name', await role(), '--policy-name', 'wide'),
    },
  };

  it('finds what was changed since the deployment, until it is mended', async () => {
    await Promise.all(Object.values(faults).map(({ plant }) => plant()));
    const results = Object.entries(faults).map(([check, { result }]) => [check, result]);
    expect(wrong(await findings())).toEqual({ ...EXPECTED, ...Object.fromEntries(results) });
    await Promise.all(Object.values(faults).map(({ mend }) => mend()));
    expect(wrong(await findings())).toEqual(EXPECTED);
  });
});

describe('mcp-lambda and the deployed server', () => {
  it('calls a tool of the function by its name, through Invoke', async () => {
    const called = await run(
      ...['call', `${outputs['FunctionName']}:live`, 'echo', 'message=grüße 🦀', '--invoke-mode', 'buffered'],
    );
    expect(called, called.stderr).toMatchObject({ code: 0, stdout: 'grüße 🦀\n' });
    const unknown = await run('call', 'unknown', 'echo', 'message=hi', '--invoke-mode', 'buffered');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('ResourceNotFoundException') });
  });

  it('checks, measures and watches the function by its name', async () => {
    const name = `${outputs['FunctionName']}:live`;
    const server = ['--url', name, '--invoke-mode', 'buffered'];
    const checked = await run('test', ...server, '--suite', 'session');
    expect(checked.code, checked.stdout + checked.stderr).toBe(0);
    expect(checked.stdout).toMatch(new RegExp(`, ${name}: 6 passed, 0 failed, 0 warnings, 1 skipped`));
    const load = ['--requests', '3', '--concurrency', '1', '--tool', 'echo', '--json', '{"message":"hi"}'];
    const measured = await run('benchmark', ...server, ...load);
    expect(measured, measured.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(`tools/call echo at ${name}`) });
    const watched = await run('monitor', name, '--invoke-mode', 'buffered', '--rounds', '1');
    expect(watched, watched.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`up +${name}`)) });
  });

  it('publishes an event that a listening client hears of', async () => {
    interface Configuration {
      readonly Environment: { readonly Variables: Record<string, string> };
      readonly Timeout: number;
      readonly MemorySize: number;
    }
    const { Environment, Timeout, MemorySize } = await cloud.aws<Configuration>(
      ...['lambda', 'get-function-configuration', '--function-name', outputs['FunctionName']!],
    );
    const variables = { ...Environment.Variables, ...cloud.env, HOME: cloud.folder };
    const set = Object.entries(variables).filter(([, value]) => value !== undefined);
    const env = set.flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const limits = ['--timeout', String(Timeout), '--memory', String(MemorySize)];
    const emulator = spawn(binary.emulator, ['--binary', binary.server, '--environments', '2', '--until-stdin-ends', ...limits, ...env], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(emulator.stdout, 'data')) as [Buffer];
      const uri = 'event://client/ping';
      const url = `${(JSON.parse(line.toString()) as { url: string }).url}/mcp`;
      const listening = await listen(url, { resourceSubscriptions: [uri] });
      const topic = outputs['EventsTopicArn']!;
      const published = await run('publish', topic, '--source', 'client', '--type', 'ping', '--data', '{"n":1}');
      expect(published, published.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-f-]{36}\n$/) });
      const heard = () => listening.received.filter(it => it.method === 'notifications/resources/updated').map(it => it.params?.['uri']);
      await expect.poll(heard, { timeout: 30_000, interval: 100 }).toEqual([uri]);
      listening.close();
    } finally {
      emulator.stdin.end();
      await once(emulator, 'exit');
    }
  });

  it('passes an alert of monitor on to a topic', async () => {
    const { QueueUrl } = await cloud.aws<{ QueueUrl: string }>('sqs', 'create-queue', '--queue-name', 'pager');
    const { TopicArn } = await cloud.aws<{ TopicArn: string }>('sns', 'create-topic', '--name', 'pager');
    const queue = `arn:aws:sqs:${REGION}:${ACCOUNT}:pager`;
    await cloud.aws('sns', 'subscribe', '--topic-arn', TopicArn, '--protocol', 'sqs', '--notification-endpoint', queue);
    const config = join(cloud.folder, 'alerts.toml');
    await writeFile(config, `[alert]\ntopic = "${TopicArn}"\n[[rule]]\nname = "down"\nmetric = "availability"\nbelow = 99\n`);
    const watched = await run('monitor', 'http://127.0.0.1:9/mcp', '--rounds', '1', '--alert-config', config);
    expect(watched.code, watched.stdout + watched.stderr).toBe(2);
    const { Messages } = await cloud.aws<{ Messages: { Body: string }[] }>('sqs', 'receive-message', '--queue-url', QueueUrl);
    expect(Messages).toHaveLength(1);
    const { Message } = JSON.parse(Messages[0]!.Body) as { Message: string };
    expect(JSON.parse(Message)).toMatchObject({ alert: 'down', state: 'on', endpoint: 'http://127.0.0.1:9/mcp', value: 0 });
  });

  it('refuses to publish what SNS does not take', async () => {
    const data = JSON.stringify('x'.repeat(300_000));
    const file = join(cloud.folder, 'large.json');
    await writeFile(file, data);
    const large = await run('publish', outputs['EventsTopicArn']!, '--source', 'a', '--type', 'b', '--data', `@${file}`);
    expect(large).toMatchObject({ code: 64, stderr: expect.stringContaining('SNS takes 262144') });
    const missing = outputs['EventsTopicArn']!.replace(/[^:]+$/, 'missing');
    expect(await run('publish', missing, '--source', 'a', '--type', 'b')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('NotFound'),
    });
  });
});
