// deploy.toml: what is accepted, what is refused and how, and that every key arrives.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { toProps } from '../../infra/config/props.ts';
import { DeployConfigError, readDeployConfig } from '../../infra/config/read.ts';
import { SCHEMA } from '../../infra/config/schema.ts';
import { McpLambdaServer } from '../../infra/index.ts';
import { environmentOf, one, root } from './synth.ts';

const example = readFileSync(join(root, 'deploy.example.toml'), 'utf8');
const code = `[server]\ncode = "program"\n`;

function problems(text: string, context: Record<string, unknown> = {}): string[] {
  try {
    const config = readDeployConfig(text, 'deploy.toml', context);
    const stack = new Stack(new App({ context: { 'aws:cdk:bundling-stacks': [] } }), 'Test');
    new McpLambdaServer(stack, 'Mcp', toProps(stack, config, import.meta.dirname));
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

function template(text: string, context: Record<string, unknown> = {}): Template {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Test');
  new McpLambdaServer(
    stack,
    'Mcp',
    toProps(stack, readDeployConfig(text, 'deploy.toml', context), import.meta.dirname),
  );
  return Template.fromStack(stack);
}

describe('the example', () => {
  it('names every key there is, and no other', () => {
    const named = new Set<string>();
    let section = '';
    for (const line of example.split('\n')) {
      section = /^(?:# )?\[([\w.]+)\]$/.exec(line)?.[1] ?? section;
      const key = /^(?:# )?(\w+) = /.exec(line)?.[1];
      if (key !== undefined) named.add(section === 'lambda.environment' ? 'lambda.environment' : `${section}.${key}`);
    }
    const known = Object.entries(SCHEMA).flatMap(([section, keys]) =>
      Object.keys(keys).map(key => `${section}.${key}`),
    );
    expect([...named].sort()).toEqual(known.sort());
  });

  it('is what is deployed without a file', () => {
    const resources = (it: Template) => it.toJSON().Resources;
    // Written out, some defaults reach the server as variables; they say what the runtime would assume.
    const told = { MCP_PATH: '/mcp', MCP_STREAMS: 'on', MCP_STREAMS_PER_PRINCIPAL: '16', SESSION_TTL_MINUTES: '1440' };
    const [written, bare] = [template(example, { 'server.code': 'program' }), template(code)];
    expect(environmentOf(written)).toEqual({ ...environmentOf(bare), ...told });
    const without = (it: Template) =>
      Object.fromEntries(Object.entries(resources(it)).filter(([id]) => !/Version|Alias1C28|^McpServer6A6A/.test(id)));
    expect(without(written)).toEqual(without(bare));
  });
});

describe('what is wrong', () => {
  const cases: [string, string, string[]][] = [
    [
      'a section nobody knows',
      '[lamda]\nmemory_size = 1',
      [`deploy.toml: there is no section [lamda]; there are ${Object.keys(SCHEMA).join(', ')}`],
    ],
    [
      'a key nobody knows',
      '[streams]\nlife = 5',
      ['deploy.toml: [streams] has no key life; it has enabled, life_seconds, per_principal'],
    ],
    [
      'several things, all at once',
      '[lambda]\nmemory_size = 64\narchitecture = "arm"\n[streams]\nenabled = "yes"',
      [
        'deploy.toml: [lambda] memory_size must be a whole number from 128 to 10240, got: 64',
        'deploy.toml: [lambda] architecture must be "arm64" or "x86_64", got: "arm"',
        'deploy.toml: [streams] enabled must be true or false, got: "yes"',
      ],
    ],
    [
      'a value that is no list',
      '[auth]\naudience = "mcp"',
      ['deploy.toml: [auth] audience must be a list of texts, got: "mcp"'],
    ],
    [
      'a variable that is no text',
      '[lambda.environment]\nA = 1',
      ['deploy.toml: [lambda] environment must be a section of texts, got: {"A":1}'],
    ],
    ['a section that is none', 'lambda = 5', ['deploy.toml: [lambda] must be a section, got: 5']],
    [
      'an ARN that is none',
      '[events]\ntopic_arn = "mine"',
      ['deploy.toml: [events] topic_arn must be an ARN, got: "mine"'],
    ],
    [
      'tokens without an issuer',
      `${code}[auth]\nprovider = "jwt"`,
      ['[auth] issuer must be given where provider is "jwt", got: undefined'],
    ],
    [
      'an identity that is switched on and not chosen',
      `${code}[auth]\nenabled = true`,
      ['[auth] provider must be "iam", "jwt", "cognito" or "custom" where enabled is true, got: undefined'],
    ],
    [
      'a web ACL of an HTTP API',
      `${code}[api_gateway]\ntype = "http"\nweb_acl_arn = "arn:aws:wafv2:x"`,
      ['[api_gateway] web_acl_arn must be left out, or type "rest", got: "arn:aws:wafv2:x"'],
    ],
    [
      'a gateway of no type',
      `${code}[api_gateway]\nthrottling_rate = 5`,
      ['[api_gateway] type must be "http" or "rest", got: undefined'],
    ],
    [
      'a network without subnets',
      `${code}[vpc]\nvpc_id = "vpc-1"`,
      ['[vpc] subnet_ids must be a list of private subnets, got: undefined'],
    ],
    [
      'a retention that CloudWatch does not have',
      `${code}[observability]\nlog_retention_days = 31`,
      [expect.stringMatching(/^\[observability\] log_retention_days must be one of 1, 3, 5, .*, got: 31$/)],
    ],
    [
      'a domain without a certificate',
      `${code}[api_gateway]\ntype = "rest"\ndomain_name = "a.example"`,
      ['[api_gateway] certificate_arn must be given where domain_name is, got: undefined'],
    ],
    [
      'CORS of no origin',
      `${code}[endpoint]\ncors_credentials = true`,
      ['[endpoint] cors_origins must be given where cors_credentials is, got: undefined'],
    ],
    [
      'what the construct refuses',
      `${code}[streams]\nlife_seconds = 400`,
      [
        "'streams.life' must be at least 5 seconds below the timeout of 120 seconds, got: 400 seconds; shorten it or raise 'timeout'",
      ],
    ],
  ];

  it.each(cases)('says %s', (_, text, expected) => expect(problems(text)).toEqual(expected));

  it('says where the file is no TOML', () =>
    expect(problems('[lambda').join('\n')).toMatch(/^deploy.toml is not TOML: .*line|^deploy.toml is not TOML: /));

  it('says the same of the command line', () => {
    expect(problems(code, { 'lambda.memory_size': 'big' })).toEqual([
      'context lambda.memory_size must be a whole number from 128 to 10240, got: null',
    ]);
    expect(problems(code, { 'lambda.memory': '5' })).toEqual([
      expect.stringMatching(/^context lambda.memory: deploy.toml has no such key; \[lambda\] has memory_size, /),
    ]);
  });

  it('is told apart from defects of the program', () => expect(new DeployConfigError('x')).toBeInstanceOf(Error));
});

describe('what is right', () => {
  const all = `
    [server]\ncode = "program"\nname = "notes"
    [lambda]\nmemory_size = 512\ntimeout_seconds = 200\narchitecture = "x86_64"\nreserved_concurrency = 50
    provisioned_concurrency = 2\nmax_provisioned_concurrency = 9\ntracing = "passthrough"
secrets = ["API_TOKEN"]
    [lambda.environment]\nRUST_LOG = "debug"
    [vpc]\nvpc_id = "vpc-1"\nsubnet_ids = ["subnet-1", "subnet-2"]\nsecurity_group_ids = ["sg-1"]
    [observability]\nalarms = false\ndashboard = false\nlog_retention_days = 7
    [endpoint]\npath = "/v1"\nallowed_hosts = ["a.example"]\npublic_url = "https://a.example"\ncors_origins = ["https://b.example"]\ncors_credentials = true\ncors_max_age_seconds = 60
    [events]\ntopic_arn = "arn:aws:sns:eu-central-1:111122223333:t"\nttl_minutes = 5\nfanout_replicas = 2\ningest_timeout_seconds = 9\ningest_reserved_concurrency = 3
    [streams]\nenabled = false\nlife_seconds = 100\nper_principal = 2
    [state]\nremoval = "destroy"\npoint_in_time_recovery = false\ndeletion_protection = true\nmax_read_request_units = 11\nmax_write_request_units = 12\nsession_ttl_minutes = 60
    [api_gateway]\ntype = "rest"\nstage_name = "v1"\nthrottling_rate = 3\nthrottling_burst = 4\nstreaming = true\naccess_log = true
    web_acl_arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/b"\ndomain_name = "a.example"\ncertificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/c"
    hosted_zone_id = "Z1"\nhosted_zone_name = "example"
    [auth]\nprovider = "jwt"\nissuer = "https://i.example"\naudience = ["m"]\nscopes = ["s"]
  `;

  it('arrives', () => {
    const made = template(all);
    expect(one(made, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({
      MemorySize: 512,
      Timeout: 200,
      Architectures: ['x86_64'],
      ReservedConcurrentExecutions: 50,
      TracingConfig: { Mode: 'PassThrough' },
      VpcConfig: { SubnetIds: ['subnet-1', 'subnet-2'], SecurityGroupIds: ['sg-1'] },
    });
    expect(environmentOf(made)).toMatchObject({
      API_TOKEN: { 'Fn::Join': ['', expect.arrayContaining([':secret:Test/API_TOKEN'])] },
      RUST_LOG: 'debug',
      MCP_PATH: '/v1',
      MCP_ALLOWED_HOSTS: 'a.example',
      MCP_PUBLIC_URL: 'https://a.example',
      MCP_CORS_ORIGINS: 'https://b.example',
      MCP_CORS_CREDENTIALS: 'true',
      MCP_CORS_MAX_AGE: '60',
      SNS_TOPIC_ARN: 'arn:aws:sns:eu-central-1:111122223333:t',
      MCP_STREAMS: 'off',
      EVENT_TTL_MINUTES: '5',
      EVENT_FANOUT_REPLICAS: '2',
      MCP_STREAM_SECONDS: '100',
      MCP_STREAMS_PER_PRINCIPAL: '2',
      SESSION_TTL_MINUTES: '60',
      MCP_JWT_ISSUER: 'https://i.example',
      MCP_JWT_AUDIENCE: 'm',
      MCP_JWT_SCOPES: 's',
    });
    expect(one(made, 'AWS::Lambda::Function', 'McpIngest').Properties).toMatchObject({
      Timeout: 9,
      ReservedConcurrentExecutions: 3,
    });
    made.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', { MinCapacity: 2, MaxCapacity: 9 });
    made.hasResourceProperties('AWS::ApiGateway::Stage', { StageName: 'v1' });
    made.resourceCountIs('AWS::WAFv2::WebACLAssociation', 1);
    made.resourceCountIs('AWS::Route53::RecordSet', 1);
    made.resourceCountIs('AWS::CloudWatch::Alarm', 0);
    made.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
    expect(one(made, 'AWS::DynamoDB::GlobalTable', 'McpStateTable')).toMatchObject({ DeletionPolicy: 'Delete' });
    made.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
  });

  it('is overridden by the command line, which has only text', () => {
    const made = template(`${code}[lambda]\nmemory_size = 512\n[lambda.environment]\nAA = "1"`, {
      'lambda.memory_size': '1024',
      'lambda.environment.BB': '2',
      'streams.enabled': 'false',
      'endpoint.allowed_hosts': 'a.example, b.example',
      'aws:cdk:unrelated': 'x',
      config: 'other.toml',
    });
    expect(one(made, 'AWS::Lambda::Function', 'McpServer').Properties.MemorySize).toBe(1024);
    expect(environmentOf(made)).toMatchObject({
      AA: '1',
      BB: '2',
      MCP_STREAMS: 'off',
      MCP_ALLOWED_HOSTS: 'a.example,b.example',
    });
  });

  it('lets everybody in only where that is written', () => {
    template(`${code}[auth]\nenabled = false`).hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE' });
    template(code).hasResourceProperties('AWS::Lambda::Url', { AuthType: 'AWS_IAM' });
  });
});
