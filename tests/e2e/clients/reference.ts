/** The tools that every reference server has. */
export const TOOLS = ['echo', 'counter', 'reset_counter', 'progress', 'session_info', 'lambda_diagnostics', 'summarize_diagnostics'];
