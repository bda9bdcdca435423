// The template of a stdio server, and what it refuses. Nothing is bundled here.
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import {
  McpAuth,
  McpChildPer,
  McpEndpoint,
  McpFindings,
  McpLambdaServer,
  McpStdioProgram,
  McpStdioServer,
  type McpStdioServerProps,
} from '../../../infra/lib/index.ts';
import { environmentOf, failureOf, one, root } from '../synth.ts';

const binary = `${root}/tests/infra/program/bootstrap`;
const image = `${root}/tests/infra/stdio/image`;
const npm = McpStdioProgram.npm('@modelcontextprotocol/server-everything', '2026.8.31');
const pypi = McpStdioProgram.pypi('mcp-server-time', '2026.10.19');
const command = McpStdioProgram.command(`${root}/tests/infra/program`, './bootstrap');

type Make = (stack: Stack) => McpStdioServerProps;

function construct(props: McpStdioServerProps | Make) {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test');
  const given = typeof props === 'function' ? props(stack) : props;
  const isImage = given.binary === 'none';
  const { binary: _, ...ofImage } = given;
  const server = new McpStdioServer(stack, 'Mcp', isImage ? ofImage : { binary, ...given });
  return { stack, server };
}

function synth(props: McpStdioServerProps | Make) {
  const made = construct(props);
  return { ...made, template: Template.fromStack(made.stack) };
}

const functionOf = (template: Template, id = 'McpServer') => one(template, 'AWS::Lambda::Function', id).Properties;

describe('the functions', () => {
  it.each([
    ['npm', npm, 'nodejs24.x'],
    ['PyPI', pypi, 'python3.13'],
  ])('run a package of %s on the managed runtime, in place of which the binary starts', (_, program, runtime) => {
    const { template } = synth({ program });
    for (const id of ['McpServer', 'McpIngest']) {
      expect(functionOf(template, id)).toMatchObject({
        Runtime: runtime,
        Architectures: ['arm64'],
        Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: '/var/task/bootstrap' } },
      });
    }
    expect(functionOf(template).MemorySize).toBe(1024);
    expect(functionOf(template, 'McpIngest').MemorySize).toBe(256);
  });

  it('run a program of machine code on the OS-only runtime, without a wrapper', () => {
    const { template } = synth({ program: command, memorySize: 512 });
    expect(functionOf(template)).toMatchObject({ Runtime: 'provided.al2023', Handler: 'bootstrap', MemorySize: 512 });
    expect(environmentOf(template)).not.toHaveProperty('AWS_LAMBDA_EXEC_WRAPPER');
  });

  it('run a package on the OS-only runtime if it is chosen', () => {
    const program = McpStdioProgram.npm('several', '1.0.0', { runtime: lambda.Runtime.PROVIDED_AL2023 });
    const { template } = synth({ program });
    expect(functionOf(template).Runtime).toBe('provided.al2023');
    expect(environmentOf(template)).not.toHaveProperty('AWS_LAMBDA_EXEC_WRAPPER');
  });

  it('run a container image, built for their architecture or of a repository', () => {
    const built = synth({ program: McpStdioProgram.containerImage(image), binary: 'none' });
    expect(functionOf(built.template)).toMatchObject({ PackageType: 'Image', MemorySize: 1024 });
    expect(functionOf(built.template)).not.toHaveProperty('Runtime');
    expect(functionOf(built.template, 'McpIngest').Code).toEqual(functionOf(built.template).Code);
    const pulled = synth(stack => ({
      program: McpStdioProgram.ecrImage(ecr.Repository.fromRepositoryName(stack, 'Images', 'mcp'), { tagOrDigest: '7' }),
      binary: 'none',
    }));
    expect(JSON.stringify(functionOf(pulled.template).Code)).toContain('/mcp:7');
  });

  it('have the same logical ids as those of any server', () => {
    const ids = Object.keys(synth({ program: npm }).template.findResources('AWS::DynamoDB::GlobalTable'));
    expect(ids).toEqual(['McpStateTable8008F8CD', 'McpEventTableAD501C78']);
  });
});

describe('the environment', () => {
  it('has the variables of the programs in the server only, and secrets by reference', () => {
    const { template } = synth(stack => ({
      program: McpStdioProgram.npm('several', '1.0.0', {
        environment: { BUCKET: stack.stackName },
        secretEnvironment: { API_TOKEN: new secretsmanager.Secret(stack, 'Token') },
      }),
      environment: { RUST_LOG: 'debug' },
      childPer: McpChildPer.SESSION,
    }));
    expect(environmentOf(template)).toMatchObject({
      BUCKET: 'Test',
      RUST_LOG: 'debug',
      MCP_STDIO_CHILD_PER: 'session',
      API_TOKEN: { 'Fn::Join': ['', ['{{resolve:secretsmanager:', { Ref: expect.stringMatching(/^Token/) }, ':SecretString:::}}']] },
    });
    const ingest = environmentOf(template, 'McpIngest');
    expect(ingest).toMatchObject({ RUST_LOG: 'debug', MCP_STDIO_CONFIG: 'mcp-stdio-idle.json' });
    expect(environmentOf(template)).not.toHaveProperty('MCP_STDIO_CONFIG');
    for (const name of ['BUCKET', 'API_TOKEN', 'MCP_STDIO_CHILD_PER']) expect(ingest).not.toHaveProperty(name);
  });

  it('makes the authorizer of a REST API start no server either', () => {
    const auth = McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: ['mcp'] });
    const { template } = synth({ program: npm, endpoint: McpEndpoint.restApi(), auth });
    expect(environmentOf(template, 'McpAuthorizer')).toMatchObject({ MCP_STDIO_CONFIG: 'mcp-stdio-idle.json' });
  });

  it('makes the program sign users in as well, in a function that starts no server', () => {
    const { template } = synth({ program: npm, auth: McpAuth.login({ cognito: {} }) });
    const login = environmentOf(template, 'McpLoginFunction');
    expect(login).toMatchObject({ MCP_ROLE: 'login', MCP_STDIO_CONFIG: 'mcp-stdio-idle.json' });
    expect(environmentOf(template)).toMatchObject({ MCP_AUTH: 'jwt', MCP_JWT_ISSUER: login['MCP_LOGIN_ISSUER'] });
  });

  it('is that of an McpLambdaServer otherwise, which it is', () => {
    const { server, template } = synth({ program: pypi });
    expect(McpLambdaServer.isMcpLambdaServer(server)).toBe(true);
    expect(environmentOf(template)).toMatchObject({ MCP_AUTH: 'gateway', MCP_RESPONSE_MODE: 'stream' });
    template.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'AWS_IAM', InvokeMode: 'RESPONSE_STREAM' });
  });
});

describe('cdk-nag', () => {
  it.each([
    ['a package of npm', npm, undefined],
    ['a package of PyPI', pypi, undefined],
    ['a container image', McpStdioProgram.containerImage(image), 'none'],
  ])('finds nothing in %s, once acknowledged', (_, program, given) => {
    const { server } = construct({ program, ...(given && { binary: given }) });
    McpFindings.acknowledge(server);
    for (const pack of [new AwsSolutionsChecks(undefined, {}), new ServerlessChecks(undefined, {})]) {
      expect(pack.validateScope(server).violations.map(it => it.ruleName)).toEqual([]);
    }
  });
});

const secret = (stack: Stack) => secretsmanager.Secret.fromSecretNameV2(stack, 'Given', 'given');

describe('what cannot work is refused', () => {
  const cases: [title: string, props: McpStdioServerProps | Make, message: string][] = [
    [
      'a range of versions on npm',
      { program: McpStdioProgram.npm('several', '^1.0.0') },
      "'program' needs an exact version of several, so that each deployment has the same one, got: ^1.0.0; write all of it, such as '1.2.3'",
    ],
    [
      'a tag on PyPI',
      { program: McpStdioProgram.pypi('mcp-server-time', 'latest') },
      "'program' needs an exact version of mcp-server-time, so that each deployment has the same one, got: latest; write all of it, such as '1.2.3'",
    ],
    [
      'a name that npm cannot have',
      { program: McpStdioProgram.npm('../escape', '1.0.0') },
      "'program' must be the name of an npm package, got: ../escape; write it as in 'npm install'",
    ],
    [
      'a name that PyPI cannot have',
      { program: McpStdioProgram.pypi('a b', '1.0.0') },
      "'program' must be the name of a package on PyPI, got: a b; write it as in 'pip install'",
    ],
    [
      'no server at all',
      { program: McpStdioProgram.compose({}) },
      "'program' must have a server or more, got: none; name the servers to compose",
    ],
    [
      'a name that is no prefix',
      { program: McpStdioProgram.compose({ 'Every thing': npm }) },
      "'program.Every thing' must be 1 to 32 lower-case letters, digits and -, a letter first: it is a prefix of tools, got: Every thing; rename it",
    ],
    [
      'servers that need different runtimes',
      { program: McpStdioProgram.compose({ every: npm, time: pypi, own: command }) },
      "'program' need one runtime, and these need nodejs24.x and python3.13, got: every, time, own; make a server of each, or use McpStdioProgram.containerImage() with both interpreters",
    ],
    [
      'a container image among several servers',
      { program: McpStdioProgram.compose({ image: McpStdioProgram.containerImage('image') }) },
      "'program.image' cannot be composed: it is a container image, or composed itself, got: image; compose packages and commands, or compose them within the image",
    ],
    [
      'a variable with two values',
      { program: McpStdioProgram.compose({
        a: McpStdioProgram.npm('a', '1.0.0', { environment: { KEY: '1' } }),
        b: McpStdioProgram.npm('b', '1.0.0', { environment: { KEY: '2' } }),
      }) },
      "'program.environment.KEY' has two values, and all programs of a function share its environment, got: KEY; give it one value, or make a server of each program",
    ],
    [
      'a variable that no shell takes',
      stack => ({ program: McpStdioProgram.npm('a', '1.0.0', { secretEnvironment: { 'API-KEY': secret(stack) } }) }),
      "'program.environment.API-KEY' must be two or more letters, digits and _ that begin with a letter, got: API-KEY; rename it",
    ],
    [
      'a variable of the function for a program',
      { program: McpStdioProgram.npm('a', '1.0.0', { environment: { MCP_PATH: '/x' } }) },
      "'program.environment.MCP_PATH' is set by the construct in the function, got: MCP_PATH; rename it",
    ],
    [
      'an exec wrapper',
      { program: npm, environment: { AWS_LAMBDA_EXEC_WRAPPER: '/opt/other' } },
      "'environment.AWS_LAMBDA_EXEC_WRAPPER' is set by the construct, whose program starts in place of the runtime, got: /opt/other; leave it out",
    ],
    [
      'a variable of the construct',
      { program: npm, environment: { MCP_STDIO_CHILD_PER: 'session' } },
      "'environment.MCP_STDIO_CHILD_PER' is set by the construct, got: MCP_STDIO_CHILD_PER; use 'childPer'",
    ],
    [
      'a binary that is not there',
      { program: npm, binary: 'nothing' },
      "'binary' must be the path of a built mcp-lambda-stdio, got: nothing; the path is relative to the folder in which the app is synthesised",
    ],
    [
      'a binary and layers with a container image',
      stack => ({
        program: McpStdioProgram.containerImage('image'),
        binary,
        layers: [lambda.LayerVersion.fromLayerVersionArn(stack, 'L', 'arn:aws:lambda:eu-central-1:111122223333:layer:l:1')],
      }),
      `'binary' does not apply to a container image, which contains the program, got: ${binary}; leave it out\n'layers' does not apply to a container image, got: 1; copy their files into the image`,
    ],
  ];

  it.each(cases)('%s', (_, props, message) => {
    expect(failureOf(() => construct(props))).toBe(message);
  });
});
