// deploy.toml files of cargo-pmcp: the documented one is read as it is, and those that its program writes are converted.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { convertCargoPmcp } from '../../infra/bin/deploy-toml/cargo-pmcp.ts';
import { jsonSchema } from '../../infra/bin/deploy-toml/json-schema.ts';
import { readDeployConfig } from '../../infra/bin/deploy-toml/read.ts';
import { createServer } from '../../infra/bin/deploy-toml/server.ts';
import { environmentOf, one, root, statementsOf } from './synth.ts';

const file = (name: string) => readFileSync(join(import.meta.dirname, 'cargo-pmcp', name), 'utf8');
const documented = file('documented.toml');
const written = file('written.toml');

/** Without an account: the CDK uses a dummy VPC until the look-up has a result. */
function synth(text: string): Template {
  const context = { 'server.code': 'program' };
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Test', {
    env: { account: '111122223333', region: 'us-east-1' },
  });
  createServer(stack, readDeployConfig(text, 'deploy.toml', context), import.meta.dirname);
  return Template.fromStack(stack);
}

describe('the documented file', () => {
  it('deploys word for word', () => {
    const template = synth(documented);
    const { id, Properties } = one(template, 'AWS::Lambda::Function', 'McpServer');
    expect(id).toMatch(/^McpServer/);
    expect(Properties).toMatchObject({
      MemorySize: 256,
      Timeout: 30,
      Architectures: ['arm64'],
      ReservedConcurrentExecutions: 100,
      TracingConfig: { Mode: 'Active' },
      VpcConfig: { SubnetIds: ['p-12345', 'p-67890'] },
    });
    expect(environmentOf(template)).toMatchObject({ RUST_LOG: 'info' });
    template.hasResourceProperties('AWS::Lambda::Alias', {
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 5 },
    });
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: 'prod',
      DefaultRouteSettings: { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 },
    });
    template.resourceCountIs('AWS::Cognito::UserPool', 1);
  });

  it('is converted to the same keys under our names, without a loss', () => {
    const { text, dropped } = convertCargoPmcp(documented, '.pmcp/deploy.toml');
    expect(dropped).toEqual([]);
    expect(readDeployConfig(text, 'deploy.toml').config).toEqual(readDeployConfig(documented, 'deploy.toml').config);
    expect(text).toContain('reserved_concurrent_executions = 100');
  });
});

describe('a file that the program writes', () => {
  const { text, dropped } = convertCargoPmcp(written, '.pmcp/deploy.toml');

  it('is converted to a file without a problem, with what it said of the server', () => {
    expect(text.split('\n')[0]).toBe('#:schema ./node_modules/mcp-lambda-server/deploy.schema.json');
    const { config, problems } = readDeployConfig(text, 'deploy.toml');
    expect(problems.lines).toEqual([]);
    expect(config).toMatchObject({
      target: { target_type: 'aws-lambda' },
      server: {
        name: 'orders',
        binary_name: 'orders-lambda',
        cargo_lambda_flags: ['--features', 'lambda,remote', '--no-default-features'],
      },
      lambda: {
        memory_size: 512,
        timeout_seconds: 30,
        ephemeral_storage_size: 1024,
        reserved_concurrent_executions: 20,
        environment: { RUST_LOG: 'debug' },
        secrets: ['API_TOKEN'],
        tracing: 'active',
      },
      api_gateway: { type: 'http', throttling_rate_limit: 50, throttling_burst_limit: 100 },
      auth: {
        enabled: true,
        provider: 'jwt',
        issuer: 'https://issuer.example.com',
        audience: ['orders-client'],
        scopes: ['mcp/read'],
      },
      observability: { alarms: true, dashboard: true, log_retention_days: 30 },
      endpoint: { path: '/orders' },
      check: { enabled: true, timeout_seconds: 60 },
    });
  });

  it('names what it drops, and why', () => {
    expect(dropped.map(({ key }) => key)).toEqual([
      '[target] version',
      '[aws] account_id',
      '[secrets] API_TOKEN',
      '[auth.oidc] provider_type',
      '[auth] dcr',
      '[composition]',
      '[post_deploy_tests] checks',
      '[metadata]',
      '[widgets]',
    ]);
    expect(dropped.every(({ reason }) => reason.length > 10)).toBe(true);
    expect(convertCargoPmcp('[target]\ntype = "google-cloud-run"\n[gcp]\nproject = "p"\n[toString]\na = 1', 'f').dropped).toEqual([
      { key: '[target] type', reason: '"google-cloud-run" is another target: this file deploys to AWS Lambda only' },
      { key: '[gcp]', reason: 'this file deploys to AWS Lambda only' },
      { key: '[toString] a', reason: 'this file has no such key' },
    ]);
  });

  it('deploys', () => {
    const template = synth(text.replace('binary_name = "orders-lambda"', '').replace(/cargo_lambda_flags = .*/, ''));
    expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties).toMatchObject({ MemorySize: 512, Timeout: 30 });
    expect(JSON.stringify(statementsOf(template))).toContain('table/orders/index/*');
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', { StageName: '$default' });
  });

  it('keeps a server without authentication as it was', () => {
    const config = (auth: string) => readDeployConfig(convertCargoPmcp(`[auth]\n${auth}`, 'f').text, 'f').config.auth;
    expect(config('enabled = false')).toEqual({ enabled: false });
    expect(config('provider = "none"')).toEqual({ enabled: false });
    expect(config('enabled = true\nprovider = "cognito"\ncognito = { domain = "d", mfa = "optional" }')).toEqual({
      enabled: true,
      provider: 'cognito',
      domain_prefix: 'd',
    });
  });
});

describe('the JSON Schema', () => {
  const example = readFileSync(join(root, 'deploy.example.toml'), 'utf8');
  const schema = JSON.parse(readFileSync(join(root, 'infra', 'deploy.schema.json'), 'utf8'));
  const validate = new Ajv({ strict: false }).compile(schema);

  it('is that of the keys: node --import tsx infra/bin/deploy-schema.ts', () => expect(jsonSchema(example)).toEqual(schema));

  it('accepts the example and the documented file', () => {
    for (const text of [example, documented]) expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
  });

  it('refuses what the app refuses', () => {
    for (const text of ['[lamda]\na = 1', '[lambda]\nmemory_size = 1', '[[iam.tables]]\nname = "a"', '[vpc]\nenabled = "yes"']) {
      expect(validate(parse(text)), text).toBe(false);
    }
  });

  it('describes keys, and is named in the example', () => {
    expect(schema.properties.lambda.properties.memory_size.description).toBe('128 to 10240');
    expect(example.split('\n')[0]).toBe('#:schema ./infra/deploy.schema.json');
  });
});
