// Creates the server of a deploy.toml.
import type { Stack } from 'aws-cdk-lib';
import { McpLambdaServer } from '../../lib';
import { checkProps } from '../../lib/private/checks';
import { Problems } from './problems';
import { toProps } from './props';
import { DeployConfigError } from './read';
import type { DeployConfig } from './schema';

/**
 * Creates the server, or fails with all problems at once: those of keys that do not go together, and those that the
 * construct has with their values.
 */
export function createServer(stack: Stack, config: DeployConfig, folder: string): McpLambdaServer {
  const problems = new Problems();
  const props = toProps(stack, config, folder, problems);
  problems.attempt(() => checkProps(props));
  throwAny(problems);
  const server = problems.attempt(() => new McpLambdaServer(stack, 'Mcp', props));
  throwAny(problems);
  // Without a problem there is a server.
  return server as McpLambdaServer;
}

function throwAny({ lines }: Problems): void {
  if (lines.length > 0) throw new DeployConfigError(lines.join('\n'));
}
