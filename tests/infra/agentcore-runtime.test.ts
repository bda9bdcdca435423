// A server on AgentCore Runtime.
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { McpAgentCoreRuntime, McpFindings } from '../../infra/lib/index.ts';
import { failureOf, one, root } from './synth.ts';

function runtime(props: Partial<ConstructorParameters<typeof McpAgentCoreRuntime>[2]> = {}) {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test');
  const agentRuntimeArtifact = agentcore.AgentRuntimeArtifact.fromAsset(join(root, 'tests', 'infra', 'stdio', 'image'));
  return { stack, runtime: new McpAgentCoreRuntime(stack, 'Runtime', { agentRuntimeArtifact, ...props }) };
}

describe('AgentCore Runtime', () => {
  const propertiesOf = (stack: Stack) => one(Template.fromStack(stack), 'AWS::BedrockAgentCore::Runtime').Properties;

  it('runs the image with MCP on port 8000, and the session ids of the platform', () => {
    const properties = propertiesOf(runtime().stack);
    expect(properties).toMatchObject({
      ProtocolConfiguration: 'MCP',
      EnvironmentVariables: { MCP_LISTEN: '0.0.0.0:8000', MCP_ALLOWED_HOSTS: '*', MCP_SESSIONS: 'platform' },
    });
    expect(Object.keys(properties.EnvironmentVariables)).toHaveLength(3);
  });

  it('has the tables that are given, with the permissions of a server', () => {
    const { stack } = runtime();
    const table = (name: string) => dynamodb.TableV2.fromTableName(stack, name, name);
    const agentRuntimeArtifact = agentcore.AgentRuntimeArtifact.fromAsset(join(root, 'tests', 'infra', 'stdio', 'image'));
    new McpAgentCoreRuntime(stack, 'Other', {
      agentRuntimeArtifact,
      stateTable: table('state'),
      eventTable: table('events'),
      environmentVariables: { RUST_LOG: 'debug', MCP_SESSIONS: 'off' },
    });
    const template = Template.fromStack(stack);
    expect(one(template, 'AWS::BedrockAgentCore::Runtime', 'Other').Properties.EnvironmentVariables).toEqual({
      MCP_LISTEN: '0.0.0.0:8000',
      MCP_ALLOWED_HOSTS: '*',
      MCP_SESSIONS: 'off',
      SESSION_TABLE_NAME: 'state',
      EVENT_TABLE_NAME: 'events',
      RUST_LOG: 'debug',
    });
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: Match.arrayWith(['dynamodb:ConditionCheckItem']) })]) },
    });
  });

  it('refuses one table alone, and variables of the construct', () => {
    const { stack } = runtime();
    const stateTable = dynamodb.TableV2.fromTableName(stack, 'state', 'state');
    expect(failureOf(() => runtime({ stateTable }))).toBe(
      "'eventTable' is needed where the other table is given, got: undefined; give both, or none",
    );
    expect(failureOf(() => runtime({ environmentVariables: { MCP_LISTEN: '127.0.0.1:1' } }))).toBe(
      "'environmentVariables.MCP_LISTEN' is set by the construct, got: MCP_LISTEN; leave it out",
    );
  });
});

it('has a role that is given, as it is', () => {
  const { stack } = runtime();
  const executionRole = iam.Role.fromRoleArn(stack, 'Given', 'arn:aws:iam::111122223333:role/given');
  const agentRuntimeArtifact = agentcore.AgentRuntimeArtifact.fromAsset(join(root, 'tests', 'infra', 'stdio', 'image'));
  new McpAgentCoreRuntime(stack, 'Other', { agentRuntimeArtifact, executionRole });
  const { Properties } = one(Template.fromStack(stack), 'AWS::BedrockAgentCore::Runtime', 'Other');
  expect(Properties.RoleArn).toBe('arn:aws:iam::111122223333:role/given');
});

it('has no finding of cdk-nag, once acknowledged', () => {
  const { stack } = runtime();
  McpFindings.acknowledge(stack);
  const packs = [new AwsSolutionsChecks(undefined, {}), new ServerlessChecks(undefined, {})];
  expect(packs.flatMap(pack => pack.validateScope(stack).violations.map(it => it.ruleName))).toEqual([]);
});

it('keeps its logical id', () => {
  expect(one(Template.fromStack(runtime().stack), 'AWS::BedrockAgentCore::Runtime').id).toBe('Runtime99E3DDFA');
});
