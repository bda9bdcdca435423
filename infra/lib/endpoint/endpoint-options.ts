import type * as acm from 'aws-cdk-lib/aws-certificatemanager';
import type * as route53 from 'aws-cdk-lib/aws-route53';
import type { aws_wafv2 as wafv2 } from 'aws-cdk-lib/interfaces';
import type { McpAccessLogOptions } from './access-log';

/**
 * Options of a REST API endpoint.
 */
export interface McpRestApiOptions extends McpAccessLogOptions {
  /**
   * Whether responses are streamed.
   *
   * @default true
   */
  readonly streaming?: boolean;

  /**
   * The name of the stage. It is part of the URL unless there is a `domain`.
   *
   * @default 'prod'
   */
  readonly stageName?: string;

  /**
   * The steady-state rate limit of the stage, in requests per second of all callers together.
   *
   * @default 1000
   */
  readonly throttlingRateLimit?: number;

  /**
   * The burst limit of the stage.
   *
   * @default 2000
   */
  readonly throttlingBurstLimit?: number;

  /**
   * A regional web ACL of AWS WAF. It inspects requests, not streamed responses.
   *
   * @default - none
   */
  readonly webAcl?: wafv2.IWebACLRef;

  /**
   * Creates a web ACL with managed rules of AWS: known bad addresses and inputs, and the core rules. Rules that look for attacks in
   * the body count only, since bodies are texts for tools.
   *
   * @default false
   */
  readonly managedRules?: boolean;

  /**
   * A custom domain. MCP clients that log in need one: they look for metadata at the root of the host, which a stage's
   * URL cannot serve.
   *
   * @default - the API's own URL
   */
  readonly domain?: McpDomainOptions;

  /**
   * Whether the account is given a role with which API Gateway writes logs. API Gateway has one such role per account
   * and region; the access log needs it. The role is retained when the stack is deleted, since other APIs use it.
   *
   * @default - true with an access log
   */
  readonly cloudWatchRole?: boolean;
}

/**
 * A custom domain of an API. The API's own URL is disabled.
 */
export interface McpDomainOptions {
  /**
   * The name, such as `mcp.example.com`.
   */
  readonly domainName: string;

  /**
   * The certificate of the name, in the API's region.
   */
  readonly certificate: acm.ICertificate;

  /**
   * The hosted zone in which a record for the domain is created.
   *
   * @default - no record is created: create one for the API's regional domain name
   */
  readonly hostedZone?: route53.IHostedZone;
}

/**
 * Options of an HTTP API endpoint.
 */
export interface McpHttpApiOptions extends McpAccessLogOptions {
  /**
   * An HTTP API cannot stream: `true` is an error that names the endpoints that can.
   *
   * @default false
   */
  readonly streaming?: boolean;

  /**
   * The name of the stage. It is part of the URL unless it is `$default` or there is a `domain`.
   *
   * @default '$default'
   */
  readonly stageName?: string;

  /**
   * The steady-state rate limit of the stage, in requests per second of all callers together.
   *
   * @default 1000
   */
  readonly throttlingRateLimit?: number;

  /**
   * The burst limit of the stage.
   *
   * @default 2000
   */
  readonly throttlingBurstLimit?: number;

  /**
   * A custom domain. MCP clients that log in need one where the stage has a name: they look for metadata at the root of the
   * host.
   *
   * @default - the API's own URL
   */
  readonly domain?: McpDomainOptions;
}
