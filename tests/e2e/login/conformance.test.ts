// The scenarios of the official conformance suite for authorization servers: it has these two. Those of its `client` command test
// clients, with an authorization server of the suite.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../run.ts';
import { freePort, root } from '../server.ts';
import { local, startLogin, type Login } from './login.ts';
import { watching } from './person.ts';

const SUITE = 'node_modules/@modelcontextprotocol/conformance/dist/index.js';
const WITHIN_MS = 60_000;

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

describe('the conformance suite', () => {
  let login: Login;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'conformance-'));
    login = await startLogin(local);
  }, 600_000);
  afterAll(async () => {
    await login?.stop();
    await rm(folder, { recursive: true });
  });

  it('has no other scenarios for authorization servers', async () => {
    const { stdout } = await run('scripts/node22', [SUITE, 'list']);
    const [, listed] = stdout.split('Authorization server scenarios');
    expect(listed!.match(/^ {2}- \S+/gm)?.map(line => line.slice(4))).toEqual([
      'authorization-server-metadata-endpoint',
      'authorization-code-grant',
    ]);
  });

  it('passes, for a client that has registered itself', async () => {
    const port = await freePort();
    const response = await fetch(`${login.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Conformance', redirect_uris: [`http://127.0.0.1:${port}/callback`] }),
    });
    const { client_id } = (await response.json()) as { client_id: string };
    const user = watching(login.issuer);
    const options = ['--url', login.issuer, '--client-id', client_id, '--resource', login.url, '--port', `${port}`, '--output-dir', folder];
    const child = spawn('scripts/node22', [SUITE, 'authorization', ...options], { cwd: root, timeout: WITHIN_MS });
    let printed = '';
    const note = (chunk: Buffer) => (user.see(chunk), (printed += chunk.toString()));
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, printed).toBe(0);
    await user.done();
    const files = (await readdir(folder, { recursive: true })).filter(name => name.endsWith('checks.json'));
    expect(files).toHaveLength(2);
    const checks = (await Promise.all(files.map(name => readFile(join(folder, name), 'utf8')))).flatMap(text => JSON.parse(text) as Check[]);
    expect(checks.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO')).toEqual([]);
    expect(checks.map(({ id }) => id)).toEqual(expect.arrayContaining(['authorization-server-metadata', 'authorization-server-metadata-cimd']));
    expect(checks.some(({ id }) => id.startsWith('authorization-code-grant'))).toBe(true);
  }, WITHIN_MS);
});
