// What is wrong with a deploy.toml, in its own words.
import { PropertyError, type Problem } from '../../lib/private/validation';
import { KEYS, WORDS } from './keys';
import { ALIASES } from './schema';
import { DeployConfigError, type Path, type Source } from './source';

/** A problem, and where it is in the file. */
interface Noted {
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** All problems of a configuration. Nothing is created while there are any. */
export class Problems {
  private readonly noted: Noted[] = [];
  /** Keys that the command line sets: their problems name the context instead of a position. */
  private readonly overridden = new Set<string>();
  /** The keys that the file writes under another name than ours. */
  private readonly written = new Map<string, string>();

  /** `source` is the file, if there is one. */
  public constructor(private readonly source?: Source) {}

  /** How many problems there are so far. */
  public get count(): number {
    return this.noted.length;
  }

  /** The problems, in the order of the file, each once. */
  public get lines(): string[] {
    const inOrder = this.noted.toSorted((a, b) => a.line - b.line || a.column - b.column);
    return [...new Set(inOrder.map(({ text }) => text))];
  }

  /** Throws all problems that were noted. */
  public throwAny(): void {
    const { lines } = this;
    if (lines.length > 0) throw new DeployConfigError(lines.join('\n'));
  }

  /** The context sets the key: problems with it are not of the file. */
  public setByContext(section: string, key: string): void {
    this.overridden.add(`${section}.${key}`);
  }

  public isSetByContext(section: string, key: string): boolean {
    return this.overridden.has(`${section}.${key}`);
  }

  /** The file writes `[section] key` as `[section] alias`. */
  public writtenAs(section: string, key: string, alias: string): void {
    this.written.set(`[${section}] ${key}`, alias);
  }

  /** Notes that a key does not have the value that is expected. */
  public add(section: string, key: string, expected: string, value: unknown): undefined {
    this.note([section, key], `[${section}] ${key} must be ${expected}, got: ${show(value)}`);
  }

  /** Notes a problem of the value at the path. */
  public note(path: Path, text: string): undefined {
    const [section, key] = path;
    const alias = this.written.get(`[${section}] ${key}`);
    const position = this.source?.position(alias === undefined ? path : [path[0] ?? '', alias, ...path.slice(2)]);
    const { line = Number.MAX_SAFE_INTEGER, column = 0 } = position ?? {};
    const context = this.isSetByContext(String(section), String(key));
    const where = context
      ? `context ${section}.${key}: `
      : this.source
        ? `${this.source.name}${position ? `:${line}:${column}` : ''}: `
        : '';
    this.noted.push({ line, column, text: where + this.asWritten(text) });
  }

  /** The result of the call, or `undefined` if the construct refuses properties: that is noted. */
  public attempt<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof PropertyError)) throw error;
      for (const problem of error.problems) this.note(pathOf(problem.property), inWordsOfFile(problem));
      return undefined;
    }
  }

  private asWritten(text: string): string {
    return [...this.written].reduce((result, [key, alias]) => {
      const section = key.slice(0, key.indexOf(']') + 1);
      return result.replaceAll(new RegExp(`${escaped(key)}(?![a-z_])`, 'g'), `${section} ${alias}`);
    }, text);
  }
}

/** The name of the key that sets what the alias sets, if it is an alias. */
export function unaliased(section: string, key: string): string | undefined {
  const ofSection = ALIASES[section];
  return ofSection && Object.hasOwn(ofSection, key) ? ofSection[key] : undefined;
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}

function inWordsOfFile({ property, rule, value, wayOut }: Problem): string {
  return `${keyOf(property)} ${translate(rule)}, got: ${value === 'undefined' ? 'nothing' : value}; ${translate(wayOut)}`;
}

function keyOf(property: string): string {
  const variable = /^(environment|secrets)\.(.+)$/.exec(property);
  if (variable?.[1] === 'environment') return `[lambda.environment] ${variable[2]}`;
  if (variable?.[1] === 'secrets') return `[lambda] secrets ${variable[2]}`;
  return KEYS[property] ?? `'${property}'`;
}

function pathOf(property: string): Path {
  const [, section = '', name = ''] = /^\[([\w.]+)\] (.+)$/.exec(keyOf(property)) ?? [];
  if (section === 'lambda.environment') return ['lambda', 'environment', name];
  return name.startsWith('secrets ') ? ['lambda', 'secrets'] : [section, name];
}

/** Replaces names of properties, and calls of the construct's classes, by what a deploy.toml has for them. */
export function translate(text: string): string {
  const named = text.replace(/'([A-Za-z0-9.]+)'/g, (quoted, name: string) => KEYS[name] ?? quoted);
  return Object.entries(WORDS).reduce((result, [code, words]) => result.replaceAll(code, words), named);
}

function escaped(text: string): string {
  return text.replace(/[[\]]/g, '\\$&');
}
