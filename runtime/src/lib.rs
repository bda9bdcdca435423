//! mcp-lambda-server
