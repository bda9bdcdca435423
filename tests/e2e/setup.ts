// Before the first test: the reference server, built once and running. MCP_E2E_URL names one that runs elsewhere, so
// that the same clients can be pointed at an emulated or a deployed server.
import type { TestProject } from 'vitest/node';
import { build, start } from './server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The MCP endpoint of the reference server. */
    url: string;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | void> {
  const elsewhere = process.env['MCP_E2E_URL'];
  if (elsewhere) {
    project.provide('url', elsewhere);
    return;
  }
  const server = await start(await build('mcp-lambda-reference'));
  project.provide('url', server.url);
  return async () => {
    const { code } = await server.stop();
    if (code !== 0) throw new Error(`the reference server ended with ${code} on SIGTERM:\n${server.printed()}`);
  };
}
