import type { Duration } from 'aws-cdk-lib';
import { checkNumber, refuse, seconds } from './validation';

/** A stream is ended this long before the function would be. */
const MARGIN_SECONDS = 5;

/**
 * Streams that wait for events. On Lambda each one open is one environment, billed by the second.
 */
export interface McpStreamsProps {
  /**
   * Whether there are any.
   *
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * Their longest life. Clients reconnect and miss nothing.
   *
   * @default - 60 seconds, and never longer than the timeout leaves
   */
  readonly life?: Duration;

  /**
   * How many one caller may hold open.
   *
   * @default 16
   */
  readonly perPrincipal?: number;
}

export function checkStreams(props: McpStreamsProps, timeout: Duration): void {
  checkNumber('streams.perPrincipal', props.perPrincipal, 1, 10_000);
  const [life, limit] = [seconds(props.life), seconds(timeout)];
  if (life === undefined || limit === undefined) return;
  if (life < 1 || !Number.isInteger(life)) {
    refuse('streams.life', props.life, 'must be whole seconds, one or more', 'use Duration.seconds()');
  }
  if (life > limit - MARGIN_SECONDS) {
    const rule = `must be at least ${MARGIN_SECONDS} seconds below the timeout of ${limit} seconds`;
    refuse('streams.life', props.life, rule, "shorten it or raise 'timeout'");
  }
}
