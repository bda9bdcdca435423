// What `npx cdk deploy` deploys. All properties: node_modules/mcp-lambda-server/README.md
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { McpAuth, McpEndpoint, McpFindings, McpStdioProgram, McpStdioServer } from 'mcp-lambda-server';

const app = new App();
const stack = new Stack(app, 'my-mcp-server', { description: 'The MCP server my-mcp-server' });

const server = new McpStdioServer(stack, 'Mcp', {
  // @if template=stdio-npm
  program: McpStdioProgram.npm('@modelcontextprotocol/server-everything', '2026.8.31'),
  // @end
  // @if template=stdio-python
  program: McpStdioProgram.pypi('mcp-server-time', '2026.10.19'),
  // @end
  architecture: lambda.Architecture.ARM_64,
  // @if front=function-url
  endpoint: McpEndpoint.functionUrl(),
  // @end
  // @if front=rest
  endpoint: McpEndpoint.restApi(), // streams
  // @end
  // @if front=http
  endpoint: McpEndpoint.httpApi(), // buffers: progress arrives with the response
  // @end
  // @if auth=iam
  auth: McpAuth.iam(), // callers sign requests with AWS credentials
  // @end
  // @if auth=jwt
  auth: McpAuth.jwt({
    issuer: 'https://issuer.example.com',
    audience: ['https://mcp.example.com/mcp'],
  }),
  // @end
  // @if auth=cognito
  auth: McpAuth.login({ cognito: {} }), // users sign in at a new user pool, with any MCP client
  // @end
  // @if auth=none
  auth: McpAuth.none(), // every caller may call
  // @end
});
McpFindings.acknowledge(server);

new CfnOutput(stack, 'McpEndpoint', { value: server.url });
new CfnOutput(stack, 'FunctionName', { value: server.function.functionName });
