// What `npx cdk deploy` deploys. All properties: node_modules/mcp-lambda-server/README.md
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
// @if template=rust
import { McpAuth, McpEndpoint, McpFindings, McpLambdaServer } from 'mcp-lambda-server';
// @end
// @if template=rust-tasks
import { McpAuth, McpEndpoint, McpFindings, McpLambdaServer, McpTasks } from 'mcp-lambda-server';
// @end

const app = new App();
const stack = new Stack(app, 'my-mcp-server', { description: 'The MCP server my-mcp-server' });

const server = new McpLambdaServer(stack, 'Mcp', {
  manifestPath: 'Cargo.toml', // built with cargo-lambda
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
  auth: McpAuth.none(), // everybody may call
  // @end
  // @if template=rust-tasks
  tasks: McpTasks.queue(), // a queue, and a worker function that runs the tools of task_tool
  // @end
});
McpFindings.acknowledge(server);

// `npx mcp-lambda-server operate` finds the resources by these names.
new CfnOutput(stack, 'McpEndpoint', { value: server.url });
new CfnOutput(stack, 'FunctionName', { value: server.function.functionName });
// @if auth=cognito
new CfnOutput(stack, 'UserPoolId', { value: `${server.userPool?.userPoolId}` });
// @end
