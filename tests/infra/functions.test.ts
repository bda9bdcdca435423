// The functions with their code in the template, run as Lambda runs them: a module with `exports.handler`.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inlineSource } from '../../infra/lib/deployment/inline-function.ts';
import { root } from './synth.ts';

type Handler = (event: unknown) => Promise<void>;

const CREDENTIALS = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-test',
  AWS_SESSION_TOKEN: 'session',
  URL_SUFFIX: 'amazonaws.com',
};

/** The exports of a function, with variables of its own and without pauses. */
function load(name: 'check' | 'budget-guard' | 'rotate-key', variables: Record<string, string>) {
  const module = { exports: {} as { handler: Handler } };
  const code = `${inlineSource(name)}\nexports.signed = signed;`;
  const own = { env: { ...CREDENTIALS, ...variables } };
  const atOnce = (run: () => void) => setImmediate(run);
  new Function('exports', 'require', 'process', 'console', 'setTimeout', code)(
    module.exports,
    createRequire(import.meta.url),
    own,
    { log: (line: string) => logged.push(line) },
    atOnce,
  );
  return module.exports as { handler: Handler; signed: (...args: unknown[]) => Record<string, string> };
}

interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let server: Server;
let url: string;
let received: Received[];
let logged: string[];
/** What the MCP server under test answers; CloudFormation's answer is always 200. */
let answer: (message: any) => Answer;

beforeEach(async () => {
  received = [];
  logged = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const it = { method: request.method!, path: request.url!, headers: request.headers, body };
    received.push(it);
    const isMcp = it.path.startsWith('/mcp');
    const made: Answer = isMcp ? answer(body === '' ? undefined : JSON.parse(body)) : {};
    response.writeHead(made.status ?? 200, { 'content-type': 'application/json', ...made.headers }).end(made.body ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => server.close());

describe('a signature', () => {
  it('is that of botocore', () => {
    const { signed } = load('check', {});
    const request = {
      method: 'POST',
      url: 'https://abc.lambda-url.eu-central-1.on.aws/a b/mcp?x=2&a=1',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
      body: '{"jsonrpc":"2.0"}',
    };
    const now = new Date('2026-11-27T12:34:56.789Z');
    const ours = signed(request, { service: 'lambda', region: 'eu-central-1' }, CREDENTIALS, now);
    const program = `
import json, sys, datetime, botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
given = json.load(sys.stdin)
moment = datetime.datetime(2026, 11, 27, 12, 34, 56)
botocore.auth.get_current_datetime = lambda *a, **k: moment
class Fixed(datetime.datetime):
    @classmethod
    def utcnow(cls): return moment
    @classmethod
    def now(cls, tz=None): return moment
botocore.auth.datetime = type('m', (), {'datetime': Fixed})
request = AWSRequest(method=given['method'], url=given['url'].replace(' ', '%20'), data=given['body'], headers={**given['headers'], 'X-Amz-Content-SHA256': given['hash']})
botocore.auth.SigV4Auth(Credentials('AKIDEXAMPLE', 'secret-of-the-test', 'session'), 'lambda', 'eu-central-1').add_auth(request)
print(request.headers['Authorization'])`;
    const input = JSON.stringify({ ...request, hash: ours['x-amz-content-sha256'] });
    const theirs = execFileSync(join(root, '.venv', 'bin', 'python'), ['-c', program], { input, encoding: 'utf8' });
    expect(ours['authorization']).toBe(theirs.trim());
    expect(ours['x-amz-date']).toBe('20261127T123456Z');
  });
});

describe('the check of a deployment', () => {
  const tool = (name: string, readOnlyHint?: boolean) => ({ name, annotations: { readOnlyHint } });
  const results: Record<string, unknown> = {
    initialize: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } },
    'tools/list': { tools: [tool('status', true), tool('delete')] },
    'tools/call': { content: [{ type: 'text', text: 'fine' }] },
  };
  const ok = (message: any): Answer => {
    if (message?.id === undefined) return { status: 202 };
    const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: results[message.method] });
    return { body, headers: message.method === 'initialize' ? { 'mcp-session-id': 'session-1' } : {} };
  };
  const event = (properties: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
    RequestType: 'Update',
    ResponseURL: `${url}/cloudformation`,
    StackId: 'stack',
    RequestId: 'request',
    LogicalResourceId: 'Check',
    ResourceProperties: { url: `${url}/mcp`, seconds: '1', signingName: 'lambda', ...properties },
    ...more,
  });
  const result = () => JSON.parse(received.find(it => it.path === '/cloudformation')!.body);
  const asked = () => received.filter(it => it.path === '/mcp');
  beforeEach(() => {
    answer = ok;
  });

  it('initializes, lists the tools, calls the tool that is named, and ends its session', async () => {
    const properties = { tools: ['delete'], tool: 'status', toolArguments: '{"a":1}' };
    await load('check', {}).handler(event(properties));
    expect(result()).toEqual({
      Status: 'SUCCESS',
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'Check',
      PhysicalResourceId: 'Check',
    });
    const methods = asked().map(it => (it.body === '' ? it.method : JSON.parse(it.body).method));
    expect(methods).toEqual(['initialize', 'notifications/initialized', 'tools/list', 'tools/call', 'DELETE']);
    expect(JSON.parse(asked()[3]!.body).params).toEqual({ name: 'status', arguments: { a: 1 } });
    for (const { headers } of asked().slice(1)) {
      expect(headers).toMatchObject({ 'mcp-session-id': 'session-1', 'mcp-protocol-version': '2025-11-25' });
    }
    for (const { headers } of asked()) {
      expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/lambda\//);
      expect(headers).toMatchObject({ 'x-amz-security-token': 'session' });
    }
  });

  it('reads event streams, follows the pages of tools, and does without a session', async () => {
    answer = message => {
      if (message?.id === undefined) return { status: 202 };
      const listed = message.params.cursor ? { tools: [tool('second')] } : { tools: [tool('first')], nextCursor: 'n' };
      const made = message.method === 'tools/list' ? listed : results[message.method];
      const data = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: made });
      return { headers: { 'content-type': 'text/event-stream' }, body: `id: 1\nretry: 5\ndata:\n\n: quiet\n\ndata: ${data}\n\n` };
    };
    await load('check', {}).handler(event({ tools: ['first', 'second'] }));
    expect(result().Status).toBe('SUCCESS');
    expect(asked().some(it => it.method === 'DELETE')).toBe(false);
  });

  it.each<[string, Record<string, unknown>, (message: any) => Answer, string]>([
    ['a tool is missing', { tools: ['search'] }, ok, 'tools/list has no tool search; it has status, delete'],
    ['a tool may change something', { tool: 'delete', toolArguments: '{}' }, ok, 'the tool delete does not say readOnlyHint: true, and is not called'],
    [
      'the tool fails',
      { tool: 'status', toolArguments: '{}' },
      (message: any) =>
        message?.method === 'tools/call'
          ? { body: JSON.stringify({ jsonrpc: '2.0', id: 1, result: { isError: true, content: ['no table'] } }) }
          : ok(message),
      'tools/call status has failed: ["no table"]',
    ],
    ['the server refuses', {}, () => ({ status: 401, body: 'who are you' }), 'initialize is answered with status 401: who are you'],
    ['the server fails until the end', {}, () => ({ status: 502, body: 'x'.repeat(5_000) }), 'initialize is answered with status 502: xxx'],
    [
      'the response is an error',
      {},
      () => ({ body: '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"broken"}}' }),
      'initialize has failed: -32603 broken',
    ],
    ['the response is none', {}, () => ({ body: '{"jsonrpc":"2.0","id":7,"result":{}}' }), 'initialize has no response in: '],
  ])('fails, and says why, where %s', async (_, properties, answers, reason) => {
    answer = answers;
    await load('check', {}).handler(event(properties));
    const { Status, Reason } = result();
    expect(Status).toBe('FAILED');
    expect(Reason).toContain(`The deployed server has failed its check: ${reason}`);
    expect(Reason.length).toBeLessThan(1_000);
    expect(logged.join()).toContain('"level":"ERROR"');
  });

  it('repeats what a new permission and a cold start answer', async () => {
    const refusals = [403, 503];
    answer = message => (refusals.length > 0 ? { status: refusals.shift()! } : ok(message));
    await load('check', {}).handler(event({ seconds: '60' }));
    expect(result().Status).toBe('SUCCESS');
    expect(asked().filter(it => it.body.includes('"initialize"'))).toHaveLength(3);
  });

  it('says that nothing listens', async () => {
    await load('check', {}).handler(event({ url: 'http://127.0.0.1:1/mcp' }));
    expect(result().Reason).toContain('the endpoint cannot be reached: ');
  });

  it('sends a token of a secret', async () => {
    const token = JSON.stringify({ SecretString: 'the-token\n' });
    server.removeAllListeners('request');
    server.on('request', async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const it = { method: request.method!, path: request.url!, headers: request.headers, body };
      received.push(it);
      const made: Answer = it.path === '/secrets' ? { body: token } : it.path === '/mcp' ? ok(body && JSON.parse(body)) : {};
      response.writeHead(made.status ?? 200, { 'content-type': 'application/json' }).end(made.body ?? '');
    });
    await load('check', { SECRETS_MANAGER_URL: `${url}/secrets` }).handler(event({ tokenSecret: 'arn:of-the-secret' }));
    expect(result().Status).toBe('SUCCESS');
    const secret = received.find(it => it.path === '/secrets')!;
    expect(JSON.parse(secret.body)).toEqual({ SecretId: 'arn:of-the-secret' });
    expect(secret.headers).toMatchObject({ 'x-amz-target': 'secretsmanager.GetSecretValue' });
    expect(asked().every(it => it.headers.authorization === 'Bearer the-token')).toBe(true);
    const hashes = asked().map(it => [it.headers['x-amz-content-sha256'], createHash('sha256').update(it.body).digest('hex')]);
    expect(hashes.every(([sent, own]) => sent === own)).toBe(true);
    expect(logged.join()).not.toContain('the-token');
  });

  it('expects a refusal where it has no token, and nothing else', async () => {
    answer = () => ({ status: 401 });
    await load('check', {}).handler(event({ expectsRefusal: 'true', signingName: '' }));
    expect(result().Status).toBe('SUCCESS');
    received.length = 0;
    answer = ok;
    await load('check', {}).handler(event({ expectsRefusal: 'true', signingName: '' }));
    expect(result().Reason).toContain('a request without a token must be answered with 401, got: 200');
  });

  it('checks nothing when it is deleted', async () => {
    await load('check', {}).handler(event({}, { RequestType: 'Delete', PhysicalResourceId: 'before' }));
    expect(result()).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'before' });
    expect(asked()).toEqual([]);
  });
});

describe('the guard of a budget', () => {
  const notification = { Records: [{ Sns: { Subject: 'AWS Budgets: mcp has exceeded your alert threshold' } }] };

  it('leaves no environment to each function, with a signed request', async () => {
    await load('budget-guard', { LAMBDA_URL: url, FUNCTIONS: 'server,worker' }).handler(notification);
    expect(received.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['PUT', '/2017-10-31/functions/server/concurrency', '{"ReservedConcurrentExecutions":0}'],
      ['PUT', '/2017-10-31/functions/worker/concurrency', '{"ReservedConcurrentExecutions":0}'],
    ]);
    expect(received[0]!.headers.authorization).toMatch(/\/eu-central-1\/lambda\/aws4_request/);
    expect(logged[0]).toContain('server is stopped after AWS Budgets: mcp has exceeded your alert threshold');
  });

  it('fails where Lambda refuses, so that the notification is sent again', async () => {
    server.removeAllListeners('request');
    server.on('request', (_, response) => response.writeHead(403).end('{"Message":"not allowed"}'));
    const { handler } = load('budget-guard', { LAMBDA_URL: url, FUNCTIONS: 'server' });
    await expect(handler(notification)).rejects.toThrow('server is not stopped: status 403 {"Message":"not allowed"}');
  });
});

describe('the rotation of a key', () => {
  const id = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:key-AbCdEf';
  const step = (name: string) => ({ SecretId: id, ClientRequestToken: 'new', Step: name });
  const missing = { status: 400, body: '{"__type":"ResourceNotFoundException","Message":"no value"}' };
  let versions: Record<string, string[]>;
  let answers: Record<string, Answer>;

  beforeEach(() => {
    versions = { old: ['AWSCURRENT'], new: ['AWSPENDING'] };
    answers = { GetSecretValue: missing, PutSecretValue: {}, UpdateSecretVersionStage: {} };
    server.removeAllListeners('request');
    server.on('request', async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      received.push({ method: request.method!, path: request.url!, headers: request.headers, body });
      const action = String(request.headers['x-amz-target']).replace('secretsmanager.', '');
      const described = { body: JSON.stringify({ VersionIdsToStages: versions, RotationEnabled: true }) };
      const all: Record<string, Answer> = { DescribeSecret: described, ...answers };
      const made = all[action]!;
      response.writeHead(made.status ?? 200, { 'content-type': 'application/json' }).end(made.body ?? '{}');
    });
  });

  const rotate = (name: string) => load('rotate-key', { SECRETS_MANAGER_URL: url }).handler(step(name));
  const inputOf = (action: string) => {
    const sent = received.filter(it => it.headers['x-amz-target'] === `secretsmanager.${action}`);
    expect(sent.length).toBeLessThan(2);
    return sent[0] && JSON.parse(sent[0].body);
  };

  it('makes a pending key of 64 letters and digits, and another one each time', async () => {
    await rotate('createSecret');
    const first = inputOf('PutSecretValue');
    expect(first).toMatchObject({ SecretId: id, ClientRequestToken: 'new', VersionStages: ['AWSPENDING'] });
    expect(first.SecretString).toMatch(/^[A-Za-z0-9]{64}$/);
    expect(received[0]!.headers.authorization).toMatch(/\/eu-central-1\/secretsmanager\/aws4_request/);
    received.length = 0;
    await rotate('createSecret');
    expect(inputOf('PutSecretValue').SecretString).not.toBe(first.SecretString);
    expect(logged.join()).not.toContain(first.SecretString);
  });

  it('keeps the key of a step that is repeated', async () => {
    answers['GetSecretValue'] = { body: '{"SecretString":"made before"}' };
    await rotate('createSecret');
    expect(inputOf('PutSecretValue')).toBeUndefined();
  });

  it('makes the pending version the current one at the end, once', async () => {
    await rotate('setSecret');
    await rotate('testSecret');
    expect(inputOf('UpdateSecretVersionStage')).toBeUndefined();
    await rotate('finishSecret');
    const moved = { SecretId: id, VersionStage: 'AWSCURRENT', MoveToVersionId: 'new', RemoveFromVersionId: 'old' };
    expect(inputOf('UpdateSecretVersionStage')).toEqual(moved);
    versions = { old: ['AWSPREVIOUS'], new: ['AWSCURRENT'] };
    received.length = 0;
    await rotate('finishSecret');
    expect(inputOf('UpdateSecretVersionStage')).toBeUndefined();
  });

  it('fails with the reason, so that Secrets Manager says it', async () => {
    answers['PutSecretValue'] = { status: 400, body: '{"__type":"AccessDeniedException","Message":"not allowed"}' };
    await expect(rotate('createSecret')).rejects.toThrow(`PutSecretValue of ${id} failed: status 400 AccessDeniedException: not allowed`);
    versions = { old: ['AWSCURRENT'] };
    await expect(rotate('createSecret')).rejects.toThrow('has no version new to rotate to');
  });
});
