/** The tools that every reference server has. */
export const TOOLS = ['echo', 'counter', 'progress', 'session_info', 'lambda_diagnostics'];
