// Signing in: a reference server that checks tokens, an authorization server with a page, and a person in a real browser.
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, freePort, start, type Server } from '../server.ts';
import { AuthorizationServer, PASSWORD } from './authorization-server.ts';
import { client, inFolder, mcpLambda } from './program.ts';

const places = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const chromium = places.find(place => place && existsSync(place));
if (!chromium && process.env['CI']) throw new Error('Chromium was not found: apt-get install chromium, or set CHROMIUM');

const person = `${process.execPath} ${join(import.meta.dirname, 'sign-in.mjs')}`;

describe('mcp-lambda signs a person in', () => {
  let issuer: AuthorizationServer;
  let server: Server;

  beforeAll(async () => {
    await client();
    issuer = await AuthorizationServer.start();
    const port = await freePort();
    const env = { MCP_JWT_ISSUER: issuer.url, MCP_PUBLIC_URL: `http://127.0.0.1:${port}` };
    server = await start(await build('mcp-lambda-reference'), [], { port, env });
  }, 600_000);
  afterAll(async () => {
    await server?.stop();
    issuer?.stop();
  });

  const echo = (folder: string, options: string[] = [], env: NodeJS.ProcessEnv = {}) =>
    mcpLambda(['call', server.url, 'echo', 'message=hi', '--browser', person, '--token-folder', folder, ...options], {
      SIGN_IN_PASSWORD: PASSWORD,
      ...env,
    });

  it('in Chromium, once, and keeps the token where nobody else reads it', () =>
    inFolder(async folder => {
      issuer.log.length = 0;
      const first = await echo(folder, [], { SIGN_IN_CHROMIUM: chromium });
      expect(first, first.stderr).toMatchObject({ code: 0, stdout: 'hi\n' });
      expect(issuer.log).toEqual(['register', 'authorize', 'code']);
      const [file] = (await readdir(folder)).filter(name => name.endsWith('.json'));
      expect((await stat(join(folder, file!))).mode & 0o777).toBe(0o600);
      const { token_response } = JSON.parse(await readFile(join(folder, file!), 'utf8')) as { token_response: { access_token: string } };
      expect(first.stderr).not.toContain(token_response.access_token);

      const second = await echo(folder);
      expect(second, second.stderr).toMatchObject({ code: 0, stdout: 'hi\n' });
      expect(issuer.log).toEqual(['register', 'authorize', 'code']);
    }), 60_000);

  it('refreshes a token that has ended, without a browser', () =>
    inFolder(async folder => {
      issuer.expiresIn = 0;
      expect(await echo(folder)).toMatchObject({ code: 0 });
      issuer.log.length = 0;
      const later = await echo(folder);
      issuer.expiresIn = 3600;
      expect(later, later.stderr).toMatchObject({ code: 0, stdout: 'hi\n' });
      expect(new Set(issuer.log)).toEqual(new Set(['refresh']));
    }));

  it('with the URL of its metadata document in place of a registration', () =>
    inFolder(async folder => {
      issuer.log.length = 0;
      const ran = await echo(folder, ['--client-metadata-url', 'https://example.com/mcp-lambda.json']);
      expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: 'hi\n' });
      expect(issuer.log).toEqual(['authorize', 'metadata-client', 'code']);
    }));

  it('and lists the tasks of that person, one of which was begun in 2026-07-28', () =>
    inFolder(async folder => {
      const signedIn = (...args: string[]) =>
        mcpLambda([...args, '--browser', person, '--token-folder', folder], { SIGN_IN_PASSWORD: PASSWORD });
      const begun = await signedIn('call', server.url, 'progress', 'steps=100', '--detach', '--output', 'json');
      expect(begun.code, begun.stderr).toBe(0);
      const { taskId } = JSON.parse(begun.stdout) as { taskId: string };
      const listed = await signedIn('tasks', 'list', server.url);
      expect(listed, listed.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`^${taskId} {2}working`)) });
      expect(await signedIn('tasks', 'cancel', server.url, taskId)).toMatchObject({ code: 0 });
    }));

  it('and ends with 2 and the reason when the sign-in fails', () =>
    inFolder(async folder => {
      issuer.log.length = 0;
      const ran = await echo(folder, [], { SIGN_IN_PASSWORD: 'guessed' });
      expect(issuer.log).toEqual(['register', 'authorize']);
      expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('access_denied: a wrong password') });
    }));

  it('and takes a bearer token of the caller without a browser', async () => {
    const ran = await mcpLambda(['call', server.url, 'echo', 'message=hi'], { MCP_BEARER_TOKEN: 'planted-token' });
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('HTTP 401') });
    expect(ran.stderr).not.toContain('planted-token');
  });
});
