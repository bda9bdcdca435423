// A server as the target of an AgentCore Gateway.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  McpAgentCoreGateway,
  McpAgentCoreListing,
  McpAgentCoreTarget,
  McpAgentCoreToolSchema,
  McpAuth,
  McpEndpoint,
  McpFindings,
  McpLambdaServer,
  type McpAgentCoreGatewayProps,
  type McpLambdaServerProps,
} from '../../infra/lib/index.ts';
import { failureOf, one, program, statementsOf } from './synth.ts';

const jwt = McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: ['mcp'] });
const TOOLS = [
  {
    name: 'add',
    description: 'Adds two numbers',
    inputSchema: {
      type: 'object',
      properties: { a: { type: 'number' }, tags: { type: 'array', items: { type: 'string', description: 'a tag' } } },
      required: ['a'],
    },
    outputSchema: { type: 'object', properties: { sum: { type: 'number' } } },
  },
];

let folder: string;
let schemaFile: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-schema-'));
  schemaFile = join(folder, 'tools.json');
  writeFileSync(schemaFile, JSON.stringify(TOOLS));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Made {
  readonly stack: Stack;
  readonly server: McpLambdaServer;
  readonly gateway: McpAgentCoreGateway;
}

interface Given {
  readonly server?: McpLambdaServerProps;
  readonly gateway?: McpAgentCoreGatewayProps;
}

type Target = (server: McpLambdaServer, stack: Stack) => McpAgentCoreTarget;

const mcp: Target = server => McpAgentCoreTarget.mcp(server);
const invoked: Target = server =>
  McpAgentCoreTarget.lambdaFunction(server, { toolSchema: McpAgentCoreToolSchema.fromFile(schemaFile) });

function construct(target: Target = mcp, { server: props = {}, gateway: gatewayProps = {} }: Given = {}): Made {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test');
  const server = new McpLambdaServer(stack, 'Mcp', { code: program(), ...props });
  const gateway = new McpAgentCoreGateway(stack, 'Gateway', gatewayProps);
  gateway.addTarget('Notes', target(server, stack));
  return { stack, server, gateway };
}

const synth = (...given: Parameters<typeof construct>) => Template.fromStack(construct(...given).stack);
const targetOf = (template: Template) => one(template, 'AWS::BedrockAgentCore::GatewayTarget');
const gatewayOf = (template: Template) => one(template, 'AWS::BedrockAgentCore::Gateway').Properties;

describe('the gateway', () => {
  it('speaks every revision, streams responses, and is called with signed requests', () => {
    expect(gatewayOf(synth())).toMatchObject({
      AuthorizerType: 'AWS_IAM',
      ProtocolType: 'MCP',
      ProtocolConfiguration: {
        Mcp: {
          SupportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'],
          StreamingConfiguration: { EnableResponseStreaming: true },
        },
      },
    });
    expect(gatewayOf(synth()).ProtocolConfiguration.Mcp).not.toHaveProperty('SessionConfiguration');
    expect(gatewayOf(synth()).ProtocolConfiguration.Mcp).not.toHaveProperty('SearchType');
  });

  it('has the properties that are given', () => {
    const template = synth(mcp, {
      gateway: {
        gatewayName: 'notes',
        responseStreaming: false,
        sessionTimeout: Duration.hours(2),
        authorizerConfiguration: agentcore.GatewayAuthorizer.withNoAuth(),
        protocolConfiguration: agentcore.GatewayProtocol.mcp({
          supportedVersions: [agentcore.MCPProtocolVersion.MCP_2025_11_25],
          searchType: agentcore.McpGatewaySearchType.SEMANTIC,
        }),
      },
    });
    expect(gatewayOf(template)).toMatchObject({
      Name: 'notes',
      AuthorizerType: 'NONE',
      ProtocolConfiguration: {
        Mcp: {
          SearchType: 'SEMANTIC',
          SupportedVersions: ['2025-11-25'],
          StreamingConfiguration: { EnableResponseStreaming: false },
          SessionConfiguration: { SessionTimeoutInSeconds: 7200 },
        },
      },
    });
  });
});

describe('an MCP target', () => {
  it('is the Function URL, for which the gateway signs with its role', () => {
    expect(targetOf(synth()).Properties).toEqual({
      GatewayIdentifier: { 'Fn::GetAtt': [expect.stringMatching(/^Gateway/), 'GatewayIdentifier'] },
      Name: expect.any(String),
      TargetConfiguration: {
        Mcp: {
          McpServer: {
            Endpoint: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [expect.stringMatching(/^McpServerAliasFunctionUrl/), 'FunctionUrl'] }, 'mcp']] },
          },
        },
      },
      CredentialProviderConfigurations: [
        {
          CredentialProviderType: 'GATEWAY_IAM_ROLE',
          CredentialProvider: { IamCredentialProvider: { Service: 'lambda', Region: { Ref: 'AWS::Region' } } },
        },
      ],
    });
  });

  it('is created after the permissions of the role, with which the gateway asks for the tools', () => {
    const template = synth();
    const policy = one(template, 'AWS::IAM::Policy', 'GatewayServiceRole');
    expect(statementsOf(template, 'GatewayServiceRole')).toEqual([
      expect.objectContaining({ Action: 'lambda:InvokeFunctionUrl' }),
      expect.objectContaining({ Action: 'lambda:InvokeFunction' }),
    ]);
    expect(targetOf(template).DependsOn).toContain(policy.id);
  });

  it('of a REST API is signed for API Gateway', () => {
    const template = synth(mcp, { server: { endpoint: McpEndpoint.restApi() } });
    expect(targetOf(template).Properties.CredentialProviderConfigurations[0].CredentialProvider).toEqual({
      IamCredentialProvider: { Service: 'execute-api', Region: { Ref: 'AWS::Region' } },
    });
    const [statement] = statementsOf(template, 'GatewayServiceRole') as { Action: string; Resource: unknown[] }[];
    expect(statement).toMatchObject({ Action: 'execute-api:Invoke' });
    expect(statement!.Resource).toHaveLength(3);
  });

  it('of a server that checks tokens has the credentials that are given', () => {
    const credentialProvider = agentcore.GatewayCredentialProvider.fromOauthIdentityArn({
      providerArn: 'arn:aws:bedrock-agentcore:eu-central-1:111122223333:token-vault/v/oauth2credentialprovider/p',
      secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:s',
      scopes: ['mcp/invoke'],
    });
    const template = synth(server => McpAgentCoreTarget.mcp(server, { credentialProvider }), { server: { auth: jwt } });
    const [credentials] = targetOf(template).Properties.CredentialProviderConfigurations;
    expect(credentials.CredentialProviderType).toBe('OAUTH');
  });

  it('of an open server has none', () => {
    const { Properties } = targetOf(synth(mcp, { server: { auth: McpAuth.none() } }));
    expect(Properties).not.toHaveProperty('CredentialProviderConfigurations');
  });

  it('has the options that are given', () => {
    const template = synth(server =>
      McpAgentCoreTarget.mcp(server, {
        gatewayTargetName: 'notes',
        description: 'Notes of the team',
        listing: McpAgentCoreListing.DYNAMIC,
        allowedRequestHeaders: ['X-Team'],
        allowedResponseHeaders: ['X-Cost'],
      }),
    );
    expect(targetOf(template).Properties).toMatchObject({
      Name: 'notes',
      Description: 'Notes of the team',
      TargetConfiguration: { Mcp: { McpServer: { ListingMode: 'DYNAMIC' } } },
      MetadataConfiguration: { AllowedRequestHeaders: ['X-Team'], AllowedResponseHeaders: ['X-Cost'] },
    });
  });

  it('can be one of a gateway that was created elsewhere, also with DYNAMIC', () => {
    const app = new App({ builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'Test');
    const server = new McpLambdaServer(stack, 'Mcp', { code: program() });
    const gateway = agentcore.Gateway.fromGatewayAttributes(stack, 'Gateway', {
      gatewayArn: 'arn:aws:bedrock-agentcore:eu-central-1:111122223333:gateway/g',
      gatewayId: 'g',
      gatewayName: 'g',
      role: iam.Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::111122223333:role/gateway'),
    });
    McpAgentCoreTarget.mcp(server, { listing: McpAgentCoreListing.DYNAMIC }).bind(stack, 'Notes', gateway);
    expect(targetOf(Template.fromStack(stack)).Properties.GatewayIdentifier).toBe('g');
  });
});

describe('a Lambda target', () => {
  it('invokes the alias, with the tools of the file in the template', () => {
    const template = synth(invoked);
    const { TargetConfiguration, CredentialProviderConfigurations } = targetOf(template).Properties;
    expect(TargetConfiguration.Mcp.Lambda).toEqual({
      LambdaArn: { Ref: expect.stringMatching(/^McpServerAlias/) },
      ToolSchema: {
        InlinePayload: [
          {
            Name: 'add',
            Description: 'Adds two numbers',
            InputSchema: {
              Type: 'object',
              Properties: {
                a: { Type: 'number' },
                tags: { Type: 'array', Items: { Type: 'string', Description: 'a tag' } },
              },
              Required: ['a'],
            },
            OutputSchema: { Type: 'object', Properties: { sum: { Type: 'number' } } },
          },
        ],
      },
    });
    expect(CredentialProviderConfigurations).toEqual([{ CredentialProviderType: 'GATEWAY_IAM_ROLE' }]);
    expect(statementsOf(template, 'GatewayServiceRole')).toEqual([
      expect.objectContaining({ Action: 'lambda:InvokeFunction' }),
    ]);
  });

  it('can have its tools as an asset', () => {
    const toolSchema = agentcore.ToolSchema.fromLocalAsset(schemaFile);
    const template = synth(server => McpAgentCoreTarget.lambdaFunction(server, { toolSchema, gatewayTargetName: 'notes' }));
    const { Name, TargetConfiguration } = targetOf(template).Properties;
    expect(Name).toBe('notes');
    expect(JSON.stringify(TargetConfiguration.Mcp.Lambda.ToolSchema.S3)).toContain('s3://');
  });
});

describe('what AWS refuses is refused before', () => {
  const cases: [title: string, target: Target, given: Given, message: string][] = [
    [
      'tokens without credentials',
      mcp,
      { server: { auth: jwt } },
      "'credentialProvider' is needed for a server that checks tokens, got: undefined; give GatewayCredentialProvider.fromOauthIdentity(), or use McpAuth.iam()",
    ],
    [
      'an API key',
      server =>
        McpAgentCoreTarget.mcp(server, {
          credentialProvider: agentcore.GatewayCredentialProvider.fromApiKeyIdentityArn({
            providerArn: 'arn:aws:bedrock-agentcore:eu-central-1:111122223333:token-vault/v/apikeycredentialprovider/p',
            secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:s',
          }),
        }),
      { server: { auth: jwt } },
      "'credentialProvider' cannot be an API key for a target that speaks MCP, got: API_KEY; give GatewayCredentialProvider.fromOauthIdentity()",
    ],
    [
      'credentials for signed requests',
      server => McpAgentCoreTarget.mcp(server, { credentialProvider: agentcore.GatewayCredentialProvider.fromIamRole() }),
      {},
      "'credentialProvider' does not apply to a server whose callers sign requests: the gateway has a role, got: GATEWAY_IAM_ROLE; leave it out, or use McpAuth.jwt()",
    ],
    [
      'DYNAMIC with semantic search',
      server => McpAgentCoreTarget.mcp(server, { listing: McpAgentCoreListing.DYNAMIC }),
      {
        gateway: {
          protocolConfiguration: agentcore.GatewayProtocol.mcp({ searchType: agentcore.McpGatewaySearchType.SEMANTIC }),
        },
      },
      "'listing' cannot be DYNAMIC in a gateway with semantic search, which needs the tools before a client asks, got: DYNAMIC; leave it out, or the gateway's searchType",
    ],
    [
      'eleven headers',
      server => McpAgentCoreTarget.mcp(server, { allowedRequestHeaders: Array.from({ length: 11 }, (_, at) => `X-${at}`) }),
      {},
      "'allowedRequestHeaders' must be 1 to 10 names of headers, got: 11; leave it or some of them out",
    ],
    [
      'headers of HTTP',
      server => McpAgentCoreTarget.mcp(server, { allowedRequestHeaders: ['X-Team', 'Authorization'] }),
      {},
      "'allowedRequestHeaders' cannot have headers of HTTP itself, which the gateway writes, got: Authorization; leave it out",
    ],
    [
      'tenants behind a Lambda target',
      invoked,
      { server: { endpoint: McpEndpoint.restApi(), tenancyConfig: lambda.TenancyConfig.PER_TENANT } },
      "'tenancyConfig' cannot be used with a Lambda target, whose invocations have no tenant id, got: PER_TENANT; leave it out, or use McpAgentCoreTarget.mcp()",
    ],
    [
      'a session of a minute',
      mcp,
      { gateway: { sessionTimeout: Duration.minutes(1) } },
      "'sessionTimeout' must be whole seconds from 900 to 28800, got: 60 seconds; choose a time within",
    ],
  ];

  it.each(cases)('%s', (_, target, given, message) => {
    expect(failureOf(() => construct(target, given))).toBe(message);
  });

  it.each([
    ['nothing', undefined, /^'toolSchema' must be the path of a file that exists, got: /],
    ['no JSON', '{', /^'toolSchema' must be JSON: .*; write it with 'schema --agentcore'$/],
    ['no tools', '[]', /^'toolSchema' must be a list of one tool or more, got: /],
    ['a tool without a description', JSON.stringify([{ ...TOOLS[0], description: undefined }]), /^'toolSchema\[0\]\.description' must be text/],
    [
      'a tool with more than the format has',
      JSON.stringify([{ ...TOOLS[0], annotations: {} }]),
      /^'toolSchema\[0\]\.annotations' must be one of name, description, inputSchema, outputSchema, got: annotations; the format knows no more/,
    ],
    [
      'a schema with an enum',
      JSON.stringify([{ ...TOOLS[0], inputSchema: { type: 'object', properties: { unit: { type: 'string', enum: ['C'] } } } }]),
      /^'toolSchema\[0\]\.inputSchema\.properties\.unit\.enum' must be one of type, description/,
    ],
    [
      'a schema of several types',
      JSON.stringify([{ ...TOOLS[0], inputSchema: { type: ['object', 'null'] } }]),
      /^'toolSchema\[0\]\.inputSchema\.type' must be one of string, number, object, array, boolean, integer, got: object, null/,
    ],
  ])('a schema file with %s', (_, text, message) => {
    const file = join(folder, 'given.json');
    rmSync(file, { force: true });
    if (text !== undefined) writeFileSync(file, text);
    expect(failureOf(() => McpAgentCoreToolSchema.fromFile(file))).toMatch(message);
  });
});

describe('cdk-nag', () => {
  const packs = () => [new AwsSolutionsChecks(undefined, {}), new ServerlessChecks(undefined, {})];
  const found = (scope: Stack) =>
    packs().flatMap(pack =>
      pack.validateScope(scope).violations.map(it => `${it.ruleName} ${it.violatingResources.map(at => at.constructPath).join(' ')}`),
    );

  it.each([
    ['an MCP target', mcp],
    ['a Lambda target', invoked],
  ])('finds nothing in %s, once acknowledged', (_, target) => {
    const { stack } = construct(target);
    McpFindings.acknowledge(stack);
    expect(found(stack)).toEqual([]);
  });
});

describe('logical ids', () => {
  it('do not change', () => {
    const ids = (template: Template) =>
      Object.entries(template.toJSON().Resources as Record<string, { Type: string }>)
        .filter(([, { Type }]) => Type.startsWith('AWS::BedrockAgentCore::'))
        .map(([id]) => id);
    expect(ids(synth())).toEqual(['Gateway43CB3636', 'GatewayNotesD2952969']);
  });
});
