import type * as acm from 'aws-cdk-lib/aws-certificatemanager';
import type * as route53 from 'aws-cdk-lib/aws-route53';

/**
 * A REST API in front of the server.
 */
export interface RestApiOptions {
  /**
   * Whether responses flow as they are written.
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
   * Requests per second, all callers together.
   *
   * @default 1000
   */
  readonly throttlingRate?: number;

  /**
   * Requests at once above that rate.
   *
   * @default 2000
   */
  readonly throttlingBurst?: number;

  /**
   * The ARN of a regional web ACL of AWS WAF. It sees requests, not streamed responses.
   *
   * @default - none
   */
  readonly webAclArn?: string;

  /**
   * A domain of yours. MCP clients that log in need one: they look for metadata at the root of the host, which a
   * stage's URL cannot serve.
   *
   * @default - the API's own URL
   */
  readonly domain?: McpDomain;

  /**
   * Whether each request is logged by API Gateway. The account needs a role for that, set once per region.
   *
   * @default false
   */
  readonly accessLog?: boolean;
}

/**
 * A domain in front of a REST API. The API's own URL stops answering.
 */
export interface McpDomain {
  /**
   * The name, such as `mcp.example.com`.
   */
  readonly domainName: string;

  /**
   * Its certificate, in the API's region.
   */
  readonly certificate: acm.ICertificate;

  /**
   * The zone that gets the record.
   *
   * @default - no record: make one that points at `restApi.domainName`
   */
  readonly hostedZone?: route53.IHostedZone;
}

/**
 * An HTTP API in front of the server.
 */
export interface HttpApiOptions {
  /**
   * An HTTP API cannot stream; writing `true` is an error that says what can.
   *
   * @default false
   */
  readonly streaming?: boolean;

  /**
   * Requests per second, all callers together.
   *
   * @default 1000
   */
  readonly throttlingRate?: number;

  /**
   * Requests at once above that rate.
   *
   * @default 2000
   */
  readonly throttlingBurst?: number;
}
