import { CustomResource, Duration, Lazy, Stack } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { McpLambdaServer } from '../mcp-lambda-server';
import { addWarning } from '../private/findings';
import { grantSecret } from '../private/permissions';
import { checkAll, checkSeconds, fail } from '../private/validation';
import { createInlineFunction } from './inline-function';

/** Less than the longest that a custom resource can take, its function. */
const LONGEST_CHECK = Duration.minutes(10);

/**
 * Properties of an `McpDeploymentCheck`.
 */
export interface McpDeploymentCheckProps {
  /**
   * The server to check.
   */
  readonly server: McpLambdaServer;

  /**
   * Tools that the server must list.
   *
   * @default - any
   */
  readonly tools?: string[];

  /**
   * A tool to call, which must not fail. It must say `readOnlyHint: true`: nothing else is called.
   *
   * @default - none
   */
  readonly tool?: string;

  /**
   * The arguments of the call.
   *
   * @default - none
   */
  readonly toolArguments?: { [name: string]: any };

  /**
   * A secret with a token of the issuer, for a server that expects tokens. Without one, the check is that the server refuses a
   * request without a token.
   *
   * @default - none
   */
  readonly token?: secretsmanager.ISecret;

  /**
   * How long the check may take, with its repetitions: the permission to call is known everywhere a few seconds after it is
   * created.
   *
   * @default Duration.minutes(2)
   */
  readonly timeout?: Duration;
}

/**
 * Calls a server at the end of each deployment that changes it: `initialize`, `tools/list`, and one tool. If that fails, the
 * deployment fails with the reason, and CloudFormation restores what was there before.
 *
 * ```ts
 * new McpDeploymentCheck(this, 'Check', { server, tools: ['search'], tool: 'status' });
 * ```
 */
export class McpDeploymentCheck extends Construct {
  /**
   * The function that calls the server.
   */
  public readonly function: lambda.Function;

  public constructor(scope: Construct, id: string, props: McpDeploymentCheckProps) {
    super(scope, id);
    checkCheck(props);
    const { server, token } = props;
    const timeout = props.timeout ?? Duration.minutes(2);
    this.function = createInlineFunction(this, {
      source: 'check',
      description: 'MCP server: checks a deployment',
      // The result is sent to CloudFormation after the check.
      timeout: timeout.plus(Duration.minutes(1)),
      environment: { URL_SUFFIX: Stack.of(this).urlSuffix },
    });
    server.grants.invoke(this.function);
    if (token) grantSecret(token, this.function);
    const resource = new CustomResource(this, 'Resource', {
      serviceToken: this.function.functionArn,
      serviceTimeout: timeout.plus(Duration.minutes(2)),
      resourceType: 'Custom::McpDeploymentCheck',
      properties: this.properties(props, timeout),
    });
    // The endpoint and its permissions, and the alias: after a deployment with CodeDeploy, all requests are moved.
    resource.node.addDependency(server);
    const policy = this.function.role?.node.tryFindChild('DefaultPolicy');
    if (policy) resource.node.addDependency(policy);
  }

  /** A change of any of them checks again. The version changes with the program and its settings. */
  private properties(props: McpDeploymentCheckProps, timeout: Duration): { [name: string]: unknown } {
    const { server, tools, tool, token } = props;
    const { auth, signingName } = server.endpoint;
    const expectsRefusal = auth.bearerTokens === true && !token;
    // The tokens of a login are valid for minutes, and a browser is needed to get one.
    if (expectsRefusal && !auth.login) {
      const problem = 'without a token, the check of the deployment is that the server refuses a request without one';
      addWarning(this, 'check-without-token', `${problem}; give 'token', a secret with a token of the issuer`);
    }
    return {
      url: server.url,
      version: Lazy.string({ produce: () => server.function.currentVersion.version }),
      seconds: timeout.toSeconds(),
      ...(signingName !== undefined && { signingName }),
      ...(token && { tokenSecret: token.secretArn }),
      ...(expectsRefusal && { expectsRefusal: 'true' }),
      ...(tools && { tools }),
      ...(tool !== undefined && { tool, toolArguments: JSON.stringify(props.toolArguments ?? {}) }),
    };
  }
}

function checkCheck({ server, tool, toolArguments, token, timeout }: McpDeploymentCheckProps): void {
  checkAll(
    () => checkSeconds('timeout', timeout, LONGEST_CHECK.toSeconds(), 'shorten it'),
    () => {
      if (toolArguments === undefined || tool !== undefined) return;
      fail('toolArguments', '{...}', "needs 'tool'", 'set that as well, or leave this out');
    },
    () => {
      if (!token || (server.endpoint.auth.bearerTokens && !server.endpoint.auth.login)) return;
      if (server.endpoint.auth.login) {
        const rule = 'does not apply to McpAuth.login(), whose tokens are valid for minutes';
        fail('token', '{...}', rule, 'leave it out: the check is that the server refuses a request without a token');
      }
      fail('token', '{...}', 'needs a server that expects tokens', 'leave it out: requests are signed, or need nothing');
    },
  );
}
