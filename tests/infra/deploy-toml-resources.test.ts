// deploy.toml: what it discovers in the account, permissions of tools, and the stage and domain of an HTTP API.
import { App, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { needsLookup } from '../../infra/bin/deploy-toml/network.ts';
import { readDeployConfig } from '../../infra/bin/deploy-toml/read.ts';
import { createServer } from '../../infra/bin/deploy-toml/server.ts';
import { environmentOf, failureOf, one, statementsOf } from './synth.ts';

const code = `[server]\ncode = "program"\n`;
const env = { account: '111122223333', region: 'eu-central-1' };

/** What a look-up of the VPC returns: `cdk.context.json` has it after the first synthesis. */
const found = (kind: 'Private' | 'Public') => ({
  'vpc-provider:account=111122223333:filter.isDefault=true:region=eu-central-1:returnAsymmetricSubnets=true': {
    vpcId: 'vpc-found',
    vpcCidrBlock: '10.0.0.0/16',
    ownerAccountId: '111122223333',
    availabilityZones: [],
    subnetGroups: [
      {
        name: kind,
        type: kind,
        subnets: ['a', 'b'].map(zone => ({
          subnetId: `subnet-${kind}-${zone}`,
          cidr: '10.0.0.0/24',
          availabilityZone: `eu-central-1${zone}`,
          routeTableId: `rtb-${zone}`,
        })),
      },
    ],
  },
});

function synth(text: string, context: Record<string, unknown> = {}): { stack: Stack; template: Template } {
  const stack = new Stack(new App({ context, builtinCloudFormationValidation: false }), 'Test', { env });
  createServer(stack, readDeployConfig(text, 'deploy.toml'), import.meta.dirname);
  return { stack, template: Template.fromStack(stack) };
}

const problems = (text: string) => failureOf(() => synth(text)).split('\n');

describe('a VPC', () => {
  const server = (template: Template) => one(template, 'AWS::Lambda::Function', 'McpServer').Properties;

  it('is that of the account where the file does not name one, and has a new security group', () => {
    const { stack, template } = synth(`${code}[vpc]\nenabled = true`, found('Private'));
    expect(server(template).VpcConfig).toEqual({
      SubnetIds: ['subnet-Private-a', 'subnet-Private-b'],
      SecurityGroupIds: [{ 'Fn::GetAtt': [expect.stringMatching(/^McpServer.*SecurityGroup/), 'GroupId'] }],
    });
    template.resourceCountIs('AWS::EC2::VPCEndpoint', 0);
    Annotations.fromStack(stack).hasNoWarning('*', Match.stringLikeRegexp('public subnets'));
  });

  it('with public subnets only is used with a warning, and can have an endpoint for DynamoDB', () => {
    const { stack, template } = synth(`${code}[vpc]\nenabled = true\ndynamodb_endpoint = true`, found('Public'));
    expect(server(template).VpcConfig.SubnetIds).toEqual(['subnet-Public-a', 'subnet-Public-b']);
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('public subnets only.*NAT gateway'));
    expect(one(template, 'AWS::EC2::VPCEndpoint').Properties).toMatchObject({
      VpcEndpointType: 'Gateway',
      VpcId: 'vpc-found',
      RouteTableIds: ['rtb-a', 'rtb-b'],
    });
  });

  it('is looked up for what the file leaves out only', () => {
    const needs = (lines: string) => needsLookup(readDeployConfig(`[vpc]\n${lines}`, 'deploy.toml').config);
    const [subnets, groups] = ['subnet_ids = ["subnet-1"]', 'security_group_ids = ["sg-1"]'];
    expect(needs('enabled = true')).toBe(true);
    expect(needs(`vpc_id = "vpc-1"\n${subnets}`)).toBe(true);
    expect(needs(`vpc_id = "vpc-1"\n${subnets}\n${groups}`)).toBe(false);
    expect(needs(`enabled = false\n${subnets}`)).toBe(false);
    const { template } = synth(`${code}[vpc]\nenabled = true\n${subnets}\n${groups}`, found('Private'));
    expect(server(template).VpcConfig).toEqual({ SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] });
  });

  it('is refused with an empty list, and where the endpoint has no route tables', () => {
    expect(problems(`${code}[vpc]\nenabled = true\nsubnet_ids = []\ndynamodb_endpoint = true\nvpc_id = "v"`)).toEqual([
      'deploy.toml:5:1: [vpc] subnet_ids must be ids, or left out to discover them, got: []',
    ]);
    const all = 'vpc_id = "v"\nsubnet_ids = ["s"]\nsecurity_group_ids = ["g"]';
    expect(problems(`${code}[vpc]\n${all}\ndynamodb_endpoint = true`)).toEqual([
      'deploy.toml:7:1: [vpc] dynamodb_endpoint must be left out where all ids are given: the route tables are not known, got: true',
    ]);
  });
});

describe('[iam]', () => {
  const partition = { Ref: 'AWS::Partition' };
  const arn = (rest: string) => ({ 'Fn::Join': ['', ['arn:', partition, `:${rest}`]] });
  const text = `${code}
    [[iam.tables]]\nname = "orders"\nactions = ["read"]
    [[iam.tables]]\nname = "stock"\nactions = ["readwrite"]\ninclude_indexes = true
    [[iam.buckets]]\nname = "reports"\nactions = ["read", "list"]\nprefix = "2026/"
    [[iam.secrets]]\nname = "orders/db"
    [[iam.statements]]\neffect = "Allow"\nactions = ["sqs:SendMessage"]\nresources = ["arn:aws:sqs:eu-central-1:111122223333:jobs"]
    [[iam.statements]]\neffect = "Deny"\nactions = ["s3:*"]\nresources = ["*"]`;

  it('grants the server, and its worker, exactly what it lists', () => {
    const { template } = synth(`${text}\n[tasks]\nenabled = true`);
    const { template: bare } = synth(`${code}[tasks]\nenabled = true`);
    for (const role of ['McpServer', 'McpWorker']) {
      const before = statementsOf(bare, role).map(it => JSON.stringify(it));
      expect(statementsOf(template, role).filter(it => !before.includes(JSON.stringify(it)))).toEqual([
        {
          Action: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'],
          Effect: 'Allow',
          Resource: arn('dynamodb:eu-central-1:111122223333:table/orders'),
        },
        {
          Action: [
            ...['BatchGetItem', 'GetItem', 'Query', 'Scan'].map(it => `dynamodb:${it}`),
            ...['BatchWriteItem', 'DeleteItem', 'PutItem', 'UpdateItem'].map(it => `dynamodb:${it}`),
          ],
          Effect: 'Allow',
          Resource: [
            arn('dynamodb:eu-central-1:111122223333:table/stock'),
            arn('dynamodb:eu-central-1:111122223333:table/stock/index/*'),
          ],
        },
        { Action: 's3:GetObject', Effect: 'Allow', Resource: arn('s3:::reports/2026/*') },
        {
          Action: 's3:ListBucket',
          Effect: 'Allow',
          Resource: arn('s3:::reports'),
          Condition: { StringLike: { 's3:prefix': '2026/*' } },
        },
        {
          Action: 'secretsmanager:GetSecretValue',
          Effect: 'Allow',
          Resource: arn('secretsmanager:eu-central-1:111122223333:secret:orders/db-??????'),
        },
        { Action: 'sqs:SendMessage', Effect: 'Allow', Resource: 'arn:aws:sqs:eu-central-1:111122223333:jobs' },
        { Action: 's3:*', Effect: 'Deny', Resource: '*' },
      ]);
    }
    expect(JSON.stringify(statementsOf(template, 'McpIngest'))).not.toContain('orders');
  });

  it('refuses words that stand for nothing, and a statement that allows everything', () => {
    expect(
      problems(`${code}[[iam.tables]]\nname = "a"\nactions = ["get"]\n[[iam.buckets]]\nname = "b"\nactions = []
[[iam.statements]]\neffect = "Allow"\nactions = ["*"]\nresources = ["*"]
[[iam.statements]]\neffect = "allow"\nactions = ["GetObject"]\nresources = ["bucket"]`),
    ).toEqual([
      'deploy.toml:5:1: [[iam.tables]] actions must be a list of read, write, readwrite, got: ["get"]',
      'deploy.toml:8:1: [[iam.buckets]] actions must be a list of read, write, readwrite, list, got: []',
      'deploy.toml:11:1: [[iam.statements]] must not allow all actions on all resources; name what the tools call',
      'deploy.toml:14:1: [[iam.statements]] effect must be "Allow" or "Deny", got: "allow"',
    ]);
    expect(
      problems(`${code}[[iam.statements]]\neffect = "Allow"\nactions = ["*"]\nresources = ["*"]
[[iam.statements]]\neffect = "Allow"\nactions = ["GetObject"]\nresources = ["bucket"]`),
    ).toEqual([
      'deploy.toml:5:1: [[iam.statements]] must not allow all actions on all resources; name what the tools call',
      'deploy.toml:9:1: [[iam.statements]] actions must be like "s3:GetObject", got: "GetObject"',
      'deploy.toml:10:1: [[iam.statements]] resources must be ARNs or "*", got: "bucket"',
    ]);
  });
});

describe('[deployment] and [check]', () => {
  it('move requests in parts, and call the server', () => {
    const text = `${code}[deployment]\ntype = "linear"\npercent = 5\ninterval_minutes = 3\nroll_back_on_alarms = false
[check]\nenabled = true\ntools = ["a"]\ntool = "b"\ntimeout_seconds = 30`;
    const { template } = synth(text);
    template.hasResourceProperties('AWS::CodeDeploy::DeploymentConfig', {
      TrafficRoutingConfig: { TimeBasedLinear: { LinearInterval: 3, LinearPercentage: 5 } },
    });
    template.hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', { AlarmConfiguration: Match.absent() });
    template.hasResourceProperties('Custom::McpDeploymentCheck', { tools: ['a'], tool: 'b', seconds: 30 });
    synth(`${code}[deployment]\ntype = "canary"\npercent = 5\ninterval_minutes = 3`).template.resourceCountIs(
      'AWS::CodeDeploy::DeploymentGroup',
      1,
    );
    synth(code).template.resourceCountIs('Custom::McpDeploymentCheck', 0);
  });

  it('are refused where keys do not go together', () => {
    expect(problems(`${code}[deployment]\ntype = "all-at-once"\npercent = 5\n[check]\ntool = "b"\ntoken_secret = "t"`)).toEqual([
      'deploy.toml:5:1: [deployment] percent must be left out where type is "all-at-once", got: 5',
      'deploy.toml:6:1: [check] enabled must be true where tool is given, got: nothing',
      'deploy.toml:8:1: [check] token_secret must be left out where [auth] provider is not "jwt", or "cognito" with login = false, got: "t"',
    ]);
    expect(problems(`${code}[deployment]\npercent = 5`)).toEqual([
      'deploy.toml:3:1: [deployment] type must be "canary", "linear" or "all-at-once" where percent is given, got: nothing',
    ]);
    expect(problems(`${code}[deployment]\ntype = "canary"\npercent = 5`)).toEqual([
      'deploy.toml:3:1: [deployment] interval_minutes must be given where type is "canary", got: nothing',
    ]);
  });
});

describe('[cloud_front] and [budget]', () => {
  it('put CloudFront in front of the Function URL, and limit the cost', () => {
    const certificate = 'arn:aws:acm:us-east-1:111122223333:certificate/c';
    const { template } = synth(`${code}[auth]\nprovider = "jwt"\nissuer = "https://i.example"\naudience = ["m"]
[cloud_front]\ndomain_name = "a.example"\ncertificate_arn = "${certificate}"\nhosted_zone_id = "Z1"\nhosted_zone_name = "example"
countries = ["DE"]\nread_timeout_seconds = 90\nweb_acl_arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/a/b"
[budget]\nmonthly_limit_usd = 7\nemail = "ops@example.com"\ntag = { project = "notes" }`);
    template.hasResourceProperties('AWS::CloudFront::Distribution', {
      DistributionConfig: {
        Aliases: ['a.example'],
        Origins: [Match.objectLike({ CustomOriginConfig: Match.objectLike({ OriginReadTimeout: 90 }) })],
        Restrictions: { GeoRestriction: { RestrictionType: 'whitelist', Locations: ['DE'] } },
        WebACLId: 'arn:aws:wafv2:us-east-1:111122223333:global/webacl/a/b',
      },
    });
    template.resourceCountIs('AWS::Route53::RecordSet', 2);
    template.hasResourceProperties('AWS::Budgets::Budget', {
      Budget: { BudgetLimit: { Amount: 7, Unit: 'USD' }, CostFilters: { TagKeyValue: ['user:project$notes'] } },
    });
    const rest = synth(`${code}[api_gateway]\ntype = "rest"\nmanaged_rules = true`).template;
    rest.hasResourceProperties('AWS::WAFv2::WebACL', { Scope: 'REGIONAL' });
    synth(`${code}[cloud_front]\nenabled = false\ncountries = ["DE"]`).template.resourceCountIs('AWS::CloudFront::Distribution', 0);
  });

  it('are refused where keys do not go together', () => {
    expect(problems(`${code}[api_gateway]\ntype = "rest"\n[cloud_front]\nenabled = true\n[budget]\nemail = "a@b.example"`)).toEqual([
      'deploy.toml:6:1: [cloud_front] enabled must be false or left out where there is an [api_gateway], got: true',
      'deploy.toml:7:1: [budget] monthly_limit_usd must be given where email is, got: nothing',
    ]);
    expect(problems(`${code}[auth]\nenabled = false\n[cloud_front]\nmanaged_rules = true`)).toEqual([
      expect.stringMatching(/^deploy\.toml:6:1: \[cloud_front\] managed_rules needs a stack of us-east-1, .* is of eu-central-1, got: true; .* \[cloud_front\] web_acl_arn$/),
    ]);
    expect(problems(`${code}[auth]\nprovider = "jwt"\nissuer = "https://i.example"\naudience = ["m"]\n[cloud_front]\nenabled = true`)).toEqual([
      expect.stringMatching(/^deploy\.toml:7:1: \[cloud_front\] domain_name is required where callers have tokens/),
    ]);
  });
});

describe('an API beside the Function URL', () => {
  it('is what keep_function_url is for', () => {
    const { template } = synth(`${code}[api_gateway]\ntype = "http"\n[endpoint]\nkeep_function_url = true`);
    template.resourceCountIs('AWS::Lambda::Url', 1);
    template.resourceCountIs('AWS::ApiGatewayV2::Api', 1);
    const without = synth(`${code}[api_gateway]\ntype = "http"\n[endpoint]\nkeep_function_url = false`);
    without.template.resourceCountIs('AWS::Lambda::Url', 0);
  });

  it('is needed for it', () => {
    expect(problems(`${code}[endpoint]\nkeep_function_url = true`)).toEqual([
      'deploy.toml:4:1: [endpoint] keep_function_url must be false or left out where there is no [api_gateway], got: true',
    ]);
  });

  it('needs a domain where callers have tokens', () => {
    const auth = '[auth]\nprovider = "jwt"\nissuer = "https://i.example"\naudience = ["a"]';
    expect(problems(`${code}[api_gateway]\ntype = "rest"\n[endpoint]\nkeep_function_url = true\n${auth}`)).toEqual([
      expect.stringMatching(/^deploy\.toml:6:1: \[endpoint\] keep_function_url must have a domain.*; set 'domain' on that endpoint$/),
    ]);
  });
});

describe('an HTTP API', () => {
  it('has a stage that is part of the URL', () => {
    const { stack, template } = synth(`${code}[api_gateway]\ntype = "http"\nstage_name = "prod"\n[auth]\nenabled = false`);
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', { StageName: 'prod', AutoDeploy: true });
    expect(JSON.stringify(environmentOf(template)['MCP_PUBLIC_URL'])).toContain('{"Ref":"AWS::URLSuffix"},"/prod"');
    Annotations.fromStack(stack).hasNoWarning('*', Match.stringLikeRegexp('OAuth metadata'));
  });

  it('warns where clients log in and the stage has a name, and not with a domain', () => {
    const cognito = `${code}[api_gateway]\ntype = "http"\nstage_name = "prod"\n[auth]\nprovider = "cognito"`;
    Annotations.fromStack(synth(cognito).stack).hasWarning('*', Match.stringLikeRegexp('OAuth metadata'));
    const domain =
      'domain_name = "a.example"\ncertificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/c"\nhosted_zone_id = "Z1"\nhosted_zone_name = "example"';
    const { stack, template } = synth(cognito.replace('[auth]', `${domain}\n[auth]`));
    Annotations.fromStack(stack).hasNoWarning('*', Match.stringLikeRegexp('OAuth metadata'));
    template.hasResourceProperties('AWS::ApiGatewayV2::DomainName', {
      DomainName: 'a.example',
      DomainNameConfigurations: [
        Match.objectLike({ EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2', IpAddressType: 'dualstack' }),
      ],
    });
    template.hasResourceProperties('AWS::ApiGatewayV2::ApiMapping', { DomainName: { Ref: Match.anyValue() }, Stage: 'prod' });
    template.hasResourceProperties('AWS::ApiGatewayV2::Api', { DisableExecuteApiEndpoint: true });
    template.resourceCountIs('AWS::Route53::RecordSet', 2);
    expect(environmentOf(template)).toMatchObject({
      MCP_PUBLIC_URL: 'https://a.example',
      MCP_ALLOWED_HOSTS: 'a.example',
    });
  });

  it('is refused with a stage that cannot be part of a URL', () =>
    expect(problems(`${code}[api_gateway]\ntype = "http"\nstage_name = "a b"`)).toEqual([
      "deploy.toml:5:1: [api_gateway] stage_name must be '$default' or letters, digits, - and _, got: a b; leave it out for a URL without a stage",
    ]));
});
