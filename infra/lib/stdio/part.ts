import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { McpStdioProgramOptions } from './stdio-options';

/** How a server is started, as an entry of `mcpServers` in a `.mcp.json`. */
export interface StdioEntry {
  readonly command: string;
  readonly args: string[];
  readonly cwd: string;
}

/** A server that can be installed. */
export interface PreparedPart {
  /** Text that differs whenever the installed files may differ. */
  readonly key: string;
  /** What the user should know, such as why the program starts slower than it could. */
  readonly warnings: string[];
  /** The lock file, if it is new. */
  readonly newLock?: string | undefined;
  /** Writes all files of the server into the folder, which exists. `path` is the folder on Lambda. */
  install(folder: string, path: string): StdioEntry;
}

/** One of the servers that a program consists of. */
export interface StdioPart {
  readonly options: McpStdioProgramOptions;
  readonly runtime: lambda.Runtime;
  /** Fails for values that can never be bundled. */
  check(): void;
  /** Finds or writes the lock file. */
  prepare(architecture: lambda.Architecture): PreparedPart;
}

/** Parts by the name of the server. */
export type StdioParts = { readonly [name: string]: StdioPart };

