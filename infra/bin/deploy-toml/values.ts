import { Duration } from 'aws-cdk-lib';

/** A number of seconds as a duration. */
export function seconds(count: number | undefined): Duration | undefined {
  return given(count, it => Duration.seconds(it));
}

/** What is made of the value, if there is one. */
export function given<T, U>(value: T | undefined, make: (value: T) => U): U | undefined {
  return value === undefined ? undefined : make(value);
}
