// The template for those who deploy without the CDK. tests/scripts/cloudformation.bats deploys it to an emulator.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, it } from 'vitest';
import { LARGEST_BODY, templateOf } from '../../infra/bin/cloudformation.ts';
import { readDeployConfig } from '../../infra/bin/deploy-toml/read.ts';
import { failureOf, one, root, synth } from './synth.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-template-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = (file = '') => templateOf(readDeployConfig(file, 'deploy.toml'));
const template = (file = '') => Template.fromJSON(JSON.parse(text(file)));

const files: [string, string][] = [
  ['no file', ''],
  ['tasks', '[tasks]\nenabled = true'],
  ['a REST API with tokens', '[api_gateway]\ntype = "rest"\n[auth]\nprovider = "jwt"\nissuer = "https://i.example"\naudience = ["m"]'],
  ['an HTTP API with Cognito', '[api_gateway]\ntype = "http"\n[auth]\nprovider = "cognito"'],
  ['all of the monitoring', '[observability]\nlevel = "full"\nserver_metrics = true'],
];

describe('the template', () => {
  const path = (name: string) => join(folder, `${name.replaceAll(' ', '-')}.json`);

  it.each(files)('of %s needs no asset and no bootstrap, and is small enough to be sent', (name, file) => {
    const made = text(file);
    expect(made.length).toBeLessThan(LARGEST_BODY);
    expect(made).not.toMatch(/cdk-hnb|BootstrapVersion|aws:asset/);
    writeFileSync(path(name), made);
  });

  it('of each of them has nothing that cfn-lint finds', () => {
    const paths = files.map(([name]) => path(name));
    const lint = spawnSync(join(root, '.venv', 'bin', 'cfn-lint'), ['--template', ...paths], { encoding: 'utf8' });
    expect(lint.stdout + lint.stderr).toBe('');
    expect(lint.status).toBe(0);
  });

  it('has the program, memory and architecture as parameters, of every function that runs the program', () => {
    const made = template('[lambda]\nmemory_size = 512\narchitecture = "x86_64"\n[tasks]\nenabled = true');
    const { Parameters } = made.toJSON();
    expect(Object.keys(Parameters)).toEqual(['CodeS3Bucket', 'CodeS3Key', 'MemorySize', 'Architecture']);
    expect(Parameters).toMatchObject({ MemorySize: { Default: 512 }, Architecture: { Default: 'x86_64' } });
    made.allResourcesProperties('AWS::Lambda::Function', {
      Code: { S3Bucket: { Ref: 'CodeS3Bucket' }, S3Key: { Ref: 'CodeS3Key' } },
      Architectures: [{ Ref: 'Architecture' }],
    });
    expect(one(made, 'AWS::Lambda::Function', 'McpServer').Properties.MemorySize).toEqual({ Ref: 'MemorySize' });
    expect(Object.keys(made.toJSON().Outputs)).toEqual(expect.arrayContaining(['McpEndpoint', 'FunctionName', 'StateTableName']));
  });

  it('serves a new program as soon as it is deployed: another key makes no other version', () => {
    const made = template();
    made.resourceCountIs('AWS::Lambda::Version', 0);
    made.allResourcesProperties('AWS::Lambda::Alias', { FunctionVersion: '$LATEST', Name: 'live' });
  });

  it('has the logical ids of the construct', () => {
    const ids = (it: Template, type: string) => Object.keys(it.findResources(type));
    for (const type of ['AWS::DynamoDB::GlobalTable', 'AWS::SecretsManager::Secret', 'AWS::Lambda::Function', 'AWS::SNS::Topic']) {
      expect(ids(template(), type)).toEqual(ids(synth().template, type));
    }
  });

  it('is refused with what needs versions, and with a program', () => {
    const file = '[server]\ncode = "x"\n[lambda]\nprovisioned_concurrency = 2\n[deployment]\ntype = "all-at-once"\n[check]\nenabled = true';
    expect(failureOf(() => text(file)).split('\n')).toEqual([
      'deploy.toml:2:1: [server] code must be left out of a template: its parameters name the program, got: "x"',
      'deploy.toml:4:1: [lambda] provisioned_concurrency must be left out of a template: it needs versions of the functions, which the CDK makes, got: 2',
      'deploy.toml:6:1: [deployment] type must be left out of a template: it needs versions of the functions, which the CDK makes, got: "all-at-once"',
      'deploy.toml:8:1: [check] enabled must be left out of a template: it needs versions of the functions, which the CDK makes, got: true',
    ]);
  });
});

describe('scripts/cloudformation-template', () => {
  const run = (...args: string[]) => spawnSync(join(root, 'scripts', 'cloudformation-template'), args, { cwd: folder, encoding: 'utf8' });

  it('reads the deploy.toml of the folder, or the one that is named', () => {
    writeFileSync(join(folder, 'deploy.toml'), '[lambda]\nmemory_size = 1024');
    const { stdout, stderr, status } = run();
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).Parameters.MemorySize.Default).toBe(1024);
    writeFileSync(join(folder, 'other.toml'), '[lambda]\nmemory_sise = 1024');
    expect(run('--config', 'other.toml')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: 'other.toml:2:1: [lambda] has no key memory_sise; did you mean memory_size?\n',
    });
  });
});

describe('the Terraform module', () => {
  const file = (name: string) => readFileSync(join(root, 'infra', 'terraform', name), 'utf8');

  it('sets the parameters of the template, and takes outputs that it has', () => {
    const { Parameters, Outputs } = template().toJSON();
    const [, parameters = ''] = /parameters = \{\n([^}]*)\n {2}\}/.exec(file('main.tf')) ?? [];
    expect([...parameters.matchAll(/^ +(\w+) +=/gm)].map(([, name]) => name)).toEqual(Object.keys(Parameters));
    const outputs = [...file('outputs.tf').matchAll(/outputs\["(\w+)"\]/g)].map(([, name]) => name!);
    expect(outputs.length).toBeGreaterThan(2);
    for (const name of outputs) expect(Object.keys(Outputs)).toContain(name);
  });

  it('declares each variable that it uses, and uses each that it declares', () => {
    const declared = [...file('variables.tf').matchAll(/^variable "(\w+)"/gm)].map(([, name]) => name);
    const used = [...file('main.tf').matchAll(/var\.(\w+)/g)].map(([, name]) => name);
    expect([...new Set(used)].sort()).toEqual(declared.sort());
  });
});
