import { Duration } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { FunctionUrlOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { CloudFrontTarget } from 'aws-cdk-lib/aws-route53-targets';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import type { McpFunctionUrlAuthConfig } from '../auth/auth-config';
import { addWarning, expectFindings } from '../private/findings';
import { checkAll, checkSeconds, fail } from '../private/validation';
import type { McpCloudFrontOptions } from './cloud-front-options';
import { addRecords } from './domain';
import type { McpEndpointBindOptions } from './endpoint-config';
import { checkCloudFrontAcl, checkRegionOfCloudFront, createManagedRules } from './managed-rules';

/** What CloudFront waits without a higher quota. */
const LONGEST_READ = Duration.seconds(120);
const READ = Duration.seconds(60);

/** How the distribution reaches the Function URL. */
export enum OriginAccess {
  /** The distribution signs its requests, and the Function URL takes no others. */
  SIGNED = 'signed',
  /** The Function URL is open: the server checks tokens, which a signature would replace. */
  OPEN = 'open',
}

/** Fails for options that cannot work, without a look at the stack. */
export function checkCloudFront(options: McpCloudFrontOptions): void {
  checkAll(
    () => checkSeconds('endpoint.cloudFront.readTimeout', options.readTimeout, LONGEST_READ.toSeconds(), 'shorten it'),
    () => options.webAcl && checkCloudFrontAcl(options.webAcl.webAclRef.webAclArn),
    () => {
      if (!options.webAcl || !options.managedRules) return;
      const rule = "creates a web ACL, and 'endpoint.cloudFront.webAcl' is another one";
      fail('endpoint.cloudFront.managedRules', true, rule, 'leave one of them out');
    },
  );
}

/** How the distribution may reach the Function URL with this authentication of callers. */
export function originAccessOf(auth: McpFunctionUrlAuthConfig, options: McpCloudFrontOptions): OriginAccess {
  if (auth.authType === lambda.FunctionUrlAuthType.AWS_IAM) {
    const rule = 'cannot be used behind CloudFront: callers sign for the host of the Function URL';
    fail('auth', 'McpAuth.iam()', rule, "use McpAuth.jwt(), or leave 'endpoint.cloudFront' out");
  }
  if (!auth.bearerTokens && !auth.environment) return OriginAccess.SIGNED;
  if (!options.domain) {
    const rule = 'is required where callers have tokens: the server names its own URL in its metadata, and CloudFront makes the name later';
    fail('endpoint.cloudFront.domain', undefined, rule, 'give a domain with a certificate of us-east-1');
  }
  return OriginAccess.OPEN;
}

/** Creates the distribution in front of the Function URL of the alias. */
export function createDistribution(
  { scope, alias }: McpEndpointBindOptions,
  url: lambda.FunctionUrl,
  access: OriginAccess,
  options: McpCloudFrontOptions,
): cloudfront.Distribution {
  if (options.managedRules) checkRegionOfCloudFront(scope);
  const inner = new Construct(scope, 'CloudFront');
  const acl = options.managedRules ? createManagedRules(inner, 'CLOUDFRONT') : undefined;
  const webAclId = acl ? acl.attrArn : options.webAcl && wafv2.CfnWebACL.arnForWebACL(options.webAcl);
  const distribution = new cloudfront.Distribution(inner, 'Distribution', {
    comment: 'MCP server: passes requests on, and caches nothing',
    defaultBehavior: behavior(url, access, options),
    httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
    minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
    priceClass: options.priceClass ?? cloudfront.PriceClass.PRICE_CLASS_100,
    ...(options.domain && { domainNames: [options.domain.domainName], certificate: options.domain.certificate }),
    ...(options.geoRestriction && { geoRestriction: options.geoRestriction }),
    ...(webAclId !== undefined && { webAclId }),
  });
  if (options.domain) addRecords(inner, options.domain, new CloudFrontTarget(distribution));
  if (access === OriginAccess.SIGNED) permitAlias(distribution, alias);
  warn(scope, access, options);
  noteFindings(distribution, options);
  return distribution;
}

function behavior(url: lambda.FunctionUrl, access: OriginAccess, options: McpCloudFrontOptions): cloudfront.BehaviorOptions {
  const timeouts = { readTimeout: options.readTimeout ?? READ };
  const signed = access === OriginAccess.SIGNED;
  return {
    origin: signed ? FunctionUrlOrigin.withOriginAccessControl(url, timeouts) : new FunctionUrlOrigin(url, timeouts),
    allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
    cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
    // The Function URL is found by its own host name. `Authorization` is passed on.
    originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
    // A redirect would lose the body of a POST.
    viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
    // The server compresses what is no stream.
    compress: false,
  };
}

/** The permissions are on the alias, as the Function URL is. */
function permitAlias(distribution: cloudfront.Distribution, alias: lambda.Alias): void {
  for (const child of distribution.node.findAll()) {
    if (child instanceof lambda.CfnPermission) child.functionName = alias.functionArn;
  }
}

function warn(scope: Construct, access: OriginAccess, options: McpCloudFrontOptions): void {
  if (access === OriginAccess.SIGNED) {
    const problem = 'Lambda takes a POST from CloudFront only with x-amz-content-sha256, the hash of its body, and MCP clients do not send it';
    addWarning(scope, 'content-hash', `${problem}; use McpAuth.jwt() with a domain, or McpEndpoint.restApi(), unless your clients do`);
    return;
  }
  const limits = (['webAcl', 'managedRules', 'geoRestriction'] as const).filter(name => options[name]);
  if (limits.length === 0) return;
  const problem = `the Function URL stays open beside the distribution, without ${limits.join(' and ')}; tokens are checked on both`;
  addWarning(scope, 'open-origin', `${problem}; use McpEndpoint.restApi() where the limits have to hold`);
}

function noteFindings(distribution: cloudfront.Distribution, options: McpCloudFrontOptions): void {
  expectFindings(distribution, 'the server logs each request, and a log of CloudFront would have addresses of callers', 'AwsSolutions-CFR3');
  if (!options.geoRestriction) expectFindings(distribution, 'callers of all countries are served', 'AwsSolutions-CFR1');
  if (!options.webAcl && !options.managedRules) {
    expectFindings(distribution, "the app has not chosen 'endpoint.cloudFront.managedRules'", 'AwsSolutions-CFR2');
  }
  if (!options.domain) {
    expectFindings(distribution, 'CloudFront decides on the TLS of its own names', 'AwsSolutions-CFR4', 'AwsSolutions-CFR5');
  }
}
