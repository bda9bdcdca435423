import type { Duration } from 'aws-cdk-lib';
import { checkAll, checkEach, fail, seconds } from './private/validation';

/**
 * The web pages that may call. The server answers preflights itself, behind every endpoint.
 */
export interface McpCorsOptions {
  /**
   * Origins such as `https://app.example.com`, or only `*`.
   */
  readonly allowOrigins: string[];

  /**
   * Whether browsers may send credentials. Not with `*`.
   *
   * @default false
   */
  readonly allowCredentials?: boolean;

  /**
   * How long a browser may cache the response to a preflight.
   *
   * @default Duration.days(1)
   */
  readonly maxAge?: Duration;
}

export function checkCors(cors: McpCorsOptions): void {
  checkAll(
    () => checkOrigins(cors),
    () => checkMaxAge(cors.maxAge),
  );
}

function checkOrigins({ allowOrigins, allowCredentials }: McpCorsOptions): void {
  if (allowOrigins.length === 0) {
    fail('cors.allowOrigins', '[]', 'must name an origin', "leave 'cors' out to allow no web page");
  }
  if (allowOrigins.includes('*') && allowCredentials) {
    const rule = "must not be '*' together with 'cors.allowCredentials': browsers refuse it";
    fail('cors.allowOrigins', allowOrigins, rule, 'list the origins');
  }
  if (allowOrigins.includes('*') && allowOrigins.length > 1) {
    fail('cors.allowOrigins', allowOrigins, "must be '*' alone or origins", "remove '*' or the others");
  }
  checkEach(allowOrigins, origin => {
    if (origin === '*' || /^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/i.test(origin)) return;
    const rule = 'must hold origins: a scheme and a host, no path';
    fail('cors.allowOrigins', origin, rule, 'write https://app.example.com');
  });
}

function checkMaxAge(maxAge: Duration | undefined): void {
  const count = seconds(maxAge);
  if (count === undefined || Number.isInteger(count)) return;
  fail('cors.maxAge', maxAge, 'must be whole seconds', 'use Duration.seconds()');
}
