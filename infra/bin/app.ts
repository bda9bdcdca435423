// The app: `npx cdk deploy` deploys the reference server. A deploy.toml and context such as `-c lambda.memory_size=512`
// change its properties; `-c config=other.toml` names another file. `-c servers=servers.yaml` deploys the stdio servers of a
// servers.yaml instead.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { App, Annotations, Stack } from 'aws-cdk-lib';
import { McpFindings } from '../lib';
import { prepareToBuild } from './cargo-lambda';
import { DeployConfigError, readDeployConfig } from './deploy-toml/read';
import { createServer } from './deploy-toml/server';
import { addOutputs } from './outputs';
import { ServersConfigError } from './servers-yaml/source';
import { addServersStack } from './servers-yaml/stack';

const DEFAULT_FILE = 'deploy.toml';
const DEFAULT_NAME = 'mcp-lambda-server';

function main(): void {
  // The CDK's own validation takes three times as long as the rest of the synthesis. The tests use cfn-lint instead.
  // Synthesised at the end of this function: a file that is invalid leaves half a stack.
  const app = new App({ builtinCloudFormationValidation: false, autoSynth: false });
  const context = app.node.getAllContext() as { [name: string]: unknown };
  const servers = context['servers'] as string | undefined;
  if (servers !== undefined) {
    addServersStack(app, servers);
    app.synth();
    return;
  }
  const named = context['config'] as string | undefined;
  const file = resolve(named ?? DEFAULT_FILE);
  if (named !== undefined && !existsSync(file))
    throw new DeployConfigError(`context config: there is no file ${named}`);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  const config = readDeployConfig(text, named ?? DEFAULT_FILE, context);

  const { region, profile } = config.aws;
  const stack = new Stack(app, config.server.name ?? DEFAULT_NAME, {
    description: config.server.description ?? 'MCP server on AWS Lambda',
    // Without a region the stack is environment-agnostic.
    ...(region !== undefined && {
      env: { region, ...(process.env['CDK_DEFAULT_ACCOUNT'] && { account: process.env['CDK_DEFAULT_ACCOUNT'] }) },
    }),
  });
  if (profile !== undefined && process.env['AWS_PROFILE'] !== profile) {
    const way = `npx cdk deploy --profile ${profile}`;
    Annotations.of(stack).addWarningV2(
      'mcp-lambda-server:profile',
      `[aws] profile is a reminder and not applied: deploy with '${way}'`,
    );
  }
  if (stack.bundlingRequired && config.server.code === undefined) prepareToBuild();
  const server = createServer(stack, config, dirname(file));
  McpFindings.acknowledge(server);
  addOutputs(stack, server);
  app.synth();
}

try {
  main();
} catch (error) {
  // The stack trace of an invalid file would be of this program.
  if (!(error instanceof DeployConfigError || error instanceof ServersConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
