import type { Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { McpAuth, Plan, TokenRules } from '../auth';

/** What a front is put in front of. */
export interface Behind {
  readonly scope: Construct;
  readonly function: lambda.Function;
  readonly alias: lambda.Alias;
  readonly path: string;
  readonly plan: Plan;
  readonly timeout: Duration;
  readonly inVpc: boolean;
  readonly cors: boolean;
  /** The role that judges tokens for a REST API. */
  readonly authorizer: (rules: TokenRules) => lambda.IFunction;
}

/** What can be known before anything is made. */
export interface Intent {
  readonly auth: McpAuth;
  readonly timeout: Duration | undefined;
  readonly tenantIsolation: boolean;
  readonly managed: boolean;
}

/** A front in place. */
export interface Front {
  /** The URL of the MCP endpoint, its path included. */
  readonly url: string;
  /** Under which names it is reached, where they can be told to the function. */
  readonly hosts: string[] | undefined;
  /** The URL that clients know, without the path, where it can be told to the function. */
  readonly publicUrl: string | undefined;
  readonly responseMode: 'stream' | 'buffered';
  readonly requests: cloudwatch.Metric;
  readonly serverErrors: cloudwatch.Metric;
  grantInvoke(grantee: iam.IGrantable): iam.Grant;
}

/** Paths that tell clients where to get a token. They come without one. */
export function wellKnownPaths(path: string): string[] {
  const document = '/.well-known/oauth-protected-resource';
  return path === '/' ? [document] : [document, `${document}${path}`];
}
