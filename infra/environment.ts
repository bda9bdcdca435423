import { Fn, Token, Tokenization } from 'aws-cdk-lib';

/**
 * The environment variables that the construct sets and the runtime reads. `tests/contract/environment.json` is the
 * list both sides are held to.
 */
export const ENVIRONMENT = {
  path: 'MCP_PATH',
  responseMode: 'MCP_RESPONSE_MODE',
  streams: 'MCP_STREAMS',
  streamSeconds: 'MCP_STREAM_SECONDS',
  streamsPerPrincipal: 'MCP_STREAMS_PER_PRINCIPAL',
  stateKeys: 'MCP_STATE_KEYS',
  sessionTtlMinutes: 'SESSION_TTL_MINUTES',
  stateTable: 'SESSION_TABLE_NAME',
  eventTable: 'EVENT_TABLE_NAME',
  topic: 'SNS_TOPIC_ARN',
  events: 'MCP_EVENTS',
  eventTtlMinutes: 'EVENT_TTL_MINUTES',
  eventReplicas: 'EVENT_FANOUT_REPLICAS',
  allowedHosts: 'MCP_ALLOWED_HOSTS',
  corsOrigins: 'MCP_CORS_ORIGINS',
  corsCredentials: 'MCP_CORS_CREDENTIALS',
  corsMaxAge: 'MCP_CORS_MAX_AGE',
  publicUrl: 'MCP_PUBLIC_URL',
  auth: 'MCP_AUTH',
  jwtIssuer: 'MCP_JWT_ISSUER',
  jwtAudience: 'MCP_JWT_AUDIENCE',
  jwtScopes: 'MCP_JWT_SCOPES',
} as const;

/** Variables by name. */
export type Variables = { [name: string]: string };

/** The variables among these that have a value, as text. */
export function variables(values: {
  [key in keyof typeof ENVIRONMENT]?: string | number | boolean | undefined;
}): Variables {
  const set: Variables = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    // A number may stand for one that is only known at deployment.
    const text = typeof value === 'number' ? Tokenization.stringifyNumber(value) : String(value);
    set[ENVIRONMENT[key as keyof typeof ENVIRONMENT]] = text;
  }
  return set;
}

/** A list as the runtime reads it. Entries may be known only at deployment. */
export function commaList(items: string[] | undefined): string | undefined {
  if (items === undefined || items.length === 0) return undefined;
  return items.some(item => Token.isUnresolved(item)) ? Fn.join(',', items) : items.join(',');
}
