// The CDK construct library, npm package `mcp-lambda-server`. Nothing is exported yet.
export {};
