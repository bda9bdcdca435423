// The tools of cargo-lambda, as the README's section on development tells to use them: `cargo lambda watch` runs the
// Runtime API under a URL with a path, and `cargo lambda invoke` sends events. The binary is built already.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROGRESS, ProgressLog } from './clients/progress.ts';
import { textOf } from './clients/text.ts';
import { freePort, program, type Program } from './program.ts';
import { run } from './run.ts';
import { accepts, build, root } from './server.ts';

const cargoLambda = join(root, '.venv', 'bin', 'cargo-lambda');
const ADDRESS = '127.0.0.1';

describe.skipIf(process.env['MCP_E2E_URL'])('cargo lambda', () => {
  let watch: Program;
  let server: Program;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    const address = ['--invoke-address', ADDRESS, '--invoke-port', String(port)];
    watch = await program(cargoLambda, ['lambda', 'watch', '--only-lambda-apis', ...address], {}, () => accepts(port));
    // What `watch` sets for a function that it starts itself.
    const env = {
      AWS_LAMBDA_RUNTIME_API: `http://${ADDRESS}:${port}/.rt`,
      AWS_LAMBDA_FUNCTION_NAME: '_',
      AWS_LAMBDA_FUNCTION_VERSION: '1',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '4096',
      AWS_LAMBDA_MAX_CONCURRENCY: '1',
      // There is one process, and it serves one request at a time.
      MCP_STREAMS: 'off',
    };
    server = await program(await build('mcp-lambda-reference'), [], env, async () => true);
  });

  afterAll(async () => {
    await server?.stop();
    await watch?.stop();
  });

  it('watch serves an MCP client, and streams', async () => {
    const client = new Client({ name: 'e2e', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(`http://${ADDRESS}:${port}/mcp`)));
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'hi' } }))).toBe('hi');
    const log = new ProgressLog();
    textOf(await client.callTool({ name: 'progress', arguments: PROGRESS }, undefined, { onprogress: log.note }));
    log.expectStreamed();
    await client.close();
  });

  it('invoke sends an event of a file', async () => {
    const event = join(root, 'tests', 'fixtures', 'events', 'function-url-post.json');
    const address = ['--invoke-address', ADDRESS, '--invoke-port', String(port)];
    const { code, stdout, stderr } = await run(cargoLambda, ['lambda', 'invoke', ...address, '--data-file', event]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('"text":"hello"');
  });
});
