import { Duration, Token } from 'aws-cdk-lib';

/**
 * Stops synthesis with everything needed to go on: which property, what it holds, the rule, and the way out.
 */
export function refuse(property: string, value: unknown, rule: string, wayOut: string): never {
  throw new Error(`'${property}' ${rule}, got: ${text(value)}; ${wayOut}`);
}

/**
 * A whole number within bounds. Values only known at deployment pass.
 */
export function checkNumber(property: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (Number.isInteger(value) && value >= least && value <= most) return;
  refuse(property, value, `must be a whole number from ${least} to ${most}`, 'choose a number within');
}

/**
 * A duration's whole seconds, or nothing if they are only known at deployment.
 */
export function seconds(duration: Duration | undefined): number | undefined {
  if (duration === undefined || duration.isUnresolved()) return undefined;
  return duration.toSeconds({ integral: false });
}

function text(value: unknown): string {
  if (value instanceof Duration) return `${value.toSeconds({ integral: false })} seconds`;
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.map(text).join(', ') : String(value);
}
