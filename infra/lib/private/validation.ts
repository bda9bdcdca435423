import { Duration, Token } from 'aws-cdk-lib';

/** What is wrong with a property, and what to do about it. */
export interface Problem {
  readonly property: string;
  readonly value: string;
  readonly rule: string;
  readonly wayOut: string;
}

/** Properties that cannot work. The message has a line for each. */
export class PropertyError extends Error {
  public constructor(public readonly problems: Problem[]) {
    const line = ({ property, rule, value, wayOut }: Problem) => `'${property}' ${rule}, got: ${value}; ${wayOut}`;
    super(problems.map(line).join('\n'));
  }
}

/**
 * Fails synthesis with all that is needed to correct the app: the property, the rule, the value, and the way out.
 */
export function fail(property: string, value: unknown, rule: string, wayOut: string): never {
  throw new PropertyError([{ property, value: text(value), rule, wayOut }]);
}

/** Runs every check, then fails with the problems of all of them. */
export function checkAll(...checks: (() => void)[]): void {
  const problems = checks.flatMap(check => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof PropertyError) return error.problems;
      throw error;
    }
  });
  if (problems.length > 0) throw new PropertyError(problems);
}

/** Runs the check for every item, then fails with the problems of all of them. */
export function checkEach<T>(items: readonly T[], check: (item: T) => void): void {
  checkAll(...items.map(item => () => check(item)));
}

/**
 * Fails unless the value is a whole number within the bounds. A token, known only at deployment, passes.
 */
export function checkNumber(property: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (Number.isInteger(value) && value >= least && value <= most) return;
  fail(property, value, `must be a whole number from ${least} to ${most}`, 'choose a number within');
}

/**
 * Fails unless the duration is whole seconds within the bounds. A token passes.
 */
export function checkSeconds(property: string, value: Duration | undefined, most: number, wayOut: string): void {
  const count = seconds(value);
  if (count === undefined || (Number.isInteger(count) && count >= 1 && count <= most)) return;
  fail(property, value, `must be whole seconds from 1 to ${most}`, wayOut);
}

/**
 * Fails unless the duration is whole minutes. A token passes.
 */
export function checkMinutes(property: string, value: Duration | undefined): void {
  const count = seconds(value);
  if (count === undefined || (count >= 60 && count % 60 === 0)) return;
  fail(property, value, 'must be whole minutes, one or more', 'use Duration.minutes()');
}

/**
 * The duration in seconds, or `undefined` for a token.
 */
export function seconds(duration: Duration | undefined): number | undefined {
  if (duration === undefined || duration.isUnresolved()) return undefined;
  return duration.toSeconds({ integral: false });
}

function text(value: unknown): string {
  if (value instanceof Duration) return `${value.toSeconds({ integral: false })} seconds`;
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(text).join(', ');
  // A struct of options has no text of its own.
  return String(value) === '[object Object]' ? '{...}' : String(value);
}
