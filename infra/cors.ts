import type { Duration } from 'aws-cdk-lib';
import { refuse, seconds } from './validation';

/**
 * Which pages in browsers may call. The server answers preflights itself, whatever the front.
 */
export interface McpCors {
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
   * How long a browser may keep a preflight's answer.
   *
   * @default Duration.days(1)
   */
  readonly maxAge?: Duration;
}

export function checkCors(cors: McpCors): void {
  const { allowOrigins } = cors;
  if (allowOrigins.length === 0) {
    refuse('cors.allowOrigins', '[]', 'must name an origin', "leave 'cors' out to allow no page");
  }
  if (allowOrigins.includes('*') && cors.allowCredentials) {
    const rule = "must not be '*' together with 'cors.allowCredentials': browsers refuse it";
    refuse('cors.allowOrigins', allowOrigins, rule, 'list the origins');
  }
  if (allowOrigins.includes('*') && allowOrigins.length > 1) {
    refuse('cors.allowOrigins', allowOrigins, "must be '*' alone or origins", "remove '*' or the others");
  }
  for (const origin of allowOrigins) {
    if (origin === '*' || /^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/i.test(origin)) continue;
    refuse(
      'cors.allowOrigins',
      origin,
      'must hold origins: a scheme and a host, no path',
      'write https://app.example.com',
    );
  }
  const age = seconds(cors.maxAge);
  if (age !== undefined && !Number.isInteger(age)) {
    refuse('cors.maxAge', cors.maxAge, 'must be whole seconds', 'use Duration.seconds()');
  }
}
