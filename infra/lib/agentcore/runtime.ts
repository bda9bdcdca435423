import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { ENVIRONMENT, variables, type Variables } from '../private/environment';
import { expectFindings } from '../private/findings';
import { TABLE_ACTIONS, grantTable } from '../private/permissions';
import { checkEach, fail } from '../private/validation';

/** The port and the address of MCP: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp-protocol-contract.html */
const LISTEN = '0.0.0.0:8000';

/**
 * Properties of an `McpAgentCoreRuntime`: those of a `Runtime`. The default of `protocolConfiguration` is
 * `ProtocolType.MCP`.
 */
export interface McpAgentCoreRuntimeProps extends agentcore.RuntimeProps {
  /**
   * The table of sessions and state. Give both tables if state is to live longer than a microVM, which is that of one
   * session, for at most eight hours.
   *
   * @default - in memory
   */
  readonly stateTable?: dynamodb.ITable;

  /**
   * The table of events and replies.
   *
   * @default - in memory
   */
  readonly eventTable?: dynamodb.ITable;
}

/**
 * A server on AgentCore Runtime: the binary of this library in an arm64 image, in a microVM for each session.
 *
 * The platform authenticates callers and makes up the session ids; the server accepts both.
 */
export class McpAgentCoreRuntime extends agentcore.Runtime {
  public constructor(scope: Construct, id: string, props: McpAgentCoreRuntimeProps) {
    checkRuntime(props);
    const { stateTable, eventTable, ...runtime } = props;
    super(scope, id, {
      protocolConfiguration: agentcore.ProtocolType.MCP,
      ...runtime,
      environmentVariables: { ...environment(stateTable, eventTable), ...runtime.environmentVariables },
    });
    if (stateTable) grantTable(stateTable, this, TABLE_ACTIONS.serverState);
    if (eventTable) grantTable(eventTable, this, TABLE_ACTIONS.serverEvents);
    if (props.executionRole) return;
    const reason = 'the permissions that AgentCore documents for a runtime, for its own logs and metrics';
    expectFindings(this.role, reason, ...ROLE_FINDINGS);
  }
}

/** Of the role that the CDK creates. */
const REGION = '<AWS::Region>:<AWS::AccountId>';
const ROLE_FINDINGS = [
  '*',
  `arn:<AWS::Partition>:logs:${REGION}:log-group:*`,
  `arn:<AWS::Partition>:logs:${REGION}:log-group:/aws/bedrock-agentcore/runtimes/*`,
  `arn:<AWS::Partition>:logs:${REGION}:log-group:/aws/bedrock-agentcore/runtimes/*:log-stream:*`,
  `arn:<AWS::Partition>:bedrock-agentcore:${REGION}:workload-identity-directory/default/workload-identity/*`,
].map(resource => `AwsSolutions-IAM5[Resource::${resource}]`);

function environment(stateTable: dynamodb.ITable | undefined, eventTable: dynamodb.ITable | undefined): Variables {
  return variables({
    listen: LISTEN,
    // The platform alone reaches the port, under a name of its own.
    allowedHosts: '*',
    // A session id that the server did not make is one of the platform.
    sessions: 'platform',
    stateTable: stateTable?.tableName,
    eventTable: eventTable?.tableName,
  });
}

function checkRuntime(props: McpAgentCoreRuntimeProps): void {
  if ((props.stateTable === undefined) !== (props.eventTable === undefined)) {
    const missing = props.stateTable ? 'eventTable' : 'stateTable';
    fail(missing, undefined, 'is needed where the other table is given', 'give both, or none');
  }
  const reserved = [ENVIRONMENT.listen.name, ENVIRONMENT.stateTable.name, ENVIRONMENT.eventTable.name] as string[];
  checkEach(Object.keys(props.environmentVariables ?? {}), name => {
    if (!reserved.includes(name)) return;
    fail(`environmentVariables.${name}`, name, 'is set by the construct', 'leave it out');
  });
}
