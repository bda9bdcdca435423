// A server that was created elsewhere, and what identifies one.
import { App, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { McpLambdaServer, type IMcpInvokable, type IMcpLambdaServer } from '../../infra/lib/index.ts';
import { construct, failureOf, statementsOf } from './synth.ts';

const functionArn = 'arn:aws:lambda:eu-central-1:111122223333:function:server';
const topicArn = 'arn:aws:sns:eu-central-1:111122223333:events';

function imported(invokable?: (server: lambda.IFunction) => IMcpInvokable, worker = false) {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Test');
  const server = lambda.Function.fromFunctionAttributes(stack, 'Function', { functionArn, sameEnvironment: true });
  const imported: IMcpLambdaServer = McpLambdaServer.fromMcpLambdaServerAttributes(stack, 'Mcp', {
    url: 'https://mcp.example.com/mcp',
    function: server,
    stateTable: dynamodb.TableV2.fromTableName(stack, 'State', 'state'),
    eventTable: dynamodb.TableV2.fromTableName(stack, 'Events', 'events'),
    eventsTopic: sns.Topic.fromTopicArn(stack, 'Topic', topicArn),
    ...(invokable && { invokable: invokable(server) }),
    ...(worker && { worker: server }),
  });
  const role = new iam.Role(stack, 'Grantee', { assumedBy: new iam.AccountRootPrincipal() });
  return { stack, server: imported, role };
}

describe('an imported server', () => {
  it('has its attributes, and creates nothing', () => {
    const { server, stack } = imported();
    expect([server.url, server.functionArn]).toEqual(['https://mcp.example.com/mcp', functionArn]);
    expect([server.stateTable.tableName, server.eventTable.tableName]).toEqual(['state', 'events']);
    expect(server.eventsTopic?.topicArn).toBe(topicArn);
    expect(
      Object.values(Template.fromStack(stack).toJSON().Resources).map(it => (it as { Type: string }).Type),
    ).toEqual(['AWS::IAM::Role']);
  });

  it('grants publishing events and reading state', () => {
    const { server, stack, role } = imported();
    server.grants.publish(role);
    server.grants.readState(role);
    const statements = statementsOf(Template.fromStack(stack), 'Grantee') as { Action: string; Resource: unknown }[];
    expect(statements[0]).toMatchObject({ Action: 'sns:Publish', Resource: topicArn });
    expect(statements).toHaveLength(3);
    expect(JSON.stringify(statements[1])).toContain(':table/state"');
    expect(JSON.stringify(statements[2])).toContain(':table/events"');
  });

  it('grants updating tasks by the attribute, and fails without it', () => {
    const known = imported(undefined, true);
    known.server.grants.updateTasks(known.role);
    expect(statementsOf(Template.fromStack(known.stack), 'Grantee')).toEqual([
      expect.objectContaining({ Action: 'lambda:InvokeFunction' }),
    ]);
    const unknown = imported();
    expect(failureOf(() => unknown.server.grants.updateTasks(unknown.role))).toBe(
      "'tasks' is needed to grant the permission to update tasks, got: undefined; give 'tasks' to the server, or 'worker' to fromMcpLambdaServerAttributes()",
    );
  });

  it('grants invoking by the attribute, and fails without it', () => {
    const known = imported(server => ({ grantInvoke: grantee => server.grantInvokeUrl(grantee) }));
    known.server.grants.invoke(known.role);
    expect(JSON.stringify(statementsOf(Template.fromStack(known.stack), 'Grantee'))).toContain(
      'lambda:InvokeFunctionUrl',
    );
    const unknown = imported();
    expect(failureOf(() => unknown.server.grants.invoke(unknown.role))).toBe(
      "'invokable' is needed to grant the permission to invoke an imported server, got: undefined; give it to fromMcpLambdaServerAttributes()",
    );
  });

  it('has the metrics of its function', () => {
    const { server } = imported();
    expect(server.metric('Errors', { statistic: 'Sum' })).toMatchObject({
      namespace: 'AWS/Lambda',
      metricName: 'Errors',
      statistic: 'Sum',
      dimensions: { FunctionName: 'server' },
    });
  });
});

it('a server has the metrics of its function', () => {
  const { server, stack } = construct();
  const metric = server.metric('Errors');
  expect(metric.metricName).toBe('Errors');
  expect(stack.resolve(metric.dimensions)).toEqual({ FunctionName: { Ref: 'McpServer6A6A2BCF' } });
});

it('isMcpLambdaServer() recognises servers of this app only', () => {
  const { server } = construct();
  const others = [imported().server, new Stack(), {}, null, undefined, 'server'];
  expect(McpLambdaServer.isMcpLambdaServer(server)).toBe(true);
  expect(others.map(it => McpLambdaServer.isMcpLambdaServer(it))).toEqual(others.map(() => false));
});

it('a server implements the interface of an imported one', () => {
  const { server, stack } = construct();
  const either: IMcpLambdaServer = server;
  expect(stack.resolve(either.functionArn)).toEqual({ 'Fn::GetAtt': ['McpServer6A6A2BCF', 'Arn'] });
});
