import { Names, Stack, Token } from 'aws-cdk-lib';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import { fail } from '../private/validation';

/** The region of all web ACLs of CloudFront. */
const CLOUDFRONT_REGION = 'us-east-1';

/**
 * Rules that look for attacks in texts. The body of a request to a tool is such a text, written by people and models: a
 * document, a program, an address. They count what they find, and block nothing.
 */
const COUNTED = [
  'SizeRestrictions_BODY',
  'CrossSiteScripting_BODY',
  'GenericLFI_BODY',
  'GenericRFI_BODY',
  'EC2MetaDataSSRF_BODY',
  // Many MCP clients send no user agent.
  'NoUserAgent_HEADER',
];

/** The groups of AWS, with the rules of each that only count. */
const GROUPS: readonly { readonly name: string; readonly counted: readonly string[] }[] = [
  { name: 'AWSManagedRulesAmazonIpReputationList', counted: [] },
  { name: 'AWSManagedRulesKnownBadInputsRuleSet', counted: [] },
  { name: 'AWSManagedRulesCommonRuleSet', counted: COUNTED },
];

/** Creates a web ACL with the managed rules of AWS that suit an MCP server. */
export function createManagedRules(scope: Construct, kind: 'REGIONAL' | 'CLOUDFRONT'): wafv2.CfnWebACL {
  const metric = (metricName: string) => ({ metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: true });
  return new wafv2.CfnWebACL(scope, 'ManagedRules', {
    scope: kind,
    defaultAction: { allow: {} },
    description: 'MCP server: rules of AWS. Those that look for attacks in texts count only',
    visibilityConfig: metric(Names.uniqueResourceName(scope, { maxLength: 100, separator: '-' })),
    rules: GROUPS.map(({ name, counted }, priority) => ({
      name,
      priority,
      overrideAction: { none: {} },
      visibilityConfig: metric(name),
      statement: {
        managedRuleGroupStatement: {
          vendorName: 'AWS',
          name,
          ...(counted.length > 0 && {
            ruleActionOverrides: counted.map(rule => ({ name: rule, actionToUse: { count: {} } })),
          }),
        },
      },
    })),
  });
}

/** Fails for a stack of another region, and for one without a known region. */
export function checkRegionOfCloudFront(scope: Construct): void {
  const { region } = Stack.of(scope);
  if (region === CLOUDFRONT_REGION) return;
  const known = Token.isUnresolved(region) ? 'a region that is not known' : region;
  const rule = `needs a stack of ${CLOUDFRONT_REGION}, where the web ACLs of CloudFront are, and this one is of ${known}`;
  const wayOut = `create a web ACL of the scope CLOUDFRONT in a stack of that region, and give it as 'endpoint.cloudFront.webAcl'`;
  fail('endpoint.cloudFront.managedRules', true, rule, wayOut);
}

/** Fails for the ARN of a web ACL that CloudFront does not take. */
export function checkCloudFrontAcl(webAclArn: string): void {
  if (Token.isUnresolved(webAclArn) || /^arn:[^:]+:wafv2:us-east-1:\d*:global\/webacl\//.test(webAclArn)) return;
  const rule = `must be of the scope CLOUDFRONT, and so of ${CLOUDFRONT_REGION}`;
  fail('endpoint.cloudFront.webAcl', webAclArn, rule, 'create it in a stack of that region');
}
