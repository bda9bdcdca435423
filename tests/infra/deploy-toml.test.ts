// deploy.toml: valid files, error messages for invalid ones, and the effect of every key.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { KEYS } from '../../infra/bin/deploy-toml/keys.ts';
import { Problems } from '../../infra/bin/deploy-toml/problems.ts';
import { toProps } from '../../infra/bin/deploy-toml/props.ts';
import { readDeployConfig } from '../../infra/bin/deploy-toml/read.ts';
import { SCHEMA, type Kinds } from '../../infra/bin/deploy-toml/schema.ts';
import { createServer } from '../../infra/bin/deploy-toml/server.ts';
import { DeployConfigError } from '../../infra/bin/deploy-toml/source.ts';
import { environmentOf, one, root } from './synth.ts';

const example = readFileSync(join(root, 'deploy.example.toml'), 'utf8');
const code = `[server]\ncode = "program"\n`;

/** What is wrong, with the positions. */
function placed(text: string, context: Record<string, unknown> = {}): string[] {
  try {
    const file = readDeployConfig(text, 'deploy.toml', context);
    const stack = new Stack(new App({ context: { 'aws:cdk:bundling-stacks': [] } }), 'Test');
    createServer(stack, file, import.meta.dirname);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

/** What is wrong, without the positions. */
function problems(text: string, context: Record<string, unknown> = {}): string[] {
  return placed(text, context).map(line => line.replace(/^deploy\.toml(:\d+:\d+)?: /, ''));
}

function template(text: string, context: Record<string, unknown> = {}): Template {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Test');
  createServer(stack, readDeployConfig(text, 'deploy.toml', context), import.meta.dirname);
  return Template.fromStack(stack);
}

describe('the example', () => {
  it('has every key, and no other', () => {
    const named = new Set<string>();
    let section = '';
    for (const line of example.split('\n')) {
      section = /^(?:# )?\[{1,2}([\w.]+)\]{1,2}$/.exec(line)?.[1] ?? section;
      const key = /^(?:# )?(\w+) = /.exec(line)?.[1];
      if (key !== undefined) named.add(section === 'lambda.environment' ? 'lambda.environment' : `${section}.${key}`);
    }
    const known = Object.entries(SCHEMA as Record<string, Kinds>).flatMap(([section, keys]) =>
      Object.entries(keys).flatMap(([key, kind]) =>
        kind.kind === 'entries' ? Object.keys(kind.keys).map(it => `${section}.${key}.${it}`) : [`${section}.${key}`],
      ),
    );
    expect([...named].sort()).toEqual(known.sort());
  });

  it('deploys the same as no file', () => {
    const resources = (it: Template) => it.toJSON().Resources;
    // Explicit defaults become environment variables, with the runtime's own default values.
    const explicit = {
      MCP_PATH: '/mcp',
      MCP_STREAMS: 'on',
      MCP_STREAMS_PER_PRINCIPAL: '16',
      SESSION_TTL_MINUTES: '1440',
    };
    const [written, bare] = [template(example, { 'server.code': 'program' }), template(code)];
    expect(environmentOf(written)).toEqual({ ...environmentOf(bare), ...explicit });
    const without = (it: Template) =>
      Object.fromEntries(Object.entries(resources(it)).filter(([id]) => !/Version|Alias1C28|^McpServer6A6A/.test(id)));
    expect(without(written)).toEqual(without(bare));
  });
});

describe('a program that the context names', () => {
  const built = '[server]\nmanifest_path = "nowhere/Cargo.toml"\nbinary_name = "notes"\ncargo_lambda_flags = ["--locked"]';

  it('takes the place of one that the file builds', () => {
    expect(problems(built, { 'server.code': 'program' })).toEqual([]);
    expect(template(built, { 'server.code': 'program' }).toJSON()).toEqual(template(code).toJSON());
  });

  it('takes the place of code of the file', () => {
    expect(readDeployConfig(code, 'deploy.toml', { 'server.manifest_path': 'a/Cargo.toml' }).config.server).toEqual({ manifest_path: 'a/Cargo.toml' });
  });

  it('is not named in two ways', () => {
    const context = { 'server.code': 'program', 'server.manifest_path': 'a/Cargo.toml' };
    expect(problems('', context)).toEqual([expect.stringContaining('[server] manifest_path')]);
  });
});

describe('an invalid file', () => {
  const cases: [string, string, string[]][] = [
    [
      'an unknown section',
      '[lamda]\nmemory_size = 1',
      ['there is no section [lamda]; did you mean lambda?'],
    ],
    [
      'an unknown key',
      '[streams]\nlife = 5',
      ['[streams] has no key life; there are enabled, lifetime_seconds, per_principal'],
    ],
    [
      'several problems at once',
      '[lambda]\nmemory_size = 64\narchitecture = "arm"\n[streams]\nenabled = "yes"',
      [
        '[lambda] memory_size must be a whole number from 128 to 10240, got: 64',
        '[lambda] architecture must be "arm64" or "x86_64", got: "arm"',
        '[streams] enabled must be true or false, got: "yes"',
      ],
    ],
    [
      'a value that is not a list',
      '[auth]\naudience = "mcp"',
      ['[auth] audience must be a list of texts, got: "mcp"'],
    ],
    [
      'an environment variable that is not a text',
      '[lambda.environment]\nA = 1',
      ['[lambda] environment must be a section of texts, got: {"A":1}'],
    ],
    ['a section that is not a table', 'lambda = 5', ['[lambda] must be a section, got: 5']],
    [
      'a value that is not an ARN',
      '[events]\ntopic_arn = "mine"',
      ['[events] topic_arn must be an ARN, got: "mine"'],
    ],
    [
      'tokens without an issuer',
      `${code}[auth]\nprovider = "jwt"`,
      ['[auth] issuer must be given where provider is "jwt", got: nothing'],
    ],
    [
      'auth that is enabled without a provider',
      `${code}[auth]\nenabled = true`,
      ['[auth] provider must be "iam", "jwt", "cognito" or "custom" where enabled is true, got: nothing'],
    ],
    [
      'a web ACL of an HTTP API',
      `${code}[api_gateway]\ntype = "http"\nweb_acl_arn = "arn:aws:wafv2:x"`,
      ['[api_gateway] web_acl_arn must be left out, or type "rest", got: "arn:aws:wafv2:x"'],
    ],
    [
      'a gateway without a type',
      `${code}[api_gateway]\nthrottling_rate_limit = 5`,
      ['[api_gateway] type must be "http" or "rest", got: nothing'],
    ],
    [
      'a VPC with an empty list of subnets, and settings of a VPC that is off',
      `${code}[vpc]\nvpc_id = "vpc-1"\nenabled = false\nsubnet_ids = []`,
      ['[vpc] enabled must be true where subnet_ids is given, got: false'],
    ],
    [
      'a retention that CloudWatch does not have',
      `${code}[observability]\nlog_retention_days = 31`,
      [expect.stringMatching(/^\[observability\] log_retention_days must be one of 1, 3, 5, .*, got: 31$/)],
    ],
    [
      'a domain without a certificate',
      `${code}[api_gateway]\ntype = "rest"\ndomain_name = "a.example"`,
      ['[api_gateway] certificate_arn must be given where domain_name is, got: nothing'],
    ],
    [
      'CORS without origins',
      `${code}[endpoint]\ncors_credentials = true`,
      ['[endpoint] cors_origins must be given where cors_credentials is, got: nothing'],
    ],
    [
      'a value that the construct refuses',
      `${code}[streams]\nlifetime_seconds = 400`,
      [
        '[streams] lifetime_seconds must be at least 5 seconds below the timeout of 120 seconds, got: 400 seconds; shorten it or raise [lambda] timeout_seconds',
      ],
    ],
  ];

  it('is an error where tasks are off and have settings, or settings that do not go together', () => {
    expect(problems(`${code}[tasks]\nmax_concurrency = 5`)).toEqual([
      '[tasks] enabled must be true where max_concurrency is given, got: nothing',
    ]);
    expect(problems(`${code}[tasks]\nenabled = true\nreserved_concurrent_executions = 5\nbatch_window_seconds = 5`)).toEqual([
      '[tasks] reserved_concurrent_executions must be at least [tasks] max_concurrency, which is 10: messages that Lambda throttles end in the dead-letter queue, got: 5; raise it, or lower that',
      '[tasks] batch_window_seconds needs a [tasks] batch_size above 1: one message is a full batch, got: 5 seconds; set both',
    ]);
  });

  it('has all problems of the construct and of its own keys in one error, in words of the file', () => {
    const text = `${code}
      [lambda]\ntimeout_seconds = 60\nprovisioned_concurrent_executions = 9\nreserved_concurrent_executions = 3
      [lambda.environment]\nMCP_PATH = "/x"
      [api_gateway]\ntype = "http"\nstreaming = true\nstage_name = "a"\nweb_acl_arn = "arn:aws:wafv2:x"
      [auth]\nprovider = "jwt"\nissuer = "http://i.example"\naudience = ["m"]
      [endpoint]\npath = "mcp/"\ncors_origins = ["*", "https://a.example"]
      [streams]\nlifetime_seconds = 58
      [observability]\nlog_retention_days = 31\ntools = ["echo"]`;
    expect(problems(text)).toEqual([
      '[lambda] timeout_seconds must be at most 30 seconds behind an HTTP API, which waits no longer, got: 60 seconds; shorten it or use [api_gateway] type = "rest"',
      '[lambda] provisioned_concurrent_executions must be at most [lambda] reserved_concurrent_executions, which is 3, got: 9; raise that or lower this',
      '[lambda.environment] MCP_PATH is set by the construct, got: MCP_PATH; use [endpoint] path',
      '[api_gateway] streaming cannot be true: an HTTP API buffers responses, got: true; use no [api_gateway] or [api_gateway] type = "rest"',
      '[api_gateway] web_acl_arn must be left out, or type "rest", got: "arn:aws:wafv2:x"',
      "[auth] issuer must be an https URL, got: http://i.example; copy it from the 'issuer' of the issuer's metadata",
      "[endpoint] path must be a path without a slash at its end, got: mcp/; write '/mcp', or '/' for the root",
      "[endpoint] cors_origins must be '*' alone or origins, got: *, https://a.example; remove '*' or the others",
      '[streams] lifetime_seconds must be at least 5 seconds below the timeout of 60 seconds, got: 58 seconds; shorten it or raise [lambda] timeout_seconds',
      expect.stringMatching(/^\[observability\] log_retention_days must be one of /),
      '[observability] tools needs [observability] server_metrics, got: echo; set that as well, or leave this out',
    ]);
  });

  it('has a position for each problem, whether the schema or the construct has it, in the order of the file', () => {
    const text = [
      '[lambda]',
      'memory_sise = 5',
      'timeout_seconds = 60',
      '  [lambda.environment]',
      '  MCP_PATH = "/x"',
      '[api_gateway]',
      'type = "http"',
      'throttling_rate = 0',
      '[iam]',
      'tables = [{ name = "a", actions = ["reed"] }, { nome = "b" }]',
      '[auth]',
      'provider = "custom"',
      '[server]',
      'code = "program"',
    ].join('\n');
    expect(placed(text, { 'streams.lifetime_seconds': '400' })).toEqual([
      'deploy.toml:2:1: [lambda] has no key memory_sise; did you mean memory_size?',
      'deploy.toml:3:1: [lambda] timeout_seconds must be at most 30 seconds behind an HTTP API, which waits no longer, got: 60 seconds; shorten it or use [api_gateway] type = "rest"',
      'deploy.toml:5:3: [lambda.environment] MCP_PATH is set by the construct, got: MCP_PATH; use [endpoint] path',
      'deploy.toml:7:1: [api_gateway] type must be "rest" where provider is "custom", got: "http"',
      'deploy.toml:8:1: [api_gateway] throttling_rate must be a whole number from 1 to 1000000, got: 0',
      'deploy.toml:10:25: [[iam.tables]] actions must be a list of read, write, readwrite, got: ["reed"]',
      'deploy.toml:10:47: [[iam.tables]] needs the key name',
      'deploy.toml:10:47: [[iam.tables]] needs the key actions',
      'deploy.toml:10:49: [[iam.tables]] has no key nome; did you mean name?',
      'deploy.toml:11:1: [auth] authorizer_arn must be given where provider is "custom", got: nothing',
      'context streams.lifetime_seconds: [streams] lifetime_seconds must be at least 5 seconds below the timeout of 60 seconds, got: 400 seconds; shorten it or raise [lambda] timeout_seconds',
    ]);
  });

  it('has a message for names of JavaScript, for numbers beyond its own, and for two names of one key', () => {
    expect(placed('[constructor]\na = 1\n[lambda]\nconstructor = 1\nmemory_size = 99999999999\ntracing = 1979-05-27')).toEqual([
      expect.stringMatching(/^deploy\.toml:1:1: there is no section \[constructor\]; there are target, /),
      expect.stringMatching(/^deploy\.toml:4:1: \[lambda\] has no key constructor; there are memory_size, /),
      'deploy.toml:5:1: [lambda] memory_size must be a whole number from 128 to 10240, got: 99999999999',
      expect.stringMatching(/^deploy\.toml:6:1: \[lambda\] tracing must be "active" or "passthrough" or "disabled", got: "1979-05-27/),
    ]);
    expect(placed('[lambda]\nreserved_concurrency = 5\nreserved_concurrent_executions = 6')).toEqual([
      'deploy.toml:2:1: [lambda] reserved_concurrency is set under both of its names; keep one',
    ]);
  });

  it('has a key for every property that a file sets, and each key exists', () => {
    const stack = new Stack(new App(), 'Test');
    const { config } = readDeployConfig(`${code}[api_gateway]\ntype = "rest"`, 'deploy.toml');
    const props = toProps(stack, config, import.meta.dirname, new Problems());
    const groups = ['streams', 'state', 'mcpEvents', 'ingestOptions', 'monitoring'] as const;
    const names = Object.keys(props).filter(name => !(groups as readonly string[]).includes(name));
    for (const group of groups) names.push(...Object.keys(props[group] ?? {}).map(name => `${group}.${name}`));
    expect(names.filter(name => KEYS[name] === undefined)).toEqual([]);
    for (const key of Object.values(KEYS)) {
      const [, section, name] = /^\[(\w+)\] (\w+)$/.exec(key) ?? [];
      expect(SCHEMA[section as keyof typeof SCHEMA], key).toHaveProperty(name!);
    }
  });

  it('needs a REST API where an authorizer is given', () => {
    expect(problems(`${code}[auth]\nprovider = "custom"`)).toEqual([
      '[auth] authorizer_arn must be given where provider is "custom", got: nothing',
      '[api_gateway] type must be "rest" where provider is "custom", got: nothing',
    ]);
  });

  it.each(cases)('is an error: %s', (_, text, expected) => expect(problems(text)).toEqual(expected));

  it('is an error where the file is not TOML', () =>
    expect(placed('[lambda]\nmemory_size 5')).toEqual([expect.stringMatching(/^deploy\.toml:2:\d+: not TOML: ./)]));

  it('is an error on the command line as well', () => {
    expect(problems(code, { 'lambda.memory_size': 'big' })).toEqual([
      'context lambda.memory_size: [lambda] memory_size must be a whole number from 128 to 10240, got: "big"',
    ]);
    expect(problems(code, { 'lambda.memory': '5' })).toEqual([
      'context lambda.memory: deploy.toml has no such key; did you mean memory_size?',
    ]);
    expect(problems(code, { 'iam.tables': 'x' })).toEqual([
      expect.stringMatching(/^context iam\.tables: this is set in deploy\.toml only; /),
    ]);
  });

  it('has an error class of its own', () => expect(new DeployConfigError('x')).toBeInstanceOf(Error));
});

describe('a valid file', () => {
  const all = `
    [server]\ncode = "program"\nname = "notes"
    [lambda]\nmemory_size = 512\ntimeout_seconds = 200\nephemeral_storage_size = 1024\narchitecture = "x86_64"\nreserved_concurrent_executions = 50
    provisioned_concurrent_executions = 2\nmax_provisioned_concurrent_executions = 9\ntracing = "passthrough"
secrets = ["API_TOKEN"]
    [lambda.environment]\nRUST_LOG = "debug"
    [vpc]\nvpc_id = "vpc-1"\nsubnet_ids = ["subnet-1", "subnet-2"]\nsecurity_group_ids = ["sg-1"]
    [observability]\nalarms = false\ndashboard = false\nsaved_queries = false\nlog_retention_days = 7\napplication_log_level = "WARN"\nsystem_log_level = "DEBUG"\nlambda_insights = true
    [endpoint]\npath = "/v1"\nallowed_hosts = ["a.example"]\npublic_url = "https://a.example"\ncors_origins = ["https://b.example"]\ncors_credentials = true\ncors_max_age_seconds = 60
    [events]\ntopic_arn = "arn:aws:sns:eu-central-1:111122223333:t"\nttl_minutes = 5\nfanout_replicas = 2\ningest_timeout_seconds = 9\ningest_reserved_concurrent_executions = 3
    [streams]\nenabled = false\nlifetime_seconds = 100\nper_principal = 2
    [state]\nremoval = "destroy"\npoint_in_time_recovery = false\ndeletion_protection = true\nmax_read_request_units = 11\nmax_write_request_units = 12\nsessions = "required"\nsession_ttl_minutes = 60
    [api_gateway]\ntype = "rest"\nstage_name = "v1"\nthrottling_rate_limit = 3\nthrottling_burst_limit = 4\nstreaming = true\naccess_log = true
    web_acl_arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/b"\ndomain_name = "a.example"\ncertificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/c"
    hosted_zone_id = "Z1"\nhosted_zone_name = "example"
    [auth]\nprovider = "jwt"\nissuer = "https://i.example"\naudience = ["m"]\nscopes = ["s"]
  `;

  it('sets every property', () => {
    const synthesised = template(all);
    expect(one(synthesised, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({
      MemorySize: 512,
      Timeout: 200,
      EphemeralStorage: { Size: 1024 },
      Architectures: ['x86_64'],
      ReservedConcurrentExecutions: 50,
      TracingConfig: { Mode: 'PassThrough' },
      VpcConfig: { SubnetIds: ['subnet-1', 'subnet-2'], SecurityGroupIds: ['sg-1'] },
      LoggingConfig: { ApplicationLogLevel: 'WARN', SystemLogLevel: 'DEBUG' },
      Layers: [expect.anything()],
    });
    expect(environmentOf(synthesised)).toMatchObject({
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
      MCP_SESSIONS: 'required',
      SESSION_TTL_MINUTES: '60',
      MCP_JWT_ISSUER: 'https://i.example',
      MCP_JWT_AUDIENCE: 'm',
      MCP_JWT_SCOPES: 's',
    });
    expect(one(synthesised, 'AWS::Lambda::Function', 'McpIngest').Properties).toMatchObject({
      Timeout: 9,
      ReservedConcurrentExecutions: 3,
    });
    synthesised.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 9,
    });
    synthesised.hasResourceProperties('AWS::ApiGateway::Stage', {
      StageName: 'v1',
      MethodSettings: [Match.objectLike({ ThrottlingRateLimit: 3, ThrottlingBurstLimit: 4 })],
    });
    synthesised.hasResourceProperties('AWS::WAFv2::WebACLAssociation', {
      WebACLArn: 'arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/b',
    });
    synthesised.resourceCountIs('AWS::Route53::RecordSet', 2);
    synthesised.resourceCountIs('AWS::CloudWatch::Alarm', 0);
    synthesised.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
    synthesised.resourceCountIs('AWS::Logs::QueryDefinition', 0);
    expect(one(synthesised, 'AWS::DynamoDB::GlobalTable', 'McpStateTable')).toMatchObject({ DeletionPolicy: 'Delete' });
    // Those of three functions, and the access log. Their ids are those without a retention.
    synthesised.resourceCountIs('AWS::Logs::LogGroup', 4);
    synthesised.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
    synthesised.hasResourceProperties('AWS::Lambda::Function', {
      LoggingConfig: { LogGroup: { Ref: Match.stringLikeRegexp('^McpServerLogGroup') } },
    });
  });

  it('is overridden by the command line, whose values are text', () => {
    const synthesised = template(`${code}[lambda]\nmemory_size = 512\n[lambda.environment]\nAA = "1"`, {
      'lambda.memory_size': '1024',
      'lambda.environment.BB': '2',
      'streams.enabled': 'false',
      'endpoint.allowed_hosts': 'a.example, b.example',
      'aws:cdk:unrelated': 'x',
      config: 'other.toml',
    });
    expect(one(synthesised, 'AWS::Lambda::Function', 'McpServer').Properties.MemorySize).toBe(1024);
    expect(environmentOf(synthesised)).toMatchObject({
      AA: '1',
      BB: '2',
      MCP_STREAMS: 'off',
      MCP_ALLOWED_HOSTS: 'a.example,b.example',
    });
  });

  it('creates the parts of monitoring that are off by default', () => {
    const synthesised = template(
      `${code}[observability]\nanomaly_detection = true\naccount_concurrency = 1000\nserver_metrics = true\ntools = ["echo"]\napplication_signals = true`,
    );
    const ids = Object.keys(synthesised.findResources('AWS::CloudWatch::Alarm')).join();
    for (const id of ['EndpointRequestsAnomaly', 'AccountConcurrency', 'ToolErrorRateecho', 'EventLag']) {
      expect(ids).toContain(id);
    }
    synthesised.resourceCountIs('AWS::ApplicationSignals::ServiceLevelObjective', 1);
  });

  it('has a level of monitoring; `alarms = true` alone means all of them, as in other tools', () => {
    const count = (lines: string) => {
      const synthesised = template(`${code}[observability]\n${lines}`);
      return ['Alarm', 'CompositeAlarm', 'Dashboard'].map(
        it => Object.keys(synthesised.findResources(`AWS::CloudWatch::${it}`)).length,
      );
    };
    expect(count('level = "none"')).toEqual([0, 0, 0]);
    expect(count('level = "basic"')).toEqual([5, 0, 0]);
    expect(count('level = "basic"\nalarms = true')).toEqual([5, 0, 0]);
    expect(count('level = "full"\ndashboard = false')).toEqual([17, 1, 0]);
    expect(count('alarms = true')).toEqual([17, 1, 1]);
  });

  it('subscribes an address to alarms', () => {
    const synthesised = template(`${code}[observability]\nalarm_email = "ops@example.com"`);
    synthesised.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'ops@example.com' });
  });

  it('can be without events, and takes a state table up again', () => {
    const synthesised = template(`${code}[events]\nenabled = false\n[state]\nstate_table = "mine"`);
    synthesised.resourceCountIs('AWS::SQS::Queue', 0);
    expect(environmentOf(synthesised)).toMatchObject({ MCP_EVENTS: 'off', SESSION_TABLE_NAME: 'mine' });
    expect(problems(`${code}[events]\nenabled = false\nttl_minutes = 5`)).toEqual([
      "[events] ttl_minutes needs events, and [events] enabled is false, got: 300 seconds; leave one of them out",
    ]);
  });

  it('sets every property of tasks, and has outputs of them', () => {
    const synthesised = template(
      `${code}[tasks]\nenabled = true\nmemory_size = 512\ntimeout_seconds = 300\nreserved_concurrent_executions = 40
      max_concurrency = 30\nbatch_size = 2\nbatch_window_seconds = 3\nmax_receive_count = 4\nttl_seconds = 7200
      per_principal = 5\nlease_seconds = 20\nattempts = 3\nupdate_event_bus = "default"`,
    );
    expect(one(synthesised, 'AWS::Lambda::Function', 'McpWorker').Properties).toMatchObject({
      MemorySize: 512,
      Timeout: 300,
      ReservedConcurrentExecutions: 40,
    });
    expect(one(synthesised, 'AWS::Lambda::EventSourceMapping').Properties).toMatchObject({
      BatchSize: 2,
      MaximumBatchingWindowInSeconds: 3,
      ScalingConfig: { MaximumConcurrency: 30 },
    });
    expect(one(synthesised, 'AWS::SQS::Queue', 'McpTaskQueue').Properties.RedrivePolicy.maxReceiveCount).toBe(4);
    expect(environmentOf(synthesised)).toMatchObject({
      MCP_TASK_TTL_SECONDS: '7200',
      MCP_TASKS_PER_PRINCIPAL: '5',
      MCP_TASK_LEASE_SECONDS: '20',
      MCP_TASK_ATTEMPTS: '3',
    });
    synthesised.hasResourceProperties('AWS::Events::Rule', { EventBusName: 'default' });
  });

  it('is without authentication only if it is disabled', () => {
    template(`${code}[auth]\nenabled = false`).hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE' });
    template(code).hasResourceProperties('AWS::Lambda::Url', { AuthType: 'AWS_IAM' });
  });
});
