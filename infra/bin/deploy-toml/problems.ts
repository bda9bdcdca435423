// What is wrong with a deploy.toml, in its own words.
import { PropertyError, type Problem } from '../../lib/private/validation';
import { KEYS, WORDS } from './keys';

/** All problems of a configuration. Nothing is created while there are any. */
export class Problems {
  public readonly lines: string[] = [];

  /** Notes that a key does not have the value that is expected. */
  public add(section: string, key: string, expected: string, value: unknown): undefined {
    this.lines.push(`[${section}] ${key} must be ${expected}, got: ${value === undefined ? 'nothing' : JSON.stringify(value)}`);
  }

  /** The result of the call, or `undefined` if the construct refuses properties: that is noted. */
  public attempt<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof PropertyError)) throw error;
      this.lines.push(...error.problems.map(inWordsOfFile));
      return undefined;
    }
  }
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

/** Replaces names of properties, and calls of the construct's classes, by what a deploy.toml has for them. */
export function translate(text: string): string {
  const named = text.replace(/'([A-Za-z0-9.]+)'/g, (quoted, name: string) => KEYS[name] ?? quoted);
  return Object.entries(WORDS).reduce((result, [code, words]) => result.replaceAll(code, words), named);
}
