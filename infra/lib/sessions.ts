/**
 * Which requests of clients of 2025-11-25 and earlier need a session. Clients of 2026-07-28 have none.
 */
export enum McpSessions {
  /**
   * Every request but `initialize`.
   */
  REQUIRED = 'required',

  /**
   * Those that name one. A request that names none is served for itself.
   */
  OPTIONAL = 'optional',

  /**
   * None: for clients that make session ids up, such as AgentCore Runtime.
   */
  OFF = 'off',
}
