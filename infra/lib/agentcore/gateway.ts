import type { Duration } from 'aws-cdk-lib';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import type { Construct } from 'constructs';
import { checkSecondsBetween } from './checks';
import type { McpAgentCoreTarget } from './target';

/** Every revision of MCP that a gateway speaks. The CDK's default is the oldest one alone. */
const VERSIONS = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'].map(version =>
  agentcore.MCPProtocolVersion.of(version),
);

/** https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_SessionConfiguration.html */
const SESSION_SECONDS = { least: 900, most: 28_800 };

/**
 * Properties of an `McpAgentCoreGateway`: those of a `Gateway`, some of which have other defaults.
 *
 * - `protocolConfiguration`: MCP in all revisions, without semantic search
 * - `authorizerConfiguration`: callers sign requests (`GatewayAuthorizer.usingAwsIam()`)
 */
export interface McpAgentCoreGatewayProps extends agentcore.GatewayProps {
  /**
   * Whether responses are streamed, which progress and logs of a call need.
   *
   * @default true
   */
  readonly responseStreaming?: boolean;

  /**
   * How long a session may be idle: 15 minutes to 8 hours.
   *
   * @default - an hour, which is the default of AgentCore
   */
  readonly sessionTimeout?: Duration;
}

/**
 * An AgentCore Gateway for MCP servers of this library.
 */
export class McpAgentCoreGateway extends agentcore.Gateway {
  public constructor(scope: Construct, id: string, props: McpAgentCoreGatewayProps = {}) {
    const { responseStreaming, sessionTimeout, ...gateway } = props;
    checkSecondsBetween('sessionTimeout', sessionTimeout, SESSION_SECONDS.least, SESSION_SECONDS.most);
    super(scope, id, {
      protocolConfiguration: agentcore.GatewayProtocol.mcp({ supportedVersions: VERSIONS }),
      authorizerConfiguration: agentcore.GatewayAuthorizer.usingAwsIam(),
      ...gateway,
    });
    // The construct of the CDK does not have these properties yet.
    const resource = this.node.defaultChild as agentcore.CfnGateway;
    const mcp = 'ProtocolConfiguration.Mcp';
    resource.addPropertyOverride(`${mcp}.StreamingConfiguration.EnableResponseStreaming`, responseStreaming ?? true);
    if (!sessionTimeout) return;
    resource.addPropertyOverride(`${mcp}.SessionConfiguration.SessionTimeoutInSeconds`, sessionTimeout.toSeconds());
  }

  /**
   * Adds a server.
   */
  public addTarget(id: string, target: McpAgentCoreTarget): agentcore.GatewayTarget {
    return target.bind(this, id, this);
  }
}
