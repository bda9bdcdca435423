import { Fn, Token, Tokenization } from 'aws-cdk-lib';

interface EnvironmentVariable {
  /** The variable's name, as the runtime reads it. */
  readonly name: string;
  /** The property of the construct that sets it. */
  readonly prop: string;
}

/**
 * The environment variables that the construct sets. `tests/contract/environment.json` lists what the runtime reads;
 * the tests of both compare themselves with it.
 */
export const ENVIRONMENT = {
  path: { name: 'MCP_PATH', prop: 'path' },
  responseMode: { name: 'MCP_RESPONSE_MODE', prop: 'endpoint' },
  streams: { name: 'MCP_STREAMS', prop: 'streams.enabled' },
  streamSeconds: { name: 'MCP_STREAM_SECONDS', prop: 'streams.lifetime' },
  streamsPerPrincipal: { name: 'MCP_STREAMS_PER_PRINCIPAL', prop: 'streams.perPrincipal' },
  stateKeys: { name: 'MCP_STATE_KEYS', prop: 'stateKeys' },
  stateKeysSecret: { name: 'MCP_STATE_KEYS_SECRET', prop: 'stateKeys' },
  largeResultsBucket: { name: 'MCP_LARGE_RESULTS_BUCKET', prop: 'largeResults' },
  largeResultsPrefix: { name: 'MCP_LARGE_RESULTS_PREFIX', prop: 'largeResults' },
  largeResultsBytes: { name: 'MCP_LARGE_RESULTS_BYTES', prop: 'largeResults' },
  largeResultsLinkSeconds: { name: 'MCP_LARGE_RESULTS_LINK_SECONDS', prop: 'largeResults' },
  toolTables: { name: 'MCP_TOOL_TABLES', prop: 'toolResources.tables' },
  toolTopics: { name: 'MCP_TOOL_TOPICS', prop: 'toolResources.topics' },
  toolQueues: { name: 'MCP_TOOL_QUEUES', prop: 'toolResources.queues' },
  toolMetricNamespaces: { name: 'MCP_TOOL_METRIC_NAMESPACES', prop: 'toolResources.metricNamespaces' },
  toolMonitor: { name: 'MCP_TOOL_MONITOR', prop: 'toolResources.monitor' },
  toolRegions: { name: 'MCP_TOOL_REGIONS', prop: 'toolResources.regions' },
  sessions: { name: 'MCP_SESSIONS', prop: 'state.sessions' },
  sessionTtlMinutes: { name: 'SESSION_TTL_MINUTES', prop: 'state.sessionTtl' },
  stateTable: { name: 'SESSION_TABLE_NAME', prop: 'state.stateTable' },
  eventTable: { name: 'EVENT_TABLE_NAME', prop: 'state.eventTable' },
  topic: { name: 'SNS_TOPIC_ARN', prop: 'mcpEvents.topic' },
  events: { name: 'MCP_EVENTS', prop: 'mcpEvents' },
  eventTtlMinutes: { name: 'EVENT_TTL_MINUTES', prop: 'mcpEvents.ttl' },
  eventReplicas: { name: 'EVENT_FANOUT_REPLICAS', prop: 'mcpEvents.fanoutReplicas' },
  allowedHosts: { name: 'MCP_ALLOWED_HOSTS', prop: 'allowedHosts' },
  corsOrigins: { name: 'MCP_CORS_ORIGINS', prop: 'cors.allowOrigins' },
  corsCredentials: { name: 'MCP_CORS_CREDENTIALS', prop: 'cors.allowCredentials' },
  corsMaxAge: { name: 'MCP_CORS_MAX_AGE', prop: 'cors.maxAge' },
  publicUrl: { name: 'MCP_PUBLIC_URL', prop: 'publicUrl' },
  auth: { name: 'MCP_AUTH', prop: 'auth' },
  jwtIssuer: { name: 'MCP_JWT_ISSUER', prop: 'auth' },
  jwtAudience: { name: 'MCP_JWT_AUDIENCE', prop: 'auth' },
  jwtScopes: { name: 'MCP_JWT_SCOPES', prop: 'auth' },
  jwtAlgorithms: { name: 'MCP_JWT_ALGORITHMS', prop: 'auth' },
  loginIssuer: { name: 'MCP_LOGIN_ISSUER', prop: 'auth' },
  loginResources: { name: 'MCP_LOGIN_RESOURCES', prop: 'auth' },
  loginAudience: { name: 'MCP_LOGIN_AUDIENCE', prop: 'auth' },
  loginKeys: { name: 'MCP_LOGIN_KEYS_SECRET', prop: 'auth.keys' },
  loginSigningKeys: { name: 'MCP_LOGIN_SIGNING_KEYS', prop: 'auth.kmsSigning' },
  loginUpstream: { name: 'MCP_LOGIN_UPSTREAM', prop: 'auth' },
  loginUpstreamIssuer: { name: 'MCP_LOGIN_UPSTREAM_ISSUER', prop: 'auth.issuer' },
  loginUpstreamClientId: { name: 'MCP_LOGIN_UPSTREAM_CLIENT_ID', prop: 'auth.clientId' },
  loginUpstreamClientSecret: { name: 'MCP_LOGIN_UPSTREAM_CLIENT_SECRET_ARN', prop: 'auth.clientSecret' },
  loginUpstreamScopes: { name: 'MCP_LOGIN_UPSTREAM_SCOPES', prop: 'auth.upstreamScopes' },
  loginUpstreamParameters: { name: 'MCP_LOGIN_UPSTREAM_PARAMETERS', prop: 'auth.upstreamParameters' },
  loginUpstreamAuthorizeUrl: { name: 'MCP_LOGIN_UPSTREAM_AUTHORIZE_URL', prop: 'auth.oauth2' },
  loginUpstreamTokenUrl: { name: 'MCP_LOGIN_UPSTREAM_TOKEN_URL', prop: 'auth.oauth2' },
  loginUpstreamUserUrl: { name: 'MCP_LOGIN_UPSTREAM_USER_URL', prop: 'auth.oauth2' },
  loginScopes: { name: 'MCP_LOGIN_SCOPES', prop: 'auth.scopes' },
  loginAccessTokenSeconds: { name: 'MCP_LOGIN_ACCESS_TOKEN_SECONDS', prop: 'auth.accessTokenLifetime' },
  loginRefreshTokenSeconds: { name: 'MCP_LOGIN_REFRESH_TOKEN_SECONDS', prop: 'auth.refreshTokenLifetime' },
  loginUpstreamTokens: { name: 'MCP_LOGIN_UPSTREAM_TOKENS', prop: 'auth.upstreamTokens' },
  loginUpstreamKeys: { name: 'MCP_LOGIN_UPSTREAM_KEYS_SECRET', prop: 'auth.upstreamTokens' },
  loginRegistrationsPerMinute: { name: 'MCP_LOGIN_REGISTRATIONS_PER_MINUTE', prop: 'auth.registrationsPerMinute' },
  taskQueue: { name: 'TASK_QUEUE_URL', prop: 'tasks' },
  taskTtlSeconds: { name: 'MCP_TASK_TTL_SECONDS', prop: 'tasks.ttl' },
  tasksPerPrincipal: { name: 'MCP_TASKS_PER_PRINCIPAL', prop: 'tasks.perPrincipal' },
  tasksPerProcess: { name: 'MCP_TASKS_PER_PROCESS', prop: 'tasks.tasksPerWorker' },
  taskLeaseSeconds: { name: 'MCP_TASK_LEASE_SECONDS', prop: 'tasks.lease' },
  taskAttempts: { name: 'MCP_TASK_ATTEMPTS', prop: 'tasks.attempts' },
  role: { name: 'MCP_ROLE', prop: 'tasks' },
  listen: { name: 'MCP_LISTEN', prop: 'McpAgentCoreRuntime' },
} as const satisfies { [key: string]: EnvironmentVariable };

/**
 * What every process of the program gets besides: with it the allocator of glibc gives the memory of a large request back.
 * Without it, it raises its threshold with each large request, and keeps what lies below.
 */
export const ALLOCATOR: Variables = { MALLOC_TRIM_THRESHOLD_: '131072' };

/** Environment variables by name. */
export type Variables = { [name: string]: string };

/**
 * The environment variables of the values that are defined, as text.
 */
export function variables(values: {
  [key in keyof typeof ENVIRONMENT]?: string | number | boolean | undefined;
}): Variables {
  const defined: Variables = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    // A number may be a token.
    const text = typeof value === 'number' ? Tokenization.stringifyNumber(value) : String(value);
    defined[ENVIRONMENT[key as keyof typeof ENVIRONMENT].name] = text;
  }
  return defined;
}

/**
 * A list in the form the runtime reads: separated by commas. Items may be tokens.
 */
export function commaList(items: string[] | undefined): string | undefined {
  if (items === undefined || items.length === 0) return undefined;
  return items.some(item => Token.isUnresolved(item)) ? Fn.join(',', items) : items.join(',');
}
