// Creates the server of a deploy.toml.
import type { Stack } from 'aws-cdk-lib';
import { McpLambdaServer, type McpLambdaServerProps } from '../../lib';
import { checkProps } from '../../lib/private/checks';
import { addBudget, addCheck, checkBudget, checkCheck } from './deployment';
import { checkIam, grantIam } from './iam';
import { toProps } from './props';
import type { DeployFile } from './read';

/**
 * Creates the server, or fails with all problems at once: those of the file's keys, those of keys that do not go together,
 * and those that the construct has with their values. `overrides` are properties that have precedence over the file.
 */
export function createServer(
  stack: Stack,
  { config, problems }: DeployFile,
  folder: string,
  overrides: McpLambdaServerProps = {},
): McpLambdaServer {
  const props = { ...toProps(stack, config, folder, problems), ...overrides };
  problems.attempt(() => checkProps(props));
  checkIam(config, problems);
  checkCheck(config, problems);
  checkBudget(config, problems);
  problems.throwAny();
  const server = problems.attempt(() => new McpLambdaServer(stack, 'Mcp', props));
  problems.throwAny();
  // Without a problem there is a server.
  const created = server as McpLambdaServer;
  grantIam(created, config);
  problems.attempt(() => {
    addCheck(stack, created, config);
    addBudget(stack, created, config);
  });
  problems.throwAny();
  return created;
}
