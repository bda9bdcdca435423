import { Duration } from 'aws-cdk-lib';
import { McpEndpoint } from '../endpoint/endpoint';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';

const DEFAULT_TIMEOUT = Duration.seconds(120);

/** The endpoint, and the timeout of the function behind it and behind the additional ones. */
export function endpointAndTimeout(props: McpLambdaServerProps): { endpoint: McpEndpoint; timeout: Duration } {
  const endpoint = props.endpoint ?? McpEndpoint.functionUrl();
  const timeout = props.timeout ?? props.function?.timeout;
  const limits = [endpoint, ...(props.additionalEndpoints ?? [])].map(({ maxTimeout }) => maxTimeout);
  return { endpoint, timeout: timeout ?? limits.reduce<Duration>(shorter, DEFAULT_TIMEOUT) };
}

function shorter(timeout: Duration, limit: Duration | undefined): Duration {
  return limit && limit.toSeconds() < timeout.toSeconds() ? limit : timeout;
}
