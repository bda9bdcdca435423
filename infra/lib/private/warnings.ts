import type { Construct } from 'constructs';
import type { McpAuthConfig } from '../auth/auth-config';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import { addWarning } from './findings';

/** Warns of what deploys, and where clients then fail without a word of the cause. */
export function warnOfClients(scope: Construct, props: McpLambdaServerProps, auth: McpAuthConfig): void {
  if (!auth.environment && !auth.iamPermission) {
    const problem = 'every caller is served, without authentication';
    addWarning(scope, 'no-authentication', `${problem}; set 'auth', or acknowledge this if the server may be public`);
  }
  if (auth.bearerTokens && isIsolated(props)) {
    const problem = "the keys of the issuer cannot be fetched: the subnets of 'vpc' have no route to the internet";
    addWarning(scope, 'issuer-unreachable', `${problem}; use subnets with egress, or leave 'vpc' out`);
  }
}

function isIsolated({ vpc, vpcSubnets }: McpLambdaServerProps): boolean {
  if (!vpc) return false;
  // Without a choice the CDK takes private subnets with egress, and isolated ones only where there are no others.
  const chosen = vpc.selectSubnets(vpcSubnets).subnetIds;
  const isolated = vpc.isolatedSubnets.map(({ subnetId }) => subnetId);
  return chosen.length > 0 && chosen.every(id => isolated.includes(id));
}
