// The outputs of the stack. Their names are used by scripts/operate, the tests and the docs.
import { CfnOutput, Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { McpLambdaServer, McpLogin } from '../lib';

/** Adds the outputs of the server to the stack, under exactly these names. */
export function addOutputs(stack: Stack, server: McpLambdaServer): void {
  const outputs = {
    McpEndpoint: server.url,
    FormerMcpEndpoint: server.additionalEndpoints[0]?.url,
    EventsTopicArn: server.eventsTopic?.topicArn,
    StateTableName: server.stateTable.tableName,
    EventsTableName: server.eventTable.tableName,
    FunctionName: server.function.functionName,
    IngestFunctionName: server.ingestFunction?.functionName,
    WorkerFunctionName: server.tasks?.worker?.function.functionName,
    TaskQueueUrl: server.tasks?.queue.queueUrl,
    AlarmTopicArn: server.alarmTopic?.topicArn,
    DashboardUrl: server.dashboard && dashboardUrl(server.dashboard),
    ...(server.login && signIn(stack, server.url, server.login)),
  };
  for (const [name, value] of Object.entries(outputs)) {
    if (value !== undefined) new CfnOutput(stack, name, { value });
  }
}

/** The outputs for signing in: the setting of each client. */
function signIn(stack: Stack, url: string, { userPool, callbackUrl }: McpLogin): { [name: string]: string } {
  const name = stack.stackName;
  const forVsCode = `{"name":"${name}","type":"http","url":"${url}"}`;
  return {
    ...(userPool
      ? { AddUser: `aws cognito-idp admin-create-user --user-pool-id ${userPool.userPoolId} --username you@example.com` }
      : { LoginCallbackUrl: callbackUrl }),
    ClaudeConnector: `Settings, Connectors, Add custom connector: ${url}`,
    ClaudeCode: `claude mcp add --transport http ${name} ${url}`,
    ChatGpt: `Settings, Apps, Advanced settings, Developer mode, Create app: ${url}`,
    Cursor: `In ~/.cursor/mcp.json: {"mcpServers":{"${name}":{"url":"${url}"}}}`,
    VsCode: `code --add-mcp '${forVsCode}'`,
    Inspector: `npx @modelcontextprotocol/inspector --transport http --server-url ${url}`,
  };
}

/** The URL of the dashboard in the AWS console. */
function dashboardUrl(dashboard: cloudwatch.Dashboard): string {
  const { region, partition } = Stack.of(dashboard);
  const console = partition === 'aws-cn' ? 'console.amazonaws.cn' : 'console.aws.amazon.com';
  return `https://${region}.${console}/cloudwatch/home?region=${region}#dashboards:name=${dashboard.dashboardName}`;
}
