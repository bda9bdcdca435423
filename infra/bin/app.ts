// The app: `npx cdk deploy` deploys the reference server. deploy.toml, where there is one, and context such as
// `-c lambda.memory_size=512` say what is to be different; `-c config=other.toml` names another file.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { App, Annotations, Stack } from 'aws-cdk-lib';
import { McpLambdaServer } from '../index';
import { toProps } from '../config/props';
import { DeployConfigError, readDeployConfig } from '../config/read';

const DEFAULT_FILE = 'deploy.toml';
const DEFAULT_NAME = 'mcp-lambda-server';

function main(): void {
  // The CDK's own look at the template takes three times as long as all the rest. The tests look with cfn-lint instead.
  const app = new App({ builtinCloudFormationValidation: false });
  const context = app.node.getAllContext() as { [name: string]: unknown };
  const named = context['config'] as string | undefined;
  const file = resolve(named ?? DEFAULT_FILE);
  if (named !== undefined && !existsSync(file))
    throw new DeployConfigError(`context config: there is no file ${named}`);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  const config = readDeployConfig(text, named ?? DEFAULT_FILE, context);

  const { region, profile } = config.aws;
  const stack = new Stack(app, config.server.name ?? DEFAULT_NAME, {
    description: config.server.description ?? 'MCP server on AWS Lambda',
    // Without a region the template fits any.
    ...(region !== undefined && {
      env: { region, ...(process.env['CDK_DEFAULT_ACCOUNT'] && { account: process.env['CDK_DEFAULT_ACCOUNT'] }) },
    }),
  });
  if (profile !== undefined && process.env['AWS_PROFILE'] !== profile) {
    const way = `npx cdk deploy --profile ${profile}`;
    Annotations.of(stack).addWarningV2(
      'mcp-lambda-server:profile',
      `[aws] profile is read by people: deploy with '${way}'`,
    );
  }
  new McpLambdaServer(stack, 'Mcp', toProps(stack, config, dirname(file)));
}

try {
  main();
} catch (error) {
  // What is wrong with a file is said without where in this program it was found.
  if (!(error instanceof DeployConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
