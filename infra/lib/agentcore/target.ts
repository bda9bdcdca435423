import { Stack } from 'aws-cdk-lib';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import type { Construct } from 'constructs';
import type { McpLambdaServer } from '../mcp-lambda-server';
import { ENVIRONMENT } from '../private/environment';
import { checkAll, fail } from '../private/validation';
import {
  McpAgentCoreListing,
  type McpAgentCoreLambdaTargetOptions,
  type McpAgentCoreMcpTargetOptions,
} from './target-options';

/** https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_MetadataConfiguration.html (read 2026-11-27) */
const MAX_HEADERS = 10;

/** Headers of HTTP itself, which a gateway refuses to pass on: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-headers.html (read 2026-11-27) */
const RESTRICTED =
  /^(authorization|proxy-authorization|www-authenticate|accept.*|content-.*|cache-control|etag|expires|if-.*|last-modified|pragma|vary|connection|keep-alive|proxy-connection|upgrade|host|user-agent|referer|from|range|transfer-encoding|te|trailer|server|date|location|retry-after|set-cookie|cookie)$/i;

/**
 * A server as the target of an AgentCore Gateway.
 *
 * ```ts
 * const gateway = new McpAgentCoreGateway(this, 'Gateway');
 * gateway.addTarget('Notes', McpAgentCoreTarget.mcp(server));
 * ```
 */
export abstract class McpAgentCoreTarget {
  /**
   * The gateway speaks MCP with the server's endpoint: whole schemas, progress, tasks, prompts and resources are kept. It
   * signs its requests with its role, which is given the permission to invoke.
   */
  public static mcp(server: McpLambdaServer, options: McpAgentCoreMcpTargetOptions = {}): McpAgentCoreTarget {
    return new McpTarget(server, options);
  }

  /**
   * The gateway invokes the server's function for each call of a tool. It has the tools of a schema in its own format, and
   * no progress, tasks, prompts or resources. Use it where an MCP target cannot be used.
   */
  public static lambdaFunction(server: McpLambdaServer, options: McpAgentCoreLambdaTargetOptions): McpAgentCoreTarget {
    return new LambdaTarget(server, options);
  }

  protected constructor() {}

  /**
   * Creates the target in the gateway, with the permissions of the gateway's role.
   */
  public abstract bind(scope: Construct, id: string, gateway: agentcore.IGateway): agentcore.GatewayTarget;
}

class McpTarget extends McpAgentCoreTarget {
  public constructor(
    private readonly server: McpLambdaServer,
    private readonly options: McpAgentCoreMcpTargetOptions,
  ) {
    super();
  }

  public bind(scope: Construct, id: string, gateway: agentcore.IGateway): agentcore.GatewayTarget {
    checkMcpTarget(this.server, this.options, gateway);
    const { gatewayTargetName, description } = this.options;
    const target = new agentcore.GatewayTarget(scope, id, {
      gateway,
      ...(gatewayTargetName !== undefined && { gatewayTargetName }),
      ...(description !== undefined && { description }),
      targetConfiguration: agentcore.McpServerTargetConfiguration.create(this.server.url),
      credentialProviderConfigurations: this.credentials(),
    });
    this.addProperties(target);
    // The gateway asks for the tools while the target is created.
    if (this.isSigned()) this.server.grants.invoke(gateway.role).applyBefore(target);
    return target;
  }

  private isSigned(): boolean {
    return this.server.endpoint.signingName !== undefined;
  }

  private credentials(): agentcore.ICredentialProviderConfig[] {
    const { credentialProvider } = this.options;
    if (credentialProvider) return [credentialProvider];
    const service = this.server.endpoint.signingName;
    if (service === undefined) return [];
    const { region } = Stack.of(this.server);
    return [agentcore.GatewayCredentialProvider.fromIamRole({ service, region })];
  }

  /** Properties that the construct of the CDK does not have yet. */
  private addProperties(target: agentcore.GatewayTarget): void {
    const resource = target.node.defaultChild as agentcore.CfnGatewayTarget;
    const { listing, allowedRequestHeaders, allowedResponseHeaders } = this.options;
    if (listing) resource.addPropertyOverride('TargetConfiguration.Mcp.McpServer.ListingMode', listing);
    if (!allowedRequestHeaders && !allowedResponseHeaders) return;
    resource.metadataConfiguration = {
      ...(allowedRequestHeaders && { allowedRequestHeaders }),
      ...(allowedResponseHeaders && { allowedResponseHeaders }),
    };
  }
}

function checkMcpTarget(
  server: McpLambdaServer,
  options: McpAgentCoreMcpTargetOptions,
  gateway: agentcore.IGateway,
): void {
  const { signingName, auth } = server.endpoint;
  const { credentialProvider } = options;
  checkAll(
    () => checkHeaders('allowedRequestHeaders', options.allowedRequestHeaders),
    () => checkHeaders('allowedResponseHeaders', options.allowedResponseHeaders),
    () => {
      if (options.listing !== McpAgentCoreListing.DYNAMIC || !searches(gateway)) return;
      const rule = 'cannot be DYNAMIC in a gateway with semantic search, which needs the tools before a client asks';
      fail('listing', options.listing, rule, "leave it out, or the gateway's searchType");
    },
    () => {
      if (credentialProvider?.credentialProviderType !== agentcore.CredentialProviderType.API_KEY) return;
      const rule = 'cannot be an API key for a target that speaks MCP';
      fail('credentialProvider', 'API_KEY', rule, 'give GatewayCredentialProvider.fromOauthIdentity()');
    },
    () => {
      if (!credentialProvider || signingName === undefined) return;
      const rule = 'does not apply to a server whose callers sign requests: the gateway has a role';
      fail('credentialProvider', credentialProvider.credentialProviderType, rule, 'leave it out, or use McpAuth.jwt()');
    },
    () => {
      const isChecked = auth.bearerTokens || auth.environment?.[ENVIRONMENT.auth.name] !== undefined;
      if (!isChecked || signingName !== undefined || credentialProvider) return;
      const rule = 'is needed for a server that checks tokens';
      const wayOut = 'give GatewayCredentialProvider.fromOauthIdentity(), or use McpAuth.iam()';
      fail('credentialProvider', undefined, rule, wayOut);
    },
  );
}

/** Whether the gateway has semantic search. It is not known of an imported one. */
function searches(gateway: agentcore.IGateway): boolean {
  if (!(gateway instanceof agentcore.Gateway)) return false;
  const { protocolConfiguration } = gateway;
  return protocolConfiguration instanceof agentcore.McpProtocolConfiguration && protocolConfiguration.searchType !== undefined;
}

function checkHeaders(property: string, headers: string[] | undefined): void {
  if (headers === undefined) return;
  if (headers.length === 0 || headers.length > MAX_HEADERS) {
    fail(property, headers.length, `must be 1 to ${MAX_HEADERS} names of headers`, 'leave it or some of them out');
  }
  const restricted = headers.find(name => RESTRICTED.test(name));
  if (restricted === undefined) return;
  fail(property, restricted, 'cannot have headers of HTTP itself, which the gateway writes', 'leave it out');
}

class LambdaTarget extends McpAgentCoreTarget {
  public constructor(
    private readonly server: McpLambdaServer,
    private readonly options: McpAgentCoreLambdaTargetOptions,
  ) {
    super();
  }

  public bind(scope: Construct, id: string, gateway: agentcore.IGateway): agentcore.GatewayTarget {
    if (this.server._perTenant) {
      const rule = 'cannot be used with a Lambda target, whose invocations have no tenant id';
      fail('tenancyConfig', 'PER_TENANT', rule, 'leave it out, or use McpAgentCoreTarget.mcp()');
    }
    const { toolSchema, ...names } = this.options;
    return agentcore.GatewayTarget.forLambda(scope, id, {
      ...names,
      gateway,
      lambdaFunction: this.server.alias,
      toolSchema,
    });
  }
}
