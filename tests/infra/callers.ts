// Callers of the servers of tests: with a token of an issuer, or with a role.
import * as iam from 'aws-cdk-lib/aws-iam';
import { McpAuth, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { synth } from './synth.ts';

export const issuer = 'https://issuer.example.com';
export const jwt = McpAuth.jwt({ issuer, audience: ['mcp', 'other'], scopes: ['read', 'write'] });

/** The template with a role that was granted the permission to invoke the server. */
export function withCaller(props: McpLambdaServerProps) {
  return synth(props, {
    also: (server, stack) =>
      server.grants.invoke(new iam.Role(stack, 'Caller', { assumedBy: new iam.AccountRootPrincipal() })),
  }).template;
}
