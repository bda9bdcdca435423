import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { addWarning } from './findings';
import { fail } from './validation';

/** The servers by their functions. */
const servers = new WeakMap<lambda.Function, Construct>();

/** Fails for a function of the user's own that cannot serve, and warns of one that will serve badly. */
export function checkOwnFunction(scope: Construct, target: lambda.Function): void {
  if (Stack.of(target) !== Stack.of(scope)) {
    const rule = 'must be of the stack of the server, which sets its variables, its permissions and an alias';
    fail('function', target.node.path, rule, 'create the server in the stack of the function');
  }
  const other = servers.get(target);
  if (other) {
    const rule = `already serves ${other.node.path}, which has set its variables and an alias`;
    fail('function', target.node.path, rule, 'give each server a function of its own');
  }
  servers.set(target, scope);
  const { family, name } = target.runtime;
  if (family !== undefined && family !== lambda.RuntimeFamily.OTHER) {
    const problem = `'function' has the runtime ${name}, which does not start a program of mcp-lambda-server by itself`;
    addWarning(scope, 'function-runtime', `${problem}; use an OS-only runtime, an image, or AWS_LAMBDA_EXEC_WRAPPER`);
  }
  if (target.timeout === undefined) {
    const problem = "'function' has Lambda's default timeout of 3 seconds, which ends streams and slow tools";
    addWarning(scope, 'function-timeout', `${problem}; set 'timeout' on the function`);
  }
}
