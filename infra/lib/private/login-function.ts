import { Duration } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { McpLogin } from '../login/login';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import { ServerFunction } from '../server-function';
import type { Tables } from '../state';
import { variables } from './environment';
import { defined, sharedOptions } from './function-options';
import { LOGIN_KEYS, TABLE_ACTIONS, denyLogin, grantSecret, grantSigning, grantTable, leadingKeys } from './permissions';
import { fail } from './validation';

export const LOGIN_TIMEOUT = Duration.seconds(20);

/** Creates the function of the login, of the server at these URLs: the server's program, with permissions of its own. */
export function serveLogin(login: McpLogin, props: McpLambdaServerProps, tables: Tables, urls: string[]): ServerFunction {
  if (props.function) {
    const rule = "needs the program of the login, and 'function' is no program";
    fail('auth', 'McpAuth.login()', rule, "give the program as 'code' or 'manifestPath'");
  }
  const { functionOptions, clientSecret } = login._options;
  const serving = new ServerFunction(login, 'Function', props, {
    ...sharedOptions(props),
    description: 'MCP server: signs users in',
    timeout: LOGIN_TIMEOUT,
    ...defined(functionOptions ?? {}),
    environment: {
      ...props.environment,
      // The program wants the names of both tables. The role of the login has nothing to do with events.
      ...variables({ stateTable: tables.state.tableName, eventTable: tables.events.tableName }),
      ...login._environment(urls),
    },
  });
  grantTable(tables.state, serving.function, TABLE_ACTIONS.loginState, leadingKeys(LOGIN_KEYS));
  grantSecret(login.keys, serving.function);
  grantSigning(login.signingKeys, serving.function);
  if (login.upstreamKeys) grantSecret(login.upstreamKeys, serving.function);
  if (clientSecret) grantSecret(clientSecret, serving.function);
  login._serve(serving);
  return serving;
}

/** Keeps tools away from what the login stores, but for the provider's tokens of their caller where those are kept. */
export function limitTools(login: McpLogin, state: dynamodb.ITable, tools: iam.IGrantable): void {
  denyLogin(state, tools, login.upstreamKeys !== undefined);
  if (login.upstreamKeys) grantSecret(login.upstreamKeys, tools);
}
