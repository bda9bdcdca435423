import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { McpFindings, McpLambdaServer } from 'mcp-lambda-server';

/** The MCP server my-mcp-server. All properties: node_modules/mcp-lambda-server/README.md */
export class McpServerStack extends Stack {
  public constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const server = new McpLambdaServer(this, 'Mcp', {
      manifestPath: 'Cargo.toml', // built with cargo-lambda
    });
    McpFindings.acknowledge(server);
    new CfnOutput(this, 'McpEndpoint', { value: server.url });
    new CfnOutput(this, 'FunctionName', { value: server.function.functionName });
  }
}
