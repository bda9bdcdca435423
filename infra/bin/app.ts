// The app: `npx cdk deploy` deploys the reference server. A deploy.toml and context such as `-c lambda.memory_size=512`
// change its properties; `-c config=other.toml` names another file. `-c servers=servers.yaml` deploys the stdio servers of a
// servers.yaml instead.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { App, Annotations, Stack } from 'aws-cdk-lib';
import recommendedFlags from 'aws-cdk-lib/recommended-feature-flags.json';
import { McpFindings } from '../lib';
import { prepareToBuild } from './cargo-lambda';
import { needsLookup } from './deploy-toml/network';
import { readDeployConfig, type DeployFile } from './deploy-toml/read';
import { createServer } from './deploy-toml/server';
import { DeployConfigError } from './deploy-toml/source';
import { defaultToolResources } from './deploy-toml/tools';
import { addOutputs } from './outputs';
import { ServersConfigError } from './servers-yaml/source';
import { addServersStack } from './servers-yaml/stack';

const DEFAULT_FILE = 'deploy.toml';
const DEFAULT_NAME = 'mcp-lambda-server';

function main(): void {
  // The CDK's own validation takes three times as long as the rest of the synthesis. The tests use cfn-lint instead.
  // Synthesised at the end of this function: a file that is invalid leaves half a stack.
  // Behaves as a new project of `cdk init` does, in a folder without a cdk.json too.
  const app = new App({ builtinCloudFormationValidation: false, autoSynth: false, context: recommendedFlags });
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
  const deploy = readDeployConfig(text, named ?? DEFAULT_FILE, context);
  const stack = addStack(app, deploy);
  // Nothing is installed for a file that is invalid.
  const builds = stack.bundlingRequired && deploy.config.server.code === undefined;
  if (builds && deploy.problems.count === 0) prepareToBuild();
  const toolResources = defaultToolResources(deploy.config);
  const server = createServer(stack, deploy, dirname(file), toolResources && { toolResources });
  McpFindings.acknowledge(server);
  addOutputs(stack, server);
  app.synth();
}

/** Without a region the stack is environment-agnostic, unless something has to be looked up in the account. */
function addStack(app: App, { config, problems }: DeployFile): Stack {
  const { profile } = config.aws;
  const account = process.env['CDK_DEFAULT_ACCOUNT'];
  const region = config.aws.region ?? (needsLookup(config) ? process.env['CDK_DEFAULT_REGION'] : undefined);
  if (needsLookup(config) && (account === undefined || region === undefined)) {
    const found = 'in the account, for which there are no credentials';
    const wayOut = 'sign in, or give vpc_id, subnet_ids and security_group_ids';
    problems.note(['vpc', 'enabled'], `[vpc] the VPC is looked up ${found}; ${wayOut}`);
    problems.throwAny();
  }
  const stack = new Stack(app, config.server.name ?? DEFAULT_NAME, {
    description: config.server.description ?? 'MCP server on AWS Lambda',
    ...(region !== undefined && { env: { region, ...(account !== undefined && { account }) } }),
  });
  // Without a choice the CDK uses the profile `default`.
  if (profile !== undefined && profile !== (process.env['AWS_PROFILE'] ?? 'default')) {
    const way = `npx cdk deploy --profile ${profile}`;
    Annotations.of(stack).addWarningV2(
      'mcp-lambda-server:profile',
      `[aws] profile is a reminder and not applied: deploy with '${way}'`,
    );
  }
  return stack;
}

try {
  main();
} catch (error) {
  // The stack trace of an invalid file would be of this program.
  if (!(error instanceof DeployConfigError || error instanceof ServersConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
