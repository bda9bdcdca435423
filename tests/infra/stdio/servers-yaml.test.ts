// A servers.yaml as properties of stdio servers, and what is wrong with one. Nothing is bundled here.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addServersStack } from '../../../infra/bin/servers-yaml/stack.ts';
import { failureOf, one, root, type Resource } from '../synth.ts';

const BINARY = join(root, 'tests', 'infra', 'program', 'bootstrap');
const EVERYTHING = '@modelcontextprotocol/server-everything@2026.8.31';

let folder: string;
let before: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-servers-'));
  mkdirSync(join(folder, 'own'));
  writeFileSync(join(folder, 'own', 'server'), '');
  before = process.cwd();
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

function stackOf(text: string): Stack {
  writeFileSync(join(folder, 'servers.yaml'), text);
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  return addServersStack(app, 'servers.yaml');
}

const synth = (text: string) => Template.fromStack(stackOf(`binary: ${BINARY}\n${text}`));
const functionOf = (template: Template, name: string) =>
  one(template, 'AWS::Lambda::Function', `${name}McpServer`).Properties;
/** The message for a file without `binary`, so that lines are those of the text. */
const failure = (text: string) => failureOf(() => stackOf(`${text}\nbinary: ${BINARY}\n`));

const S4 = `
servers:
  everything:
    name: Everything
    description: The reference of the protocol
    command: npx
    args: ["-y", "${EVERYTHING}", "stdio"]
    env:
      LOG_LEVEL: debug
    timeout: 90
    memory: 2048
    reserved_concurrency: 5
    dead_letter_queue: true
    vpc_config:
      subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
      security_group_ids: [sg-0123456789abcdef0]
  time:
    command: uvx
    args: ["mcp-server-time==2026.10.19", "--local-timezone", "UTC"]
`;

describe('the published schema', () => {
  let template: Template;
  beforeAll(() => {
    template = synth(S4);
  });

  it('makes one function per server, with its settings', () => {
    expect(functionOf(template, 'everything')).toMatchObject({
      Runtime: 'nodejs24.x',
      Timeout: 90,
      MemorySize: 2048,
      ReservedConcurrentExecutions: 5,
      Description: 'The reference of the protocol',
      Environment: { Variables: { LOG_LEVEL: 'debug' } },
      VpcConfig: { SubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'], SecurityGroupIds: ['sg-0123456789abcdef0'] },
    });
    expect(functionOf(template, 'time')).toMatchObject({
      Runtime: 'python3.13',
      Timeout: 60,
      MemorySize: 1024,
      Description: 'MCP server time',
    });
    expect(functionOf(template, 'time')).not.toHaveProperty('VpcConfig');
  });

  it('makes a Function URL for each, and outputs by the names of the servers', () => {
    template.resourceCountIs('AWS::Lambda::Url', 2);
    template.resourceCountIs('AWS::ApiGateway::RestApi', 0);
    expect(Object.keys(template.findOutputs('*'))).toEqual([
      'EverythingEndpoint',
      'EverythingFunctionName',
      'TimeEndpoint',
      'TimeFunctionName',
    ]);
  });
});

it('large_results makes a bucket for each function', () => {
  const template = synth(`large_results: {enabled: true}\n${S4}`);
  template.resourceCountIs('AWS::S3::Bucket', 2);
  for (const name of ['everything', 'time']) {
    const { id } = one(template, 'AWS::S3::Bucket', `${name}McpLargeResults`);
    expect(functionOf(template, name).Environment.Variables).toMatchObject({ MCP_LARGE_RESULTS_BUCKET: { Ref: id } });
  }
});

describe('one REST API', () => {
  const text = `
name: tools
description: Tools of the team
api_gateway: {type: rest, throttling_rate_limit: 7}
lambda: {architecture: x86_64, timeout_seconds: 45}
observability: {alarms: false}
servers:
  first: {npm: "${EVERYTHING}"}
  second: {pypi: "mcp-server-time==2026.10.19", child_per: principal, timeout: 20}
`;

  it('has a path for each server, and calls with signed requests', () => {
    const stack = stackOf(`binary: ${BINARY}\n${text}`);
    expect([stack.stackName, stack.templateOptions.description]).toEqual(['tools', 'Tools of the team']);
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::ApiGateway::RestApi', 1);
    template.resourceCountIs('AWS::Lambda::Url', 0);
    const resources = template.findResources('AWS::ApiGateway::Resource') as Record<string, Resource>;
    const parent = (name: string) => Object.entries(resources).find(([, it]) => it.Properties.PathPart === name)![0];
    for (const name of ['first', 'second']) {
      const mcp = Object.values(resources).filter(
        ({ Properties }) => Properties.PathPart === 'mcp' && Properties.ParentId.Ref === parent(name),
      );
      expect(mcp).toHaveLength(1);
      expect(functionOf(template, name).Environment.Variables).toMatchObject({ MCP_PATH: `/${name}/mcp` });
    }
    template.resourcePropertiesCountIs('AWS::ApiGateway::Method', { AuthorizationType: 'AWS_IAM' }, 6);
    template.hasResourceProperties('AWS::ApiGateway::Stage', {
      MethodSettings: Match.arrayWith([Match.objectLike({ ThrottlingRateLimit: 7 })]),
    });
    expect(functionOf(template, 'first')).toMatchObject({ Timeout: 45, Architectures: ['x86_64'] });
    expect(functionOf(template, 'second')).toMatchObject({
      Timeout: 20,
      Environment: { Variables: { MCP_STDIO_CHILD_PER: 'principal' } },
    });
    const endpoint = Object.values(template.findOutputs('SecondEndpoint'))[0]!['Value'];
    expect(JSON.stringify(endpoint)).toContain('/prod/second/mcp');
  });

  it('has the metadata of each server at its own path, and one challenge for all', () => {
    const auth = 'auth: {provider: jwt, issuer: "https://issuer.example.com", audience: [mcp]}\n';
    const template = synth(auth + text);
    const resources = Object.values(template.findResources('AWS::ApiGateway::Resource')) as Resource[];
    const named = (name: string) => resources.filter(({ Properties }) => Properties.PathPart === name);
    expect(named('oauth-protected-resource')).toHaveLength(1);
    // One for the server, and one below the document.
    expect(named('first')).toHaveLength(2);
    template.resourcePropertiesCountIs('AWS::ApiGateway::Method', { AuthorizationType: 'NONE' }, 2);
    template.resourceCountIs('AWS::ApiGateway::Authorizer', 2);
    template.hasResourceProperties('AWS::ApiGateway::GatewayResponse', {
      ResponseType: 'UNAUTHORIZED',
      ResponseParameters: { 'gatewayresponse.header.WWW-Authenticate': "'Bearer'" },
    });
    template.hasResourceProperties('AWS::ApiGateway::GatewayResponse', {
      ResponseType: 'ACCESS_DENIED',
      ResponseParameters: { 'gatewayresponse.header.WWW-Authenticate': `'Bearer error="insufficient_scope"'` },
    });
  });
});

it('has an example, which is valid', () => {
  const text = readFileSync(join(root, 'servers.example.yaml'), 'utf8');
  const template = synth(text);
  expect(functionOf(template, 'everything')).toMatchObject({ Runtime: 'nodejs24.x', Timeout: 60, MemorySize: 1024 });
  expect(functionOf(template, 'time').Runtime).toBe('python3.13');
  template.resourceCountIs('AWS::ApiGateway::RestApi', 1);
  // Every key that is commented out is known.
  const all = text.replaceAll(/^( *)# (?=[a-z_]+:)/gm, '$1');
  expect(failureOf(() => stackOf(all))).not.toContain('there is no such key');
});

describe('a composition', () => {
  it('is one function with several servers', () => {
    const template = synth(`
servers:
  everything: {npm: "${EVERYTHING}", env: {LEVEL: info}}
  memory: {command: npx, args: [--package=@modelcontextprotocol/server-memory@2026.8.31, mcp-server-memory]}
  time: {pypi: mcp-server-time@2026.10.19}
compose:
  tools: {servers: [everything, memory], timeout: 30, memory: 512, child_per: session}
`);
    expect(Object.keys(template.findOutputs('*'))).toEqual([
      'TimeEndpoint',
      'TimeFunctionName',
      'ToolsEndpoint',
      'ToolsFunctionName',
    ]);
    expect(functionOf(template, 'tools')).toMatchObject({
      Timeout: 30,
      MemorySize: 512,
      Environment: { Variables: { LEVEL: 'info', MCP_STDIO_CHILD_PER: 'session' } },
    });
  });
});

it('makes an AgentCore Gateway with a target for each server', () => {
  const template = synth(`${S4}\nagentcore: {enabled: true, gateway_name: tools}\n`);
  template.hasResourceProperties('AWS::BedrockAgentCore::Gateway', { Name: 'tools' });
  const targets = Object.values(template.findResources('AWS::BedrockAgentCore::GatewayTarget'));
  expect(targets.map(it => it['Properties'].Name)).toEqual(['everything', 'time']);
  expect(Object.keys(template.findOutputs('GatewayUrl'))).toHaveLength(1);
});

it('makes a template that cfn-lint accepts, of every kind of resource', () => {
  const template = synth(`${S4}
api_gateway: {type: rest}
agentcore: {enabled: true}
`);
  const file = join(folder, 'template.json');
  writeFileSync(file, JSON.stringify(template.toJSON()));
  // W3005: the CDK writes dependencies that references already imply.
  const { stdout, stderr, status } = spawnSync(join(root, '.venv', 'bin', 'cfn-lint'), ['--ignore-checks', 'W3005', '--template', file], {
    encoding: 'utf8',
  });
  expect(stdout + stderr).toBe('');
  expect(status).toBe(0);
});

it('takes a folder, an image, and secrets by their names', () => {
  const template = synth(`
servers:
  own: {folder: own, command: ./server, args: [serve], secrets: {API_TOKEN: team/token}}
  image: {image: ${join(root, 'tests', 'infra', 'stdio', 'image')}}
`);
  expect(functionOf(template, 'own')).toMatchObject({ Runtime: 'provided.al2023' });
  expect(JSON.stringify(functionOf(template, 'own').Environment.Variables.API_TOKEN)).toContain('secret:team/token');
  expect(functionOf(template, 'image')).toMatchObject({ PackageType: 'Image' });
});

describe('every problem is reported, with its line and column', () => {
  it('of the text', () => {
    expect(failure('servers:\n  a: [')).toMatch(/^servers\.yaml:3:\d+: .+/);
    expect(failure('servers: {}')).toBe('servers.yaml:1:1: servers: must have one server or more');
    expect(failure('servers: [a]')).toContain('servers.yaml:1:1: servers: must be a map of keys, got: ["a"]');
    expect(failure('a: &a {npm: "x@1.0.0"}\nservers:\n  one: *b')).toMatch(/^servers\.yaml.*b/);
  });

  it('of the file that is not there', () => {
    const app = new App({ builtinCloudFormationValidation: false });
    expect(failureOf(() => addServersStack(app, 'other.yaml'))).toBe('context servers: there is no file other.yaml');
  });

  it('of keys and their values, with the key that is meant', () => {
    expect(
      failure(`
name: my servers
endpiont: {path: /x}
lambda:
  memory: 512
servers:
  time:
    command: uvx
    memroy: 512
    timeout: 1000
    env: {A: 1}
  Git_Server: {npm: "a@1.0.0"}
`),
    ).toBe(
      [
        'servers.yaml:2:1: name: must be letters, digits and -, a letter first, got: "my servers"',
        'servers.yaml:3:1: endpiont: there is no such key; did you mean endpoint?',
        'servers.yaml:5:3: lambda.memory: there is no such key; did you mean memory_size?',
        'servers.yaml:9:5: servers.time.memroy: there is no such key; did you mean memory?',
        'servers.yaml:10:5: servers.time.timeout: must be a whole number from 1 to 900, got: 1000',
        'servers.yaml:11:5: servers.time.env: must be a map of texts, got: {"A":1}',
        'servers.yaml:12:3: servers.Git_Server: the name must be 1 to 32 lower-case letters, digits and -, a letter first: it is part of the URL',
      ].join('\n'),
    );
  });

  it('of programs', () => {
    expect(
      failure(`
servers:
  nothing: {}
  both: {npm: a@1.0.0, pypi: b==1.0.0}
  latest:
    command: npx
    args:
      - -y
      - some-server
  option: {command: uvx, args: [--python, "3.12", pkg==1.0.0]}
  range: {npm: "a@^1.0.0"}
  docker: {command: docker, args: [run, image]}
  path: {command: ./server}
  folder: {folder: own}
  file: {folder: own, command: ./other}
`),
    ).toBe(
      [
        'servers.yaml:3:3: servers.nothing: needs a program: command, npm, pypi, folder or image',
        'servers.yaml:4:24: servers.both.pypi: is another way to give the program than npm: keep one of them',
        'servers.yaml:9:9: servers.latest.args[1]: needs an exact version, so that each deployment has the same one: write it as some-server@1.2.3',
        'servers.yaml:10:33: servers.option.args[0]: must name a package, got: --python',
        "servers.yaml:11:11: servers.range.npm: needs an exact version of a, so that each deployment has the same one, got: ^1.0.0; write all of it, such as '1.2.3'",
        'servers.yaml:12:12: servers.docker.command: Lambda has no Docker: give the folder of a Dockerfile as image, with mcp-lambda-stdio as its entry point',
        'servers.yaml:13:10: servers.path.command: is not found on Lambda: give the folder with the program as folder, or a package as npm or pypi, got: ./server',
        'servers.yaml:14:12: servers.folder.folder: needs command, which is started in it',
        `servers.yaml:15:10: servers.file.folder: must be a file of the folder ${join(folder, 'own')}, got: ./other; build it first, or correct its name`,
      ].join('\n'),
    );
  });

  it('of what cannot work together', () => {
    expect(
      failure(`
api_gateway: {type: http}
auth: {provider: jwt}
agentcore: {gateway_name: tools}
servers:
  a: {npm: "a@1.0.0", env: {MCP_PATH: /x}}
  b: {npm: "b@1.0.0", timeout: 7}
  c: {pypi: c==1.0.0, vpc_config: {subnet_ids: [s]}, dead_letter_queue: false}
compose:
  c: {servers: [b, nothing]}
  d: {servers: [b]}
  e: {}
`),
    ).toBe(
      [
        'servers.yaml:2:15: api_gateway.type: must be rest: an HTTP API buffers, and is for one server',
        'servers.yaml:3:1: auth.issuer: must be given where provider is "jwt", got: nothing',
        'servers.yaml:4:1: agentcore.enabled: must be true where gateway_name is given',
        'servers.yaml:6:29: servers.a.env.MCP_PATH: is set by the construct in the function, got: MCP_PATH; rename it',
        'servers.yaml:7:23: servers.b.timeout: belongs to compose.c, whose function runs the server',
        'servers.yaml:7:23: servers.b.timeout: belongs to compose.d, whose function runs the server',
        'servers.yaml:8:23: servers.c.vpc_config: needs security_group_ids, a list of security groups',
        'servers.yaml:8:54: servers.c.dead_letter_queue: must be true or left out: events that fail always go to a queue',
        'servers.yaml:10:3: compose.c: is also the name of a server: rename one of them',
        'servers.yaml:10:20: compose.c.servers[1]: there is no server nothing',
        'servers.yaml:11:17: compose.d.servers[0]: b is already in compose.c',
        'servers.yaml:12:3: compose.e: needs servers, a list of their names',
      ].join('\n'),
    );
  });

  it('of sections, in the words of the file', () => {
    const text = 'endpoint: {path: mcp/}\nlambda: {timeout_seconds: 900}\n';
    expect(failure(`${text}api_gateway: {type: rest, streaming: false}\nservers:\n  a: {npm: "a@1.0.0"}`)).toBe(
      [
        'servers.yaml:2:10: lambda.timeout_seconds: must be at most 29 seconds behind this REST API, which waits no longer, got: 900 seconds; shorten it or leave api_gateway.streaming on',
      ].join('\n'),
    );
    expect(failure(`${text}auth: {enabled: false}\nagentcore: {enabled: true}\nservers:\n  a: {npm: "a@1.0.0"}`)).toBe(
      [
        "servers.yaml:1:12: endpoint.path: must be a path without a slash at its end, got: mcp/; write '/mcp', or '/' for the root",
        'servers.yaml:4:13: agentcore.enabled: needs auth.provider: iam, since the gateway signs its requests',
      ].join('\n'),
    );
  });
});
