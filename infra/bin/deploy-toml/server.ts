// Creates the server of a deploy.toml.
import type { Stack } from 'aws-cdk-lib';
import { McpLambdaServer } from '../../lib';
import { checkProps } from '../../lib/private/checks';
import { checkIam, grantIam } from './iam';
import { toProps } from './props';
import type { DeployFile } from './read';

/**
 * Creates the server, or fails with all problems at once: those of the file's keys, those of keys that do not go together,
 * and those that the construct has with their values.
 */
export function createServer(stack: Stack, { config, problems }: DeployFile, folder: string): McpLambdaServer {
  const props = toProps(stack, config, folder, problems);
  problems.attempt(() => checkProps(props));
  checkIam(config, problems);
  problems.throwAny();
  const server = problems.attempt(() => new McpLambdaServer(stack, 'Mcp', props));
  problems.throwAny();
  // Without a problem there is a server.
  const created = server as McpLambdaServer;
  grantIam(created, config);
  return created;
}
