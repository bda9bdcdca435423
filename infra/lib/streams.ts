import { Duration } from 'aws-cdk-lib';
import { checkAll, checkNumber, fail, seconds } from './private/validation';

/** The runtime ends a stream this long before the function's timeout. */
const MARGIN_SECONDS = 5;

/**
 * Streams that wait for events. On Lambda each open stream occupies an execution environment, billed by the second.
 */
export interface McpStreamsOptions {
  /**
   * Whether clients may open streams.
   *
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * The longest lifetime of a stream. Clients reconnect and miss no event.
   *
   * @default - 60 seconds, or less if the function's timeout is shorter
   */
  readonly lifetime?: Duration;

  /**
   * How many streams one caller may hold open.
   *
   * @default 16
   */
  readonly perPrincipal?: number;
}

/** The runtime's default. */
const DEFAULT_LIFETIME_SECONDS = 60;

/** The longest lifetime of a stream behind a function with the timeout; `undefined` if there are no streams. */
export function streamLifetime(options: McpStreamsOptions, timeout: Duration): Duration | undefined {
  if (options.enabled === false) return undefined;
  if (options.lifetime) return options.lifetime;
  const limit = seconds(timeout);
  return limit === undefined ? timeout : Duration.seconds(Math.max(1, Math.min(DEFAULT_LIFETIME_SECONDS, limit - MARGIN_SECONDS)));
}

export function checkStreams(options: McpStreamsOptions, timeout: Duration): void {
  checkAll(
    () => checkNumber('streams.perPrincipal', options.perPrincipal, 1, 10_000),
    () => checkLifetime(options, timeout),
  );
}

function checkLifetime(options: McpStreamsOptions, timeout: Duration): void {
  const [lifetime, limit] = [seconds(options.lifetime), seconds(timeout)];
  if (lifetime === undefined || limit === undefined) return;
  if (lifetime < 1 || !Number.isInteger(lifetime)) {
    fail('streams.lifetime', options.lifetime, 'must be whole seconds, one or more', 'use Duration.seconds()');
  }
  if (lifetime > limit - MARGIN_SECONDS) {
    const rule = `must be at least ${MARGIN_SECONDS} seconds below the timeout of ${limit} seconds`;
    fail('streams.lifetime', options.lifetime, rule, "shorten it or raise 'timeout'");
  }
}
