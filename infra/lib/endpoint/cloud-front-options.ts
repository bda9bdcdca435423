import type { Duration } from 'aws-cdk-lib';
import type * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import type { aws_wafv2 as wafv2 } from 'aws-cdk-lib/interfaces';
import type { McpDomainOptions } from './endpoint-options';

/**
 * Options of a Function URL endpoint.
 */
export interface McpFunctionUrlOptions {
  /**
   * Puts a CloudFront distribution in front of the Function URL, for a domain, a web ACL or geographic limits. It caches nothing,
   * and passes streams on.
   *
   * - With tokens (`McpAuth.jwt()`, `McpAuth.cognito()`) the Function URL stays open, and the server checks each token. Who knows
   *   the Function URL reaches the server without the web ACL and the geographic limits. `domain` is required.
   * - With `McpAuth.none()` only the distribution may call the Function URL (origin access control). Lambda then takes a POST only
   *   with the header `x-amz-content-sha256`, the hash of its body, which MCP clients do not send by themselves.
   * - With `McpAuth.iam()` it is an error: callers sign for the host of the Function URL.
   *
   * @default - none
   */
  readonly cloudFront?: McpCloudFrontOptions;
}

/**
 * A CloudFront distribution in front of a Function URL.
 */
export interface McpCloudFrontOptions {
  /**
   * A custom domain. Its certificate must be of us-east-1.
   *
   * @default - the distribution's own name
   */
  readonly domain?: McpDomainOptions;

  /**
   * A web ACL of the scope CLOUDFRONT, which is always of us-east-1. It inspects requests, not responses.
   *
   * @default - none
   */
  readonly webAcl?: wafv2.IWebACLRef;

  /**
   * Creates a web ACL with managed rules of AWS: known bad addresses and inputs, and the core rules. Rules that look for attacks in
   * the body count only, since bodies are texts for tools. The stack must be of us-east-1.
   *
   * @default false
   */
  readonly managedRules?: boolean;

  /**
   * The countries to serve requests from.
   *
   * @default - all
   */
  readonly geoRestriction?: cloudfront.GeoRestriction;

  /**
   * The edge locations that serve requests.
   *
   * @default cloudfront.PriceClass.PRICE_CLASS_100
   */
  readonly priceClass?: cloudfront.PriceClass;

  /**
   * How long CloudFront waits for the next part of a response: whole seconds, at most 120. The server writes to an open stream
   * every 12 seconds; an answer of a tool that is no stream must be complete within it.
   *
   * @default Duration.seconds(60)
   */
  readonly readTimeout?: Duration;
}
