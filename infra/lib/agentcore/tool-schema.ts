import { existsSync, readFileSync } from 'node:fs';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import { fail } from '../private/validation';

const TYPES = ['string', 'number', 'object', 'array', 'boolean', 'integer'];
const SCHEMA_KEYS = ['type', 'description', 'properties', 'required', 'items'];
const TOOL_KEYS = ['name', 'description', 'inputSchema', 'outputSchema'];

type Json = { readonly [key: string]: unknown };

/**
 * Tools in the format of a Lambda target, as `mcp-lambda-server schema --agentcore` prints them.
 */
export class McpAgentCoreToolSchema {
  /**
   * Reads the tools of a file into the template, where a change of them can be seen.
   *
   * @param path relative to the folder in which the app is synthesised
   */
  public static fromFile(path: string): agentcore.ToolSchema {
    if (!existsSync(path)) {
      fail('toolSchema', path, 'must be the path of a file that exists', "write it with 'schema --agentcore' first");
    }
    return agentcore.ToolSchema.fromInline(readTools(path).map((tool, at) => toTool(`toolSchema[${at}]`, tool)));
  }

  private constructor() {}
}

function readTools(path: string): unknown[] {
  let tools: unknown;
  try {
    tools = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    fail('toolSchema', path, `must be JSON: ${(error as Error).message}`, "write it with 'schema --agentcore'");
  }
  if (Array.isArray(tools) && tools.length > 0) return tools;
  return fail('toolSchema', path, 'must be a list of one tool or more', "write it with 'schema --agentcore'");
}

function toTool(where: string, value: unknown): agentcore.ToolDefinition {
  const tool = objectOf(where, value, TOOL_KEYS);
  return {
    name: textOf(`${where}.name`, tool['name']),
    description: textOf(`${where}.description`, tool['description']),
    inputSchema: toSchema(`${where}.inputSchema`, tool['inputSchema']),
    ...(tool['outputSchema'] !== undefined && { outputSchema: toSchema(`${where}.outputSchema`, tool['outputSchema']) }),
  };
}

function toSchema(where: string, value: unknown): agentcore.SchemaDefinition {
  const { type, description, properties, required, items } = objectOf(where, value, SCHEMA_KEYS);
  if (!TYPES.includes(type as string)) fail(`${where}.type`, type, `must be one of ${TYPES.join(', ')}`, HINT);
  return {
    type: agentcore.SchemaDefinitionType.of(type as string),
    ...(description !== undefined && { description: textOf(`${where}.description`, description) }),
    ...(properties !== undefined && { properties: toProperties(`${where}.properties`, properties) }),
    ...(required !== undefined && { required: textsOf(`${where}.required`, required) }),
    ...(items !== undefined && { items: toSchema(`${where}.items`, items) }),
  };
}

const HINT = "the format knows no more: write the file with 'schema --agentcore', which leaves the rest out";

function toProperties(where: string, value: unknown): Record<string, agentcore.SchemaDefinition> {
  const properties = Object.entries(objectOf(where, value));
  return Object.fromEntries(properties.map(([name, schema]) => [name, toSchema(`${where}.${name}`, schema)]));
}

/** The value as an object, with no other keys than these. */
function objectOf(where: string, value: unknown, keys?: string[]): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail(where, JSON.stringify(value), 'must be an object', HINT);
  }
  const other = keys && Object.keys(value).find(key => !keys.includes(key));
  if (other !== undefined) fail(`${where}.${other}`, other, `must be one of ${keys?.join(', ')}`, HINT);
  return value as Json;
}

function textOf(where: string, value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : fail(where, JSON.stringify(value), 'must be text', HINT);
}

function textsOf(where: string, value: unknown): string[] {
  if (Array.isArray(value) && value.every(it => typeof it === 'string')) return value;
  return fail(where, JSON.stringify(value), 'must be a list of texts', HINT);
}
