// How a deploy.toml is deployed: in parts, with a check at the end, and with a limit of its cost.
import { Duration } from 'aws-cdk-lib';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { McpBudgetGuard, McpDeployment, McpDeploymentCheck, type McpLambdaServer } from '../../lib';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';
import { given, seconds } from './values';

/** The deployment of `[deployment]`, if there is one. */
export function toDeployment({ deployment }: DeployConfig, problems: Problems): McpDeployment | undefined {
  const { type, percent, interval_minutes: minutes, roll_back_on_alarms: rollBackOnAlarms } = deployment;
  const options = { ...(rollBackOnAlarms !== undefined && { rollBackOnAlarms }) };
  if (type === undefined) {
    const other = Object.keys(deployment)[0];
    return other === undefined
      ? undefined
      : problems.add('deployment', 'type', `"canary", "linear" or "all-at-once" where ${other} is given`, type);
  }
  if (type === 'all-at-once') {
    for (const key of ['percent', 'interval_minutes'] as const) {
      if (deployment[key] !== undefined) problems.add('deployment', key, 'left out where type is "all-at-once"', deployment[key]);
    }
    return McpDeployment.allAtOnce(options);
  }
  if (percent === undefined) return problems.add('deployment', 'percent', `given where type is "${type}"`, percent);
  if (minutes === undefined) return problems.add('deployment', 'interval_minutes', `given where type is "${type}"`, minutes);
  const gradual = { ...options, percent, interval: Duration.minutes(minutes) };
  return type === 'canary' ? McpDeployment.canary(gradual) : McpDeployment.linear(gradual);
}

/** Notes a budget without a limit. */
export function checkBudget({ budget }: DeployConfig, problems: Problems): void {
  const other = Object.keys(budget)[0];
  if (other === undefined || budget.monthly_limit_usd !== undefined) return;
  problems.add('budget', 'monthly_limit_usd', `given where ${other} is`, undefined);
}

/** Creates the guard of `[budget]`, if there is a limit. */
export function addBudget(scope: Construct, server: McpLambdaServer, { budget }: DeployConfig): void {
  const { monthly_limit_usd: monthlyLimit, tag, email } = budget;
  if (monthlyLimit === undefined) return;
  new McpBudgetGuard(scope, 'Budget', { server, monthlyLimit, ...(tag && { tag }), ...(email !== undefined && { email }) });
}

/** Notes settings of a check that is off, and a token that nothing reads. */
export function checkCheck({ check, auth }: DeployConfig, problems: Problems): void {
  const other = Object.keys(check).find(key => key !== 'enabled');
  if (!check.enabled && other !== undefined) problems.add('check', 'enabled', `true where ${other} is given`, check.enabled);
  // The tokens of a login are valid for minutes.
  const isCognito = auth.provider === 'cognito' && auth.login === false;
  const expectsTokens = auth.enabled !== false && (auth.provider === 'jwt' || isCognito);
  if (check.token_secret === undefined || expectsTokens) return;
  const expected = 'left out where [auth] provider is not "jwt", or "cognito" with login = false';
  problems.add('check', 'token_secret', expected, check.token_secret);
}

/** Creates the check of `[check]`, if it is enabled. */
export function addCheck(scope: Construct, server: McpLambdaServer, { check }: DeployConfig): void {
  if (!check.enabled) return;
  const timeout = seconds(check.timeout_seconds);
  const token = given(check.token_secret, name => secretsmanager.Secret.fromSecretNameV2(scope, 'CheckToken', name));
  new McpDeploymentCheck(scope, 'Check', {
    server,
    ...(check.tools && { tools: check.tools }),
    ...(check.tool !== undefined && { tool: check.tool }),
    ...(token && { token }),
    ...(timeout && { timeout }),
  });
}
