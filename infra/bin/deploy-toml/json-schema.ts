// The JSON Schema of deploy.toml, for editors.
import { ALIASES, SCHEMA, type Entries, type Kind, type Kinds } from './schema';

type Schema = { [keyword: string]: unknown };

/** The schema, in the draft that editors of TOML read. The descriptions are comments of the example. */
export function jsonSchema(example: string): Schema {
  const comments = commentsOf(example);
  const sections = Object.entries(SCHEMA).map(([name, keys]) => [name, ofSection(name, keys, comments)]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'deploy.toml of mcp-lambda-server',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(sections),
  };
}

function ofSection(section: string, keys: Kinds, comments: Map<string, string>): Schema {
  const own = Object.entries(keys).map(([key, kind]) => [key, ofKey(`${section}.${key}`, kind, comments)]);
  const aliases = Object.entries(ALIASES[section] ?? {}).map(([alias, key]) => {
    const kind = keys[key];
    return [alias, { ...(kind && ofKey(`${section}.${key}`, kind, comments)), description: `The same as ${key}` }];
  });
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries([...own, ...aliases]) };
}

function ofKey(name: string, kind: Kind | Entries, comments: Map<string, string>): Schema {
  const description = comments.get(name);
  const described = { ...(description !== undefined && { description }) };
  if (kind.kind !== 'entries') return { ...described, ...ofKind(kind) };
  const properties = Object.entries(kind.keys).map(([key, inner]) => [key, ofKey(`${name}.${key}`, inner, comments)]);
  const item = {
    type: 'object',
    additionalProperties: false,
    required: kind.required,
    properties: Object.fromEntries(properties),
  };
  return { ...described, type: 'array', items: item };
}

function ofKind(kind: Kind): Schema {
  switch (kind.kind) {
    case 'text':
      return { type: 'string', minLength: 1, ...(kind.pattern && { pattern: kind.pattern.source }) };
    case 'choice':
      return { enum: kind.choices };
    case 'number':
      return { type: 'integer', minimum: kind.least, maximum: kind.most };
    case 'switch':
      return { type: 'boolean' };
    case 'list':
      return { type: 'array', items: { type: 'string', minLength: 1 } };
    case 'names':
      return { type: 'object', additionalProperties: { type: 'string' } };
  }
}

/** The comment behind each key of the example, by `section.key`. */
function commentsOf(example: string): Map<string, string> {
  const comments = new Map<string, string>();
  let section = '';
  for (const line of example.split('\n')) {
    section = /^(?:# )?\[{1,2}([\w.]+)\]{1,2}$/.exec(line)?.[1] ?? section;
    const [, key, comment] = /^(?:# )?(\w+) = (?:"[^"]*"|[^"#])*# (.+)$/.exec(line) ?? [];
    const name = `${section}.${key}`;
    if (key !== undefined && comment !== undefined && !comments.has(name)) comments.set(name, comment);
  }
  return comments;
}
