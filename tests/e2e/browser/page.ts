// What a page on another origin does with a server: the TypeScript client, bundled for the browser by the test beside this.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** What the page saw. */
export interface Talk {
  readonly version?: string | undefined;
  readonly tools?: string[];
  readonly said?: unknown;
  /** Each progress notification, and whether the call was still running then. */
  readonly progress?: { readonly step: number; readonly running: boolean }[];
  /** The error that ended the page. */
  readonly error?: string;
}

async function talk(url: string, era: 'auto' | 'legacy'): Promise<Talk> {
  const client = new Client({ name: 'page', version: '1' }, { versionNegotiation: { mode: era } });
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    const { tools } = await client.listTools();
    const echoed = await client.callTool({ name: 'echo', arguments: { message: 'grüße 🦀' } });
    const progress: { step: number; running: boolean }[] = [];
    let running = true;
    await client.callTool(
      { name: 'progress', arguments: { steps: 3, delay_ms: 250 } },
      { onprogress: ({ progress: step }) => progress.push({ step, running }) },
    );
    running = false;
    const [version, said] = [client.getNegotiatedProtocolVersion(), echoed.content[0]];
    await client.close();
    return { version, tools: tools.map(({ name }) => name), said, progress };
  } catch (error) {
    return { error: String(error) };
  }
}

Object.assign(globalThis, { talk });
