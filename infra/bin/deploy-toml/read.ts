// Reads a deploy.toml and the context that overrides it. Everything that is wrong is noted with its position, and left out.
import { suggestion } from '../nearest';
import { Problems, show, unaliased } from './problems';
import { ALIASES, SCHEMA, problemOf, type DeployConfig, type Entries, type Kind, type Kinds } from './schema';
import { Source, type Path } from './source';

type Values = { [key: string]: unknown };

/** The ways to name a program, and the keys that do not go together with them. */
const PROGRAMS: { readonly [key: string]: readonly string[] } = {
  code: ['manifest_path', 'binary_name', 'cargo_lambda_flags'],
  manifest_path: ['code'],
};

const sections: { readonly [section: string]: Kinds } = SCHEMA;

/** A configuration without what is wrong with it, and that. */
export interface DeployFile {
  readonly config: DeployConfig;
  readonly problems: Problems;
}

/**
 * The configuration of a file's text, if there is a file, overridden by context such as `lambda.memory_size`.
 * `name` is the file's name in messages. Fails only for a text that is not TOML.
 */
export function readDeployConfig(
  text: string | undefined,
  name: string,
  context: { readonly [name: string]: unknown } = {},
): DeployFile {
  const source = text === undefined ? undefined : new Source(text, name);
  const reader = new Reader(new Problems(source));
  for (const [section, keys] of Object.entries(source?.value ?? {})) reader.section(section, keys);
  for (const [key, given] of Object.entries(context)) reader.context(key, given);
  return { config: reader.config(), problems: reader.problems };
}

class Reader {
  private readonly values: { [section: string]: Values } = {};

  public constructor(public readonly problems: Problems) {}

  public config(): DeployConfig {
    return Object.fromEntries(Object.keys(sections).map(name => [name, this.values[name] ?? {}])) as DeployConfig;
  }

  public section(section: string, keys: unknown): void {
    if (!Object.hasOwn(sections, section)) {
      const known = suggestion(section, Object.keys(sections));
      this.problems.note([section], `there is no section [${section}]; ${known}`);
      return;
    }
    if (!isTable(keys)) {
      this.problems.note([section], `[${section}] must be a section, got: ${show(keys)}`);
      return;
    }
    for (const [key, value] of Object.entries(keys)) this.key(section, key, value);
  }

  private key(section: string, written: string, value: unknown): void {
    const key = unaliased(section, written) ?? written;
    const kinds = sections[section] ?? {};
    if (!Object.hasOwn(kinds, key)) {
      const known = [...Object.keys(kinds), ...Object.keys(ALIASES[section] ?? {})];
      this.problems.note([section, written], `[${section}] has no key ${written}; ${suggestion(written, known)}`);
      return;
    }
    if (key in (this.values[section] ?? {})) {
      this.problems.note([section, written], `[${section}] ${written} is set under both of its names; keep one`);
      return;
    }
    if (key !== written) this.problems.writtenAs(section, key, written);
    this.set(section, key, value);
  }

  /** `lambda.memory_size` overrides a key, `lambda.environment.NAME` a variable. Other context is not for the file. */
  public context(name: string, given: unknown): void {
    const [section = '', written = '', ...rest] = name.split('.');
    const kinds = Object.hasOwn(sections, section) ? sections[section] : undefined;
    if (!kinds || written === '') return;
    const key = unaliased(section, written) ?? written;
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
    if (!kind || kind.kind === 'entries' || rest.length > 0 !== (kind.kind === 'names')) {
      const why = kind?.kind === 'entries' ? 'this is set in deploy.toml only' : 'deploy.toml has no such key';
      this.problems.note([], `context ${name}: ${why}; ${suggestion(written, Object.keys(kinds))}`);
      return;
    }
    const values = (this.values[section] ??= {});
    if (kind.kind === 'names') {
      values[key] = { ...(values[key] as object | undefined), [rest.join('.')]: String(given) };
      return;
    }
    this.problems.setByContext(section, key);
    this.set(section, key, typeof given === 'string' ? fromText(kind, given) : given);
    if (section === 'server') this.replaceProgram(key);
  }

  /** A program that the context names takes the place of the file's, which may be named in the other way. */
  private replaceProgram(key: string): void {
    for (const other of PROGRAMS[key] ?? []) {
      if (!this.problems.isSetByContext('server', other)) delete this.values['server']?.[other];
    }
  }

  private set(section: string, key: string, value: unknown): void {
    const kind = sections[section]?.[key];
    if (!kind) return;
    const values = (this.values[section] ??= {});
    const before = this.problems.count;
    if (kind.kind === 'entries') {
      values[key] = this.entries([section, key], kind, value);
      return;
    }
    this.check([section, key], `[${section}] ${key}`, kind, value);
    if (this.problems.count === before) values[key] = value;
    else delete values[key];
  }

  /** The entries, with nothing in the place of those that are wrong. */
  private entries(path: Path, { keys, required }: Entries, value: unknown): (Values | undefined)[] {
    const title = `[[${path.join('.')}]]`;
    if (!Array.isArray(value) || !value.every(isTable)) {
      this.problems.note(path, `${title} must be sections in two brackets, got: ${show(value)}`);
      return [];
    }
    return (value as Values[]).map((entry, at) => {
      const before = this.problems.count;
      for (const [key, inner] of Object.entries(entry)) {
        const kind = Object.hasOwn(keys, key) ? keys[key] : undefined;
        if (kind) this.check([...path, at, key], `${title} ${key}`, kind, inner);
        else this.problems.note([...path, at, key], `${title} has no key ${key}; ${suggestion(key, Object.keys(keys))}`);
      }
      for (const key of required.filter(it => !(it in entry))) {
        this.problems.note([...path, at], `${title} needs the key ${key}`);
      }
      return this.problems.count === before ? entry : undefined;
    });
  }

  private check(path: Path, name: string, kind: Kind, value: unknown): void {
    const expected = problemOf(kind, value);
    if (expected !== undefined) this.problems.note(path, `${name} must be ${expected}, got: ${show(value)}`);
  }
}

/** The value of a text: context from the command line is always text. */
function fromText(kind: Kind, text: string): unknown {
  switch (kind.kind) {
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
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

function isTable(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
