// Reads a deploy.toml and the context that overrides it. An error lists all problems.
import { parse } from 'smol-toml';
import { SCHEMA, type DeployConfig, type Kind } from './schema';

type Values = { [section: string]: { [key: string]: unknown } };

const sections: { [section: string]: { [key: string]: Kind } } = SCHEMA;

/** A deploy.toml or context that is invalid. */
export class DeployConfigError extends Error {}

/**
 * The configuration of a file's text, if there is a file, overridden by context such as `lambda.memory_size`.
 * `source` is the file's name in messages.
 */
export function readDeployConfig(
  text: string | undefined,
  source: string,
  context: { [name: string]: unknown } = {},
): DeployConfig {
  const problems: string[] = [];
  const values: Values = {};
  for (const [section, keys] of Object.entries(text === undefined ? {} : toml(text, source))) {
    values[section] = checkSection(section, keys, source, problems);
  }
  for (const [name, given] of Object.entries(context)) {
    const [section = '', key = '', ...rest] = name.split('.');
    if (!sections[section] || key === '') continue;
    override(values, { section, key, rest, given, name }, problems);
  }
  if (problems.length > 0) throw new DeployConfigError(problems.join('\n'));
  return Object.fromEntries(Object.keys(sections).map(section => [section, values[section] ?? {}])) as DeployConfig;
}

function toml(text: string, source: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    throw new DeployConfigError(`${source} is not TOML: ${(error as Error).message}`);
  }
}

function checkSection(section: string, keys: unknown, source: string, problems: string[]): { [key: string]: unknown } {
  const known = sections[section];
  if (!known) {
    problems.push(`${source}: there is no section [${section}]; there are ${Object.keys(sections).join(', ')}`);
    return {};
  }
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) {
    problems.push(`${source}: [${section}] must be a section, got: ${JSON.stringify(keys)}`);
    return {};
  }
  for (const [key, value] of Object.entries(keys)) {
    const kind = known[key];
    if (kind) checkValue(`${source}: [${section}] ${key}`, kind, value, problems);
    else problems.push(`${source}: [${section}] has no key ${key}; it has ${Object.keys(known).join(', ')}`);
  }
  return keys as { [key: string]: unknown };
}

interface Override {
  readonly section: string;
  readonly key: string;
  readonly rest: string[];
  readonly given: unknown;
  readonly name: string;
}

function override(values: Values, { section, key, rest, given, name }: Override, problems: string[]): void {
  const kind = sections[section]?.[key];
  const where = `context ${name}`;
  if (!kind || rest.length > 0 !== (kind.kind === 'names')) {
    problems.push(
      `${where}: deploy.toml has no such key; [${section}] has ${Object.keys(sections[section] ?? {}).join(', ')}`,
    );
    return;
  }
  const keys = (values[section] ??= {});
  if (kind.kind === 'names') {
    keys[key] = { ...(keys[key] as object | undefined), [rest.join('.')]: String(given) };
    return;
  }
  const value = typeof given === 'string' ? fromText(kind, given) : given;
  checkValue(where, kind, value, problems);
  keys[key] = value;
}

/** The value of a text: context from the command line is always text. */
function fromText(kind: Kind, text: string): unknown {
  switch (kind.kind) {
    case 'number':
      return text.trim() === '' ? text : Number(text);
    case 'switch':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'list':
      return text
        .split(',')
        .map(item => item.trim())
        .filter(item => item !== '');
    default:
      return text;
  }
}

function checkValue(where: string, kind: Kind, value: unknown, problems: string[]): void {
  const expected = problemOf(kind, value);
  if (expected !== undefined) problems.push(`${where} must be ${expected}, got: ${JSON.stringify(value)}`);
}

/** What is expected of the value, if it is not that. */
export function problemOf(kind: Kind, value: unknown): string | undefined {
  const isText = (it: unknown) => typeof it === 'string' && it !== '';
  switch (kind.kind) {
    case 'text':
      return isText(value) && (kind.pattern?.test(value as string) ?? true) ? undefined : (kind.expected ?? 'text');
    case 'choice':
      return kind.choices.includes(value as string) ? undefined : kind.choices.map(it => `"${it}"`).join(' or ');
    case 'number':
      return Number.isInteger(value) && (value as number) >= kind.least && (value as number) <= kind.most
        ? undefined
        : `a whole number from ${kind.least} to ${kind.most}`;
    case 'switch':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'list':
      return Array.isArray(value) && value.every(isText) ? undefined : 'a list of texts';
    case 'names': {
      const fits =
        typeof value === 'object' && value !== null && Object.values(value).every(it => typeof it === 'string');
      return fits ? undefined : 'a section of texts';
    }
  }
}
