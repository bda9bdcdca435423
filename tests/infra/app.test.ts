// The app as `npx cdk` runs it, and cfn-lint on its templates.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { afterAll, describe, expect, it } from 'vitest';
import { AWS_ENVIRONMENT } from '../e2e/run.ts';
import { root } from './synth.ts';

const out = mkdtempSync(join(tmpdir(), 'mcp-cdk-'));
afterAll(() => rmSync(out, { recursive: true }));

/** Seconds of the processor, of which others that run at the same time take nothing. */
const SYNTH_WITHIN_S = 25;
const ENDS_WITHIN_MS = 110_000;
const TEST_WITHIN_MS = 2 * ENDS_WITHIN_MS;

/** Without an account and without network access. */
const env = { ...process.env, ...AWS_ENVIRONMENT };

function synth(name: string, settings: Record<string, string>) {
  const program = { 'server.code': 'tests/infra/program', 'server.name': name };
  const context = Object.entries({ ...program, ...settings }).flatMap(([key, value]) => [
    '--context',
    `${key}=${value}`,
  ]);
  const args = ['synth', '--quiet', '--no-notices', '--no-lookups', '--output', join(out, name), ...context];
  const options = { cwd: root, env, encoding: 'utf8', timeout: ENDS_WITHIN_MS } as const;
  // `times` prints how long the shell and its children ran on a processor.
  const line = 'node_modules/.bin/cdk "$@"; code=$?; times; exit "$code"';
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line, 'sh', ...args], options);
  return { status, stderr, took: secondsOf(stdout.trim().split('\n').at(-1) ?? ''), path: join(out, name, `${name}.template.json`) };
}

/** The sum of times such as `0m4.120000s`. */
function secondsOf(times: string): number {
  const all = [...times.matchAll(/(\d+)m([\d.]+)s/g)];
  return all.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

const apps: { name: string; settings: Record<string, string> }[] = [
  { name: 'default', settings: {} },
  {
    name: 'rest',
    settings: {
      'api_gateway.type': 'rest',
      'auth.provider': 'jwt',
      'auth.issuer': 'https://i.example',
      'auth.audience': 'mcp',
      'endpoint.cors_origins': 'https://a.example',
      'api_gateway.domain_name': 'a.example',
      'api_gateway.certificate_arn':
        'arn:aws:acm:eu-central-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
    },
  },
  {
    name: 'http',
    settings: { 'api_gateway.type': 'http', 'auth.provider': 'cognito', 'auth.login': 'false', 'auth.domain_prefix': 'notes' },
  },
  { name: 'login', settings: { 'auth.enabled': 'true', 'auth.provider': 'cognito' } },
  { name: 'github', settings: { 'auth.provider': 'github', 'auth.client_id': 'c', 'auth.client_secret_name': 'notes/github' } },
  { name: 'tasks', settings: { 'tasks.enabled': 'true', 'tasks.update_event_bus': 'default' } },
  {
    name: 'observed',
    settings: {
      'observability.lambda_insights': 'true',
      'observability.level': 'full',
      'observability.application_signals': 'true',
      'observability.anomaly_detection': 'true',
      'observability.account_concurrency': '1000',
      'observability.server_metrics': 'true',
      'observability.tools': 'echo, search',
      'lambda.reserved_concurrent_executions': '40',
    },
  },
];

const OF_TASKS = ['WorkerFunctionName', 'TaskQueueUrl'];
/** The settings of clients. */
const OF_LOGIN = ['ClaudeConnector', 'ClaudeCode', 'ChatGpt', 'Cursor', 'VsCode', 'Inspector'];
const SIGN_IN: Record<string, string[]> = { login: ['AddUser', ...OF_LOGIN], github: ['LoginCallbackUrl', ...OF_LOGIN] };
const OUTPUTS = [
  'McpEndpoint',
  'EventsTopicArn',
  'StateTableName',
  'EventsTableName',
  'FunctionName',
  'IngestFunctionName',
  ...OF_TASKS,
  'AlarmTopicArn',
  'DashboardUrl',
];

describe('npx cdk synth', () => {
  it.each(apps)(
    `synthesises the $name app in less than ${SYNTH_WITHIN_S} s of the processor, and cfn-lint finds nothing`,
    ({ name, settings }) => {
      const { status, stderr, took, path } = synth(name, settings);
      expect(status, stderr).toBe(0);
      expect(stderr).not.toMatch(/warning/i);
      expect(took).toBeGreaterThan(0.5);
      expect(took).toBeLessThan(SYNTH_WITHIN_S);
      const own = OUTPUTS.filter(it => name === 'tasks' || !OF_TASKS.includes(it)).filter(
        it => name === 'observed' || it !== 'DashboardUrl',
      );
      expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')).Outputs)).toEqual([...own, ...(SIGN_IN[name] ?? [])]);
      // The app acknowledges the findings of the construct; nag.test.ts shows that none is left.
      const metadata = readFileSync(path.replace('.template.json', '.metadata.json'), 'utf8');
      expect(metadata).toContain(Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
      // W3005: the CDK writes dependencies that references already imply.
      const lint = spawnSync(join(root, '.venv', 'bin', 'cfn-lint'), ['--ignore-checks', 'W3005', '--template', path], {
        encoding: 'utf8',
      });
      expect(lint.stdout + lint.stderr).toBe('');
      expect(lint.status).toBe(0);
      console.log(
        `synth of the ${name} app: ${took.toFixed(1)} s of the processor, ${readFileSync(path, 'utf8').length} characters`,
      );
    },
    TEST_WITHIN_MS,
  );

  it('reports what the construct refuses in words of deploy.toml, without a stack trace', () => {
    const { status, stderr } = synth('refused', {
      'api_gateway.type': 'http',
      'lambda.timeout_seconds': '60',
      'endpoint.path': 'x/',
    });
    expect(status).toBe(1);
    expect(stderr).toContain(
      '[lambda] timeout_seconds must be at most 30 seconds behind an HTTP API, which waits no longer, got: 60 seconds; shorten it or use [api_gateway] type = "rest"',
    );
    expect(stderr).toContain('[endpoint] path must be a path without a slash at its end, got: x/');
    expect(stderr).not.toMatch(/at .*\.ts:|McpEndpoint|'timeout'/);
  });

  it('synthesises a servers.yaml, and reports what is wrong with one without a stack trace', () => {
    const file = join(out, 'servers.yaml');
    const program = join(root, 'tests', 'infra', 'program');
    const servers = (more: string) => `name: servers
binary: ${join(program, 'bootstrap')}
api_gateway: {type: rest}
servers:
  own: {folder: ${program}, command: ./bootstrap${more}}
`;
    writeFileSync(file, servers(''));
    const made = synth('servers', { servers: file });
    expect(made.status, made.stderr).toBe(0);
    expect(Object.keys(JSON.parse(readFileSync(made.path, 'utf8')).Outputs)).toEqual(['OwnEndpoint', 'OwnFunctionName']);
    writeFileSync(file, servers(', timeout: 0').replace('program/bootstrap', 'nothing'));
    const refused = synth('refused-servers', { servers: file });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/servers\.yaml:5:\d+: servers\.own\.timeout: must be a whole number from 1 to 900, got: 0/);
    writeFileSync(file, servers('').replace('program/bootstrap', 'nothing'));
    const absent = synth('absent-binary', { servers: file });
    expect(absent.stderr).toContain(`${file}:2:1: binary: must be the path of a built mcp-lambda-stdio`);
    for (const { stderr } of [refused, absent]) expect(stderr).not.toMatch(/at .*\.ts:|Validation failed|RestApi/);
  });

  it('reports an invalid setting without a stack trace', () => {
    const { status, stderr } = synth('wrong', { 'lambda.memory_size': '5' });
    expect(status).toBe(1);
    expect(stderr).toContain('context lambda.memory_size: [lambda] memory_size must be a whole number from 128 to 10240, got: 5');
    expect(stderr).not.toMatch(/at .*\.ts:/);
  });
});
