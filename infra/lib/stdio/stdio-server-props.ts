import type { McpServerOptions } from '../mcp-lambda-server-props';
import type { McpChildPer } from './stdio-options';
import type { McpStdioProgram } from './stdio-program';

/**
 * Properties of an `McpStdioServer`.
 */
export interface McpStdioServerProps extends McpServerOptions {
  /**
   * The MCP server to run, and how it gets to Lambda.
   */
  readonly program: McpStdioProgram;

  /**
   * Which callers share a child process. A server that keeps what a caller tells it, other than on purpose, needs one
   * per session or per principal.
   *
   * @default McpChildPer.SERVER
   */
  readonly childPer?: McpChildPer;

  /**
   * The path of a built `mcp-lambda-stdio` for the function's architecture.
   *
   * @default - built with cargo-lambda, if this construct is used in its own repository
   */
  readonly binary?: string;
}
