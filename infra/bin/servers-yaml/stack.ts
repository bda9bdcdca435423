// The stack of a servers.yaml.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CfnOutput, Stack, type App } from 'aws-cdk-lib';
import { McpFindings } from '../../lib';
import { createServers } from './servers';
import { readServers } from './read';
import { ServersConfigError, Source } from './source';

const DEFAULT_NAME = 'mcp-servers';

/** Adds the stack of the file, or fails with all that is wrong with it. */
export function addServersStack(app: App, file: string): Stack {
  const path = resolve(file);
  if (!existsSync(path)) throw new ServersConfigError(`context servers: there is no file ${file}`);
  const source = new Source(readFileSync(path, 'utf8'), file);
  const config = readServers(source);
  source.throwAny();
  const { region } = config.sections.aws;
  const account = process.env['CDK_DEFAULT_ACCOUNT'];
  const stack = new Stack(app, config.name ?? DEFAULT_NAME, {
    description: config.description ?? 'MCP servers on AWS Lambda',
    ...(region !== undefined && { env: { region, ...(account !== undefined && { account }) } }),
  });
  const { servers, gateway } = createServers(stack, config, source, path);
  for (const [name, server] of Object.entries(servers)) {
    new CfnOutput(stack, `${pascalCase(name)}Endpoint`, { value: server.url });
    new CfnOutput(stack, `${pascalCase(name)}FunctionName`, { value: server.function.functionName });
  }
  if (gateway) new CfnOutput(stack, 'GatewayUrl', { value: gateway.gatewayUrl ?? gateway.gatewayId });
  McpFindings.acknowledge(stack);
  return stack;
}

/** `my-server` as an output: `MyServer`. */
function pascalCase(name: string): string {
  return name
    .split('-')
    .map(part => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');
}
