// The template of a server for those who do not use the CDK: `aws cloudformation deploy` and `sam deploy` take it as it is. The
// program is a zip in a bucket, which are parameters.
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { App, CfnParameter, DefaultStackSynthesizer, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import recommendedFlags from 'aws-cdk-lib/recommended-feature-flags.json';
import { McpFindings } from '../lib';
import { readDeployConfig, type DeployFile } from './deploy-toml/read';
import { createServer } from './deploy-toml/server';
import type { DeployConfig } from './deploy-toml/schema';
import { DeployConfigError } from './deploy-toml/source';
import { addOutputs } from './outputs';

/** The most of a template that is sent and not read from a bucket. */
export const LARGEST_BODY = 51_200;

/** Keys of a deploy.toml that need versions of the functions, which a template that is deployed again does not make. */
const WITH_VERSIONS = [
  ['lambda', 'provisioned_concurrent_executions'],
  ['lambda', 'max_provisioned_concurrent_executions'],
  ['deployment', 'type'],
  ['check', 'enabled'],
] as const;

/** The template, as text. Fails with a `DeployConfigError` that has all problems of the file. */
export function templateOf(deploy: DeployFile): string {
  const { config, problems } = deploy;
  for (const [section, key] of WITH_VERSIONS) {
    const value = (config[section] as { readonly [key: string]: unknown })[key];
    if (value === undefined || value === false) continue;
    problems.add(section, key, 'left out of a template: it needs versions of the functions, which the CDK makes', value);
  }
  for (const key of ['code', 'manifest_path', 'binary_name', 'cargo_lambda_flags'] as const) {
    if (config.server[key] === undefined) continue;
    problems.add('server', key, 'left out of a template: its parameters name the program', config.server[key]);
  }
  const app = new App({ builtinCloudFormationValidation: false, analyticsReporting: false, context: recommendedFlags });
  const stack = new Stack(app, 'Template', {
    description: config.server.description ?? 'MCP server on AWS Lambda',
    // No bootstrap stack is needed: nothing is an asset.
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  });
  const server = createServer(stack, deploy, process.cwd(), parametersOf(stack, config));
  for (const construct of stack.node.findAll()) if (construct instanceof lambda.CfnAlias) withoutVersion(construct);
  for (const construct of stack.node.findAll()) {
    if (construct instanceof lambda.CfnVersion) construct.node.scope?.node.tryRemoveChild(construct.node.id);
  }
  McpFindings.acknowledge(server);
  addOutputs(stack, server);
  const { template } = app.synth().getStackByName(stack.stackName) as { template: Template };
  for (const resource of Object.values(template.Resources)) withoutImpliedDependencies(resource);
  return `${JSON.stringify(template)}\n`;
}

interface Resource {
  readonly Properties?: object;
  DependsOn?: string[];
}

interface Template {
  readonly Resources: { readonly [id: string]: Resource };
}

/** The CDK also writes the dependencies that references imply, which linters report (cfn-lint's W3005). */
function withoutImpliedDependencies(resource: Resource): void {
  const implied = referencesOf(resource.Properties ?? {});
  const others = (resource.DependsOn ?? []).filter(id => !implied.has(id));
  if (others.length > 0) resource.DependsOn = others;
  else delete resource.DependsOn;
}

/** The ids that are in a `Ref` or a `Fn::GetAtt` of a value. */
function referencesOf(value: object): Set<string> {
  const found = new Set<string>();
  const search = (name: string, inner: unknown): unknown => {
    if (name === 'Ref') found.add(String(inner));
    if (name === 'Fn::GetAtt' && Array.isArray(inner)) found.add(String(inner[0]));
    return inner;
  };
  JSON.stringify(value, search);
  return found;
}

/**
 * The parameters, and the properties that they set. A parameter is what changes between deployments of one template; everything
 * else is in the deploy.toml from which the template is made.
 */
function parametersOf(stack: Stack, { lambda: settings }: DeployConfig) {
  const bucketNameParam = new CfnParameter(stack, 'CodeS3Bucket', { description: 'The bucket with the zip of the program' });
  const objectKeyParam = new CfnParameter(stack, 'CodeS3Key', {
    description: 'The key of the zip, which has an executable called bootstrap. A new program needs a new key',
  });
  const memory = new CfnParameter(stack, 'MemorySize', {
    type: 'Number',
    default: settings.memory_size ?? 256,
    minValue: 128,
    maxValue: 10_240,
    description: 'The memory of the server, in MiB',
  });
  const architecture = new CfnParameter(stack, 'Architecture', {
    default: settings.architecture ?? 'arm64',
    allowedValues: ['arm64', 'x86_64'],
    description: 'For which the program was built',
  });
  return {
    code: lambda.Code.fromCfnParameters({ bucketNameParam, objectKeyParam }),
    memorySize: memory.valueAsNumber,
    architecture: lambda.Architecture.custom(architecture.valueAsString),
  };
}

/** Another zip makes no other version, since the template stays as it is: the alias follows the function itself. */
function withoutVersion(alias: lambda.CfnAlias): void {
  alias.functionVersion = '$LATEST';
}

/** Runs the command. Returns the status of the process. */
export function runTemplate(args: readonly string[]): number {
  try {
    const { values } = parseArgs({ args: [...args], options: { config: { type: 'string' } } });
    const file = values.config ?? 'deploy.toml';
    if (values.config !== undefined && !existsSync(file)) throw new DeployConfigError(`there is no file ${file}`);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    const template = templateOf(readDeployConfig(text, file));
    process.stdout.write(template);
    if (template.length > LARGEST_BODY) {
      console.error(`The template has ${template.length} bytes: deploy it with --s3-bucket, or leave out what you do not need`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof DeployConfigError || error instanceof TypeError)) throw error;
    console.error(error.message);
    return 1;
  }
}
