/**
 * What the construct and the binary mcp-lambda-stdio have to agree on. `tests/contract/stdio.json` has the same, and the tests of both
 * compare themselves with it.
 */
export const STDIO_CONTRACT = {
  variables: {
    childPer: 'MCP_STDIO_CHILD_PER',
    config: 'MCP_STDIO_CONFIG',
    execWrapper: 'AWS_LAMBDA_EXEC_WRAPPER',
    taskRoot: 'LAMBDA_TASK_ROOT',
  },
  /** The file that the binary reads by default, in the folder of the function's code. */
  file: 'mcp-stdio.json',
  /** The key under which the file has the servers by name. */
  servers: 'servers',
  /** The keys of a server that the construct writes. */
  keys: ['args', 'command', 'cwd', 'env', 'start'],
  /** The start of a server in a function that serves no requests. */
  start: 'first-use',
} as const;
