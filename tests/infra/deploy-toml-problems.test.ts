// deploy.toml: error messages for invalid files.
import { App, Stack } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { KEYS } from '../../infra/bin/deploy-toml/keys.ts';
import { Problems } from '../../infra/bin/deploy-toml/problems.ts';
import { toProps } from '../../infra/bin/deploy-toml/props.ts';
import { readDeployConfig } from '../../infra/bin/deploy-toml/read.ts';
import { SCHEMA } from '../../infra/bin/deploy-toml/schema.ts';
import { DeployConfigError } from '../../infra/bin/deploy-toml/source.ts';
import { code, placed, problems } from './deploy-toml.ts';

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
      ['[auth] provider must be "iam", "jwt", "cognito", "oidc", "github" or "custom" where enabled is true, got: nothing'],
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

  it('is an error where large results are off and have settings, or settings that do not go together', () => {
    expect(placed(`${code}[large_results]\nlink_seconds = 60`)).toEqual([
      'deploy.toml:3:1: [large_results] enabled must be true where link_seconds is given, got: nothing',
    ]);
    expect(placed(`${code}[large_results]\nenabled = true\nmax_bytes = 10\nlink_seconds = 1000000\nprefix = "/a"`)).toEqual([
      'deploy.toml:5:1: [large_results] max_bytes must be a whole number from 16384 to 209715200, got: 10',
      'deploy.toml:6:1: [large_results] link_seconds must be a whole number from 60 to 604800, got: 1000000',
      "deploy.toml:7:1: [large_results] prefix must be names of letters, digits, ., _ and - with a slash after each, got: /a; write 'mcp-results/'",
    ]);
    expect(placed(`${code}[large_results]\nenabled = true\nbucket = "reports"\nexpiration_days = 2`)).toEqual([
      'deploy.toml:6:1: [large_results] expiration_days does not apply to [large_results] bucket, got: 2 days; set it where the bucket is defined',
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
    const { config } = readDeployConfig(`${code}[api_gateway]\ntype = "rest"\n[tools]\nregions = ["eu-central-1"]`, 'deploy.toml');
    const props = toProps(stack, config, import.meta.dirname, new Problems());
    const groups = ['streams', 'state', 'mcpEvents', 'ingestOptions', 'monitoring', 'toolResources'] as const;
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
