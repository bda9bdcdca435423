import type * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';

/**
 * When a gateway asks a server for its tools, prompts and resources.
 */
export enum McpAgentCoreListing {
  /**
   * When the target is created or synchronised. The gateway asks with its own role, without a user.
   */
  DEFAULT = 'DEFAULT',

  /**
   * Each time a client asks: for a server with tools that differ by caller.
   */
  DYNAMIC = 'DYNAMIC',
}

/**
 * Options of every target.
 */
export interface McpAgentCoreTargetOptions {
  /**
   * The name of the target. The gateway puts it before the name of each tool, with three underscores between.
   *
   * @default - a name of the CDK
   */
  readonly gatewayTargetName?: string;

  /**
   * A description of the target.
   *
   * @default - none
   */
  readonly description?: string;
}

/**
 * Options of a target that speaks MCP with the server.
 */
export interface McpAgentCoreMcpTargetOptions extends McpAgentCoreTargetOptions {
  /**
   * The credentials with which the gateway calls a server that checks tokens, such as
   * `GatewayCredentialProvider.fromOauthIdentity()`.
   *
   * @default - the gateway signs with its role where the server's endpoint checks signatures, otherwise none
   */
  readonly credentialProvider?: agentcore.ICredentialProviderConfig;

  /**
   * When the gateway asks for tools, prompts and resources.
   *
   * @default McpAgentCoreListing.DEFAULT
   */
  readonly listing?: McpAgentCoreListing;

  /**
   * Headers of a client's request that the gateway passes on to the server, ten at most.
   *
   * @default - none
   */
  readonly allowedRequestHeaders?: string[];

  /**
   * Headers of the server's response that the gateway passes on to the client, ten at most.
   *
   * @default - none
   */
  readonly allowedResponseHeaders?: string[];
}

/**
 * Options of a target that invokes the server's function for each call of a tool.
 */
export interface McpAgentCoreLambdaTargetOptions extends McpAgentCoreTargetOptions {
  /**
   * The tools: `McpAgentCoreToolSchema.fromFile()`, or `ToolSchema.fromLocalAsset()` for more than the template can have.
   */
  readonly toolSchema: agentcore.ToolSchema;
}
