// CloudFront in front of a Function URL, managed rules of AWS WAF, and the guard of a budget.
import { Duration } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as route53 from 'aws-cdk-lib/aws-route53';
import type { Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import {
  McpAuth,
  McpBudgetGuard,
  McpEndpoint,
  McpFindings,
  McpTasks,
  type McpBudgetGuardProps,
  type McpCloudFrontOptions,
  type McpLambdaServerProps,
} from '../../infra/lib/index.ts';
import { ImportedWebAcl } from '../../infra/bin/deploy-toml/web-acl.ts';
import { construct, environmentOf, failureOf, one, synth } from './synth.ts';

const jwt = McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: ['mcp'] });
const env = { account: '111122223333', region: 'us-east-1' };
const domain = (stack: Stack, hostedZone = false) => ({
  domainName: 'mcp.example.com',
  certificate: acm.Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:us-east-1:111122223333:certificate/c'),
  ...(hostedZone && {
    hostedZone: route53.HostedZone.fromHostedZoneAttributes(stack, 'Zone', { hostedZoneId: 'Z1', zoneName: 'example.com' }),
  }),
});
const behind = (cloudFront: McpCloudFrontOptions, auth: McpAuth): McpLambdaServerProps => ({
  endpoint: McpEndpoint.functionUrl({ cloudFront }),
  auth,
});

describe('CloudFront', () => {
  it('passes all methods on, caches and compresses nothing, and redirects nothing', () => {
    const { template, server } = synth(behind({}, McpAuth.none()));
    const { DistributionConfig } = one(template, 'AWS::CloudFront::Distribution').Properties;
    expect(DistributionConfig.DefaultCacheBehavior).toMatchObject({
      AllowedMethods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'POST', 'DELETE'],
      CachePolicyId: cloudfront.CachePolicy.CACHING_DISABLED.cachePolicyId,
      OriginRequestPolicyId: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER.originRequestPolicyId,
      Compress: false,
      ViewerProtocolPolicy: 'https-only',
    });
    expect(DistributionConfig).toMatchObject({ HttpVersion: 'http2and3', PriceClass: 'PriceClass_100' });
    expect(DistributionConfig.Origins[0].CustomOriginConfig).toMatchObject({
      OriginReadTimeout: 60,
      OriginProtocolPolicy: 'https-only',
    });
    expect(DistributionConfig).not.toHaveProperty('WebACLId');
    expect(DistributionConfig).not.toHaveProperty('Restrictions');
    expect(server.endpoint.distribution).toBeInstanceOf(cloudfront.Distribution);
    expect(one(template, 'AWS::Lambda::Url').Properties.InvokeMode).toBe('RESPONSE_STREAM');
  });

  it('alone may call the Function URL of a server without authentication, with both permissions on the alias', () => {
    const { template, stack } = synth(behind({}, McpAuth.none()));
    expect(one(template, 'AWS::Lambda::Url').Properties).toMatchObject({ AuthType: 'AWS_IAM', Qualifier: 'live' });
    expect(one(template, 'AWS::CloudFront::OriginAccessControl').Properties.OriginAccessControlConfig).toMatchObject({
      OriginAccessControlOriginType: 'lambda',
      SigningBehavior: 'always',
      SigningProtocol: 'sigv4',
    });
    const permissions = Object.values(template.findResources('AWS::Lambda::Permission'))
      .map(({ Properties }) => Properties)
      .filter(({ Principal }) => Principal === 'cloudfront.amazonaws.com');
    expect(permissions.map(({ Action }) => Action).sort()).toEqual(['lambda:InvokeFunction', 'lambda:InvokeFunctionUrl']);
    for (const { FunctionName, SourceArn } of permissions) {
      expect(FunctionName).toEqual({ Ref: expect.stringMatching(/^McpServerAlias/) });
      expect(JSON.stringify(SourceArn)).toContain(':distribution/');
    }
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('x-amz-content-sha256'));
  });

  it('leaves the Function URL open where callers have tokens, whose header a signature would replace', () => {
    const { template, stack, server } = synth(it => behind({ domain: domain(it, true) }, jwt));
    expect(one(template, 'AWS::Lambda::Url').Properties.AuthType).toBe('NONE');
    template.resourceCountIs('AWS::CloudFront::OriginAccessControl', 0);
    template.resourceCountIs('AWS::Route53::RecordSet', 2);
    expect(one(template, 'AWS::CloudFront::Distribution').Properties.DistributionConfig).toMatchObject({
      Aliases: ['mcp.example.com'],
      ViewerCertificate: { MinimumProtocolVersion: 'TLSv1.2_2021' },
    });
    expect(server.url).toBe('https://mcp.example.com/mcp');
    expect(environmentOf(template)).toMatchObject({ MCP_PUBLIC_URL: 'https://mcp.example.com' });
    expect(environmentOf(template)).not.toHaveProperty('MCP_ALLOWED_HOSTS');
    Annotations.fromStack(stack).hasNoWarning('*', Match.stringLikeRegexp('stays open'));
  });

  it('warns of limits that the Function URL beside it does not have', () => {
    const { stack } = synth(it => behind({ domain: domain(it), geoRestriction: cloudfront.GeoRestriction.allowlist('DE') }, jwt));
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('stays open.*without geoRestriction.*restApi'));
  });

  it('has the timeout, countries and price class that are given', () => {
    const options = {
      readTimeout: Duration.seconds(120),
      geoRestriction: cloudfront.GeoRestriction.denylist('DE', 'FR'),
      priceClass: cloudfront.PriceClass.PRICE_CLASS_ALL,
    };
    const { DistributionConfig } = one(synth(behind(options, McpAuth.none())).template, 'AWS::CloudFront::Distribution').Properties;
    expect(DistributionConfig).toMatchObject({
      PriceClass: 'PriceClass_All',
      Restrictions: { GeoRestriction: { RestrictionType: 'blacklist', Locations: ['DE', 'FR'] } },
    });
    expect(DistributionConfig.Origins[0].CustomOriginConfig.OriginReadTimeout).toBe(120);
  });

  it('is refused for callers who sign, without a domain where they have tokens, and with more than CloudFront waits', () => {
    const failure = (options: McpCloudFrontOptions, auth: McpAuth) => failureOf(() => construct(behind(options, auth)));
    expect(failure({}, McpAuth.iam())).toBe(
      "'auth' cannot be used behind CloudFront: callers sign for the host of the Function URL, got: McpAuth.iam(); use McpAuth.jwt(), or leave 'endpoint.cloudFront' out",
    );
    expect(failure({}, jwt)).toMatch(/^'endpoint\.cloudFront\.domain' is required where callers have tokens: /);
    expect(failure({ readTimeout: Duration.seconds(121) }, jwt)).toMatch(/^'endpoint\.cloudFront\.readTimeout' must be whole seconds from 1 to 120/);
  });

  it('has no finding of cdk-nag, once acknowledged', () => {
    for (const pack of [new AwsSolutionsChecks(undefined, { verbose: true }), new ServerlessChecks(undefined, { verbose: true })]) {
      const servers = [
        construct(behind({}, McpAuth.none())),
        construct(it => behind({ domain: domain(it), managedRules: true, geoRestriction: cloudfront.GeoRestriction.allowlist('DE') }, jwt), { env }),
        construct({ endpoint: McpEndpoint.restApi({ managedRules: true }) }),
        construct({}, { also: (server, it) => new McpBudgetGuard(it, 'Guard', { server, monthlyLimit: 5 }) }),
      ];
      for (const { stack } of servers) {
        McpFindings.acknowledge(stack);
        const { violations } = pack.validateScope(stack);
        expect(
          violations.map(found => `${found.ruleName} ${found.violatingResources.map(it => it.constructPath).join(' ')}`),
        ).toEqual([]);
      }
    }
  });
});

describe('managed rules', () => {
  const rules = (template: ReturnType<typeof synth>['template']) => one(template, 'AWS::WAFv2::WebACL').Properties;

  it('are a regional web ACL of the stage of a REST API', () => {
    const { template } = synth({ endpoint: McpEndpoint.restApi({ managedRules: true }) });
    expect(rules(template)).toMatchObject({ Scope: 'REGIONAL', DefaultAction: { Allow: {} } });
    template.hasResourceProperties('AWS::WAFv2::WebACLAssociation', {
      WebACLArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^McpManagedRules'), 'Arn'] },
    });
    synth({ endpoint: McpEndpoint.restApi() }).template.resourceCountIs('AWS::WAFv2::WebACL', 0);
  });

  it('only count what they find in the texts of tools, and block the rest', () => {
    const { Rules } = rules(synth({ endpoint: McpEndpoint.restApi({ managedRules: true }) }).template);
    const groups = Rules.map((it: any) => it.Statement.ManagedRuleGroupStatement);
    expect(groups.map((it: any) => it.Name)).toEqual([
      'AWSManagedRulesAmazonIpReputationList',
      'AWSManagedRulesKnownBadInputsRuleSet',
      'AWSManagedRulesCommonRuleSet',
    ]);
    expect(Rules.map((it: any) => it.OverrideAction)).toEqual([{ None: {} }, { None: {} }, { None: {} }]);
    const counted = groups.flatMap((it: any) => it.RuleActionOverrides ?? []);
    expect(counted.every((it: any) => 'Count' in it.ActionToUse)).toBe(true);
    expect(counted.map((it: any) => it.Name)).toEqual(expect.arrayContaining(['SizeRestrictions_BODY', 'CrossSiteScripting_BODY']));
  });

  it('are of us-east-1 for CloudFront, and refused elsewhere', () => {
    const props = behind({ managedRules: true }, McpAuth.none());
    const { template } = synth(props, { env });
    expect(rules(template).Scope).toBe('CLOUDFRONT');
    expect(one(template, 'AWS::CloudFront::Distribution').Properties.DistributionConfig.WebACLId).toEqual({
      'Fn::GetAtt': [expect.stringMatching(/^McpCloudFrontManagedRules/), 'Arn'],
    });
    const refusal = (region?: string) => failureOf(() => construct(props, region ? { env: { ...env, region } } : {}));
    expect(refusal('eu-central-1')).toBe(
      "'endpoint.cloudFront.managedRules' needs a stack of us-east-1, where the web ACLs of CloudFront are, and this one is of eu-central-1, got: true; create a web ACL of the scope CLOUDFRONT in a stack of that region, and give it as 'endpoint.cloudFront.webAcl'",
    );
    expect(refusal()).toContain('this one is of a region that is not known');
  });

  it('are refused beside a web ACL, and one of another scope is refused by CloudFront', () => {
    const acl = (stack: Stack, arn: string) => new ImportedWebAcl(stack, 'Acl', arn);
    const failure = (make: (stack: Stack) => McpLambdaServerProps) => failureOf(() => construct(make));
    const [regional, global] = ['eu-central-1:111122223333:regional', 'us-east-1:111122223333:global'].map(it => `arn:aws:wafv2:${it}/webacl/a/b`) as [string, string];
    expect(failure(it => ({ endpoint: McpEndpoint.restApi({ managedRules: true, webAcl: acl(it, regional) }) }))).toBe(
      "'endpoint.managedRules' creates a web ACL, and 'endpoint.webAcl' is another one, got: true; leave one of them out",
    );
    expect(failure(it => behind({ managedRules: true, webAcl: acl(it, global) }, McpAuth.none()))).toContain("'endpoint.cloudFront.managedRules' creates a web ACL");
    expect(failure(it => behind({ webAcl: acl(it, regional) }, McpAuth.none()))).toBe(
      `'endpoint.cloudFront.webAcl' must be of the scope CLOUDFRONT, and so of us-east-1, got: ${regional}; create it in a stack of that region`,
    );
    const { template } = synth(it => behind({ webAcl: acl(it, global) }, McpAuth.none()));
    expect(one(template, 'AWS::CloudFront::Distribution').Properties.DistributionConfig.WebACLId).toBe(global);
  });
});

describe('the guard of a budget', () => {
  const guard = (props: Partial<McpBudgetGuardProps> = {}, server: McpLambdaServerProps = {}) =>
    synth(server, { also: (it, stack) => new McpBudgetGuard(stack, 'Guard', { server: it, monthlyLimit: 50, ...props }) });

  it('stops every function of the server when the cost of the month is spent', () => {
    const { template } = guard({}, { tasks: McpTasks.queue() });
    const functions = ['McpServer', 'McpIngest', 'McpWorker'].map(it => one(template, 'AWS::Lambda::Function', it).id);
    const { Properties } = one(template, 'AWS::Lambda::Function', 'GuardFunction');
    expect(Properties.Environment.Variables.FUNCTIONS).toEqual({
      'Fn::Join': ['', functions.flatMap((Ref, at) => (at === 0 ? [{ Ref }] : [',', { Ref }]))],
    });
    const [statement] = one(template, 'AWS::IAM::Policy', 'GuardRole').Properties.PolicyDocument.Statement.slice(-1);
    expect(statement).toEqual({
      Action: 'lambda:PutFunctionConcurrency',
      Effect: 'Allow',
      Resource: functions.map(id => ({ 'Fn::GetAtt': [id, 'Arn'] })),
    });
    expect(one(template, 'AWS::Budgets::Budget').Properties).toEqual({
      Budget: { BudgetLimit: { Amount: 50, Unit: 'USD' }, BudgetType: 'COST', TimeUnit: 'MONTHLY' },
      NotificationsWithSubscribers: [
        {
          Notification: { NotificationType: 'ACTUAL', ComparisonOperator: 'GREATER_THAN', Threshold: 100, ThresholdType: 'PERCENTAGE' },
          Subscribers: [{ SubscriptionType: 'SNS', Address: { Ref: expect.stringMatching(/^GuardTopic/) } }],
        },
      ],
    });
  });

  it('is notified by AWS Budgets of this account only', () => {
    const { Statement } = one(guard().template, 'AWS::SNS::TopicPolicy', 'Guard').Properties.PolicyDocument;
    expect(Statement.at(-1)).toMatchObject({
      Principal: { Service: 'budgets.amazonaws.com' },
      Action: 'sns:Publish',
      Condition: {
        StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
        ArnLike: { 'aws:SourceArn': { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':budgets::', { Ref: 'AWS::AccountId' }, ':*']] } },
      },
    });
  });

  it('counts the cost of a tag, and tells an address before', () => {
    const { template } = guard({ tag: { project: 'notes' }, email: 'ops@example.com' });
    const { Budget, NotificationsWithSubscribers } = one(template, 'AWS::Budgets::Budget').Properties;
    expect(Budget.CostFilters).toEqual({ TagKeyValue: ['user:project$notes'] });
    expect(NotificationsWithSubscribers.map((it: any) => it.Notification.Threshold)).toEqual([80, 100]);
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'ops@example.com' });
  });

  it('is refused without a limit, and with two tags', () => {
    expect(failureOf(() => guard({ monthlyLimit: 0, tag: { a: '1', b: '2' } })).split('\n')).toEqual([
      "'monthlyLimit' must be a number of US dollars above 0, got: 0; set what a month may cost",
      "'tag' must be one tag: a budget counts the cost of all values that it has, got: 2; keep one",
    ]);
  });
});
