//! mcp-lambda-reference
fn main() {}
