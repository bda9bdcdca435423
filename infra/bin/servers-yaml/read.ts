// Reads a servers.yaml: its keys, and the type of each value. All problems are noted.
import { problemOf } from '../deploy-toml/schema';
import type { Kind } from '../deploy-toml/schema';
import { suggestion } from '../nearest';
import { COMPOSED, SECTIONS, SERVER, SERVER_NAME, TOP, VPC_CONFIG, type ServersConfig } from './schema';
import type { Path, Source } from './source';

type Values = { readonly [key: string]: unknown };
type Kinds = { readonly [key: string]: Kind };

const EMPTY_SECTIONS = Object.fromEntries(Object.keys(SECTIONS).map(section => [section, {}]));

export function readServers(source: Source): ServersConfig {
  const values = objectOf(source, [], source.value());
  const known = [...Object.keys(TOP), 'servers', 'compose', ...Object.keys(SECTIONS)];
  for (const key of Object.keys(values)) if (!known.includes(key)) unknown(source, [key], known);
  const own = Object.fromEntries(Object.entries(values).filter(([key]) => key in TOP));
  checkKeys(source, [], own, TOP);
  const sections = Object.entries(SECTIONS).filter(([section]) => values[section] !== undefined);
  const given = sections.map(([section, kinds]) => [section, checked(source, [section], values[section], kinds)]);
  const servers = entries(source, 'servers', values['servers'], SERVER);
  const compose = entries(source, 'compose', values['compose'], COMPOSED);
  if (Object.keys(servers).length === 0) source.add(['servers'], 'must have one server or more');
  return { ...own, sections: { ...EMPTY_SECTIONS, ...Object.fromEntries(given) }, servers, compose } as ServersConfig;
}

/** Servers, or compositions, by name. */
function entries(source: Source, section: string, value: unknown, kinds: Kinds): Values {
  if (value === undefined) return {};
  const named = objectOf(source, [section], value);
  for (const [name, entry] of Object.entries(named)) {
    const path = [section, name];
    if (!SERVER_NAME.test(name)) {
      source.add(path, 'the name must be 1 to 32 lower-case letters, digits and -, a letter first: it is part of the URL');
    }
    const { vpc_config: vpc, ...own } = objectOf(source, path, entry);
    checkKeys(source, path, own, kinds, ['vpc_config']);
    if (vpc !== undefined) checked(source, [...path, 'vpc_config'], vpc, VPC_CONFIG);
  }
  return Object.fromEntries(Object.entries(named).map(([name, entry]) => [name, entry ?? {}]));
}

function checked(source: Source, path: Path, value: unknown, kinds: Kinds): Values {
  const values = objectOf(source, path, value);
  checkKeys(source, path, values, kinds);
  return values;
}

function checkKeys(source: Source, path: Path, values: Values, kinds: Kinds, others: string[] = []): void {
  for (const [key, value] of Object.entries(values)) {
    const kind = kinds[key];
    if (!kind) unknown(source, [...path, key], [...Object.keys(kinds), ...others]);
    else checkValue(source, [...path, key], kind, value);
  }
}

function checkValue(source: Source, path: Path, kind: Kind, value: unknown): void {
  const expected = problemOf(kind, value);
  if (expected !== undefined) source.add(path, `must be ${expected.replace('section', 'map')}, got: ${JSON.stringify(value)}`);
}

function unknown(source: Source, path: Path, known: readonly string[]): void {
  source.add(path, `there is no such key; ${suggestion(String(path.at(-1)), known)}`);
}

function objectOf(source: Source, path: Path, value: unknown): Values {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Values;
  source.add(path, `must be a map of keys, got: ${JSON.stringify(value)}`);
  return {};
}
