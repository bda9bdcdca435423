import type { Duration } from 'aws-cdk-lib';
import { fail, seconds } from '../private/validation';

/** Fails unless the duration is whole seconds within the bounds. A token passes. */
export function checkSecondsBetween(property: string, value: Duration | undefined, least: number, most: number): void {
  const count = seconds(value);
  if (count === undefined || (Number.isInteger(count) && count >= least && count <= most)) return;
  fail(property, value, `must be whole seconds from ${least} to ${most}`, 'choose a time within');
}
