// The schemas that the reference server and every example list: what validators of clients, and models, take.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { build, buildExamples, root, start } from '../server.ts';

const EXAMPLES = readdirSync(join(root, 'runtime', 'examples')).map(file => basename(file, '.rs'));

/** With these the reference server lists its tools with AWS data, which send nothing until they are called. */
const ALL_TOOLS = {
  MCP_TOOL_TABLES: 'arn:aws:dynamodb:us-east-1:123456789012:table/orders',
  MCP_TOOL_TOPICS: 'arn:aws:sns:us-east-1:123456789012:orders',
  MCP_TOOL_QUEUES: 'arn:aws:sqs:us-east-1:123456789012:orders',
  MCP_TOOL_METRIC_NAMESPACES: 'AWS/Lambda',
  MCP_TOOL_MONITOR: 'EC2,RDS,Lambda,ECS,S3,CloudFormation',
};

type Schema = Record<string, unknown>;
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A schema and all schemas in it, each with its path and its depth. */
function* parts(schema: Schema, path = '#', depth = 1): Generator<{ schema: Schema; path: string; depth: number }> {
  yield { schema, path, depth };
  for (const [keyword, value] of Object.entries(schema)) {
    const inner = ['properties', '$defs', 'patternProperties'].includes(keyword) && isSchema(value) ? value : undefined;
    for (const [name, one] of Object.entries(inner ?? {})) {
      if (isSchema(one)) yield* parts(one, `${path}/${keyword}/${name}`, depth + 1);
    }
    if (['items', 'additionalProperties', 'not'].includes(keyword) && isSchema(value)) {
      yield* parts(value, `${path}/${keyword}`, depth + 1);
    }
    for (const [at, one] of (['anyOf', 'oneOf', 'allOf'].includes(keyword) ? (value as unknown[]) : []).entries()) {
      if (isSchema(one)) yield* parts(one, `${path}/${keyword}/${at}`, depth + 1);
    }
  }
}

async function toolsOf(url: string): Promise<Tool[]> {
  const client = new Client({ name: 'schemas', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const { tools } = await client.listTools();
  await client.close();
  return tools;
}

describe('the schemas of all tools', () => {
  const listed: { server: string; tool: Tool }[] = [];
  const stops: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const reference = await start(await build('mcp-lambda-reference'), [], { env: ALL_TOOLS });
    stops.push(() => reference.stop());
    for (const tool of await toolsOf(reference.url)) listed.push({ server: 'reference', tool });
    expect(listed.map(({ tool }) => tool.name)).toContain('aws_real_time_monitor');
    const examples = await buildExamples(EXAMPLES);
    expect(examples).toHaveLength(EXAMPLES.length);
    for (const program of examples) {
      const [name, server] = [basename(program), await start(program)];
      stops.push(() => server.stop());
      for (const tool of await toolsOf(server.url)) listed.push({ server: name, tool });
    }
  }, 600_000);
  afterAll(async () => void (await Promise.all(stops.map(stop => stop()))));

  const all = () =>
    listed.flatMap(({ server, tool }) =>
      [tool.inputSchema, tool.outputSchema].flatMap(schema =>
        schema ? [{ of: `${server}/${tool.name}`, schema: schema as Schema }] : [],
      ),
    );

  // https://github.com/anomalyco/opencode/issues/31002: Ajv does not know the formats of Rust's numbers.
  it.each([
    ['draft-07', () => new Ajv({ strict: true })],
    ['2020-12', () => new Ajv2020({ strict: true })],
  ])('are compiled by Ajv in strict mode, as %s', (_, ajv) => {
    for (const { of, schema } of all()) expect(() => ajv().compile(schema), of).not.toThrow();
  });

  // https://github.com/google-gemini/gemini-cli/issues/17235: properties without a type, and lists of types.
  it('name one type for each property, and the items of each array', () => {
    for (const { of, schema } of all()) {
      for (const { schema: part, path } of parts(schema)) {
        for (const [name, property] of Object.entries((part['properties'] ?? {}) as Schema)) {
          expect(property, `${of} ${path}/${name}`).toSatisfy(
            (one: Schema) => typeof one['type'] === 'string' || ['$ref', 'anyOf', 'oneOf', 'allOf'].some(key => key in one),
          );
        }
        if ('type' in part) expect(part['type'], `${of} ${path}`).toBeTypeOf('string');
        if (part['type'] === 'array') expect(part['items'], `${of} ${path}`).toBeTypeOf('object');
      }
    }
  });

  it('have an object at their root, without a dialect and without combinations there', () => {
    for (const { of, schema } of all()) {
      expect(schema['type'], of).toBe('object');
      for (const keyword of ['$schema', 'anyOf', 'oneOf', 'allOf', 'not', 'enum']) expect(schema, of).not.toHaveProperty(keyword);
    }
  });

  it('have optional properties that are no choice between a value and null', () => {
    for (const { of, schema } of all()) {
      for (const { schema: part, path } of parts(schema)) {
        expect(part['default'], `${of} ${path}`).not.toBe(null);
        expect(part['type'], `${of} ${path}`).not.toBe('null');
      }
    }
  });

  // Names, of the strictest of:
  // * Anthropic: ^[a-zA-Z0-9_-]{1,128}$, formerly 64 (https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use)
  // * OpenAI: letters, digits, _ and -, at most 64 (https://platform.openai.com/docs/api-reference/chat/create)
  // * Gemini: begins with a letter or _, at most 64 (https://ai.google.dev/api/caching#FunctionDeclaration)
  // * Bedrock: [a-zA-Z][a-zA-Z0-9_]*, 1 to 64, for agents; Converse also takes - (read 2026-11-26:
  //   https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent_ToolSpecification.html)
  it('belong to tools whose names every provider takes, with a description', () => {
    for (const { server, tool } of listed) {
      expect(tool.name, server).toMatch(/^[a-zA-Z][a-zA-Z0-9_]{0,63}$/);
      expect(tool.description?.length, tool.name).toBeGreaterThan(0);
      // OpenAI: at most 1,024 characters.
      expect(tool.description?.length, tool.name).toBeLessThanOrEqual(1024);
    }
  });

  // Structured outputs of OpenAI, in its older and smaller numbers: 5 levels, 100 properties, 500 values of enums, 15,000
  // characters of names (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas; today 10 levels,
  // 5,000 properties, 1,000 values, 120,000 characters; read 2026-11-26). Gemini: values of enums are strings.
  it('are smaller than the limits of every provider', () => {
    for (const { of, schema } of all()) {
      const found = [...parts(schema)];
      const names = found.flatMap(({ schema: part }) => Object.keys((part['properties'] ?? {}) as Schema));
      const values = found.flatMap(({ schema: part }) => (part['enum'] ?? []) as unknown[]);
      expect(Math.max(...found.map(({ depth }) => depth)), of).toBeLessThanOrEqual(5);
      expect(names.length, of).toBeLessThanOrEqual(100);
      expect(names.join('').length, of).toBeLessThanOrEqual(15_000);
      expect(values.length, of).toBeLessThanOrEqual(500);
      expect(values.filter(value => typeof value !== 'string'), of).toEqual([]);
      // Anthropic: names of properties (https://docs.claude.com/en/docs/agents-and-tools/tool-use).
      for (const name of names) expect(name, of).toMatch(/^[a-zA-Z0-9_.-]{1,64}$/);
    }
  });

  it('of the reference list properties in the order in which they were declared', () => {
    const properties = (name: string) =>
      Object.keys(listed.find(({ server, tool }) => server === 'reference' && tool.name === name)!.tool.inputSchema.properties!);
    expect(properties('counter')).toEqual(['name', 'by']);
    expect(properties('progress')).toEqual(['steps', 'delay_ms']);
    expect(properties('lambda_diagnostics')).toEqual([
      'include_metrics',
      'include_session_info',
      'include_aws_info',
      'include_environment',
    ]);
  });

  it('of the reference belong to tools with a title and every hint', () => {
    for (const { server, tool } of listed.filter(one => one.server === 'reference')) {
      expect(tool.title ?? '', `${server}/${tool.name}`).not.toBe('');
      for (const hint of ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const) {
        expect(tool.annotations?.[hint], `${tool.name} ${hint}`).toBeTypeOf('boolean');
      }
    }
  });
});

// https://github.com/anomalyco/opencode/issues/38923: a model that reads only texts sees a number, and no name to go on with.
describe('results', () => {
  const called = async (name: string, args: Record<string, unknown>) => {
    const client = new Client({ name: 'results', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(inject('url'))));
    const result = await client.callTool({ name, arguments: args });
    await client.close();
    return result as { isError?: boolean; structuredContent?: unknown; content: { type: string; text: string }[] };
  };

  it('have their structured content as a text too', async () => {
    for (const [tool, args] of [
      ['counter', { name: 'results' }],
      ['session_info', {}],
      ['lambda_diagnostics', {}],
    ] as const) {
      const { structuredContent, content } = await called(tool, args);
      const texts = content.filter(({ type }) => type === 'text').map(({ text }) => text);
      expect(texts.filter(text => text.startsWith('{')).map(text => JSON.parse(text) as unknown), tool).toEqual([structuredContent]);
    }
  });

  it('are errors where the work that was asked for is not done', async () => {
    for (const [tool, args] of [
      ['progress', { steps: 101 }],
      ['counter', { by: 2 ** 53 }],
      ['publish_event', { event_type: 'x', source: 'aws.ec2' }],
    ] as const) {
      const result = await called(tool, args);
      expect(result.isError, tool).toBe(true);
      expect(result.content[0]?.text, tool).not.toBe('');
    }
  });
});
