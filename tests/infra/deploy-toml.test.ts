// deploy.toml: valid files, and the effect of every key.
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readDeployConfig } from '../../infra/bin/deploy-toml/read.ts';
import { SCHEMA, type Kinds } from '../../infra/bin/deploy-toml/schema.ts';
import { example, code, problems, template } from './deploy-toml.ts';
import { environmentOf, one } from './synth.ts';

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

  it('sets every property of large results, to a new bucket or an existing one', () => {
    const created = template(
      `${code}[large_results]\nenabled = true\nprefix = "parts/"\nmax_bytes = 1000000\nlink_seconds = 600\nexpiration_days = 3`,
    );
    expect(one(created, 'AWS::S3::Bucket').Properties.LifecycleConfiguration.Rules).toMatchObject([{ ExpirationInDays: 3, Prefix: 'parts/' }]);
    const settings = { MCP_LARGE_RESULTS_BYTES: '1000000', MCP_LARGE_RESULTS_LINK_SECONDS: '600', MCP_LARGE_RESULTS_PREFIX: 'parts/' };
    expect(environmentOf(created)).toMatchObject(settings);
    const named = template(`${code}[large_results]\nenabled = true\nbucket = "reports"`);
    named.resourceCountIs('AWS::S3::Bucket', 0);
    expect(environmentOf(named)).toMatchObject({ MCP_LARGE_RESULTS_BUCKET: 'reports', MCP_LARGE_RESULTS_PREFIX: 'mcp-results/' });
    const off = template(`${code}[large_results]\nenabled = false`);
    expect(off.toJSON()).toEqual(template(code).toJSON());
  });

  it('is without authentication only if it is disabled', () => {
    template(`${code}[auth]\nenabled = false`).hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE' });
    template(code).hasResourceProperties('AWS::Lambda::Url', { AuthType: 'AWS_IAM' });
  });
});
