// The sections and keys of deploy.toml, with the type of each value. Other keys are errors: a misspelt key must not mean
// the default.

/** The type of a value. */
export type Kind =
  | { readonly kind: 'text'; readonly pattern?: RegExp; readonly expected?: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'number'; readonly least: number; readonly most: number }
  | { readonly kind: 'switch' }
  | { readonly kind: 'list' }
  | { readonly kind: 'names' };

/** The keys of a section, and the type of each value. */
export interface Kinds {
  readonly [key: string]: Kind | Entries;
}

/** Sections in two brackets, such as `[[iam.tables]]`, that are all alike. */
export interface Entries {
  readonly kind: 'entries';
  readonly keys: { readonly [key: string]: Kind };
  readonly required: readonly string[];
}

const text = { kind: 'text' } as const;
const arn = { kind: 'text', pattern: /^arn:[^:]+:[^:]+:/, expected: 'an ARN' } as const;
const onOff = { kind: 'switch' } as const;
const list = { kind: 'list' } as const;
const number = (least: number, most: number) => ({ kind: 'number', least, most }) as const;
const choice = (...choices: string[]) => ({ kind: 'choice', choices }) as const;
const entries = <K extends Entries['keys']>(keys: K, ...required: (keyof K & string)[]) =>
  ({ kind: 'entries', keys, required }) as const;

/** The sections, their keys, and the type of each value. */
export const SCHEMA = {
  target: { target_type: choice('aws-lambda') },
  server: {
    name: { kind: 'text', pattern: /^[A-Za-z][A-Za-z0-9-]{0,127}$/, expected: 'letters, digits and -, a letter first' },
    description: text,
    manifest_path: text,
    binary_name: text,
    cargo_lambda_flags: list,
    code: text,
  },
  aws: { region: text, profile: text },
  lambda: {
    memory_size: number(128, 10_240),
    timeout_seconds: number(1, 900),
    ephemeral_storage_size: number(512, 10_240),
    architecture: choice('arm64', 'x86_64'),
    reserved_concurrent_executions: number(0, 1_000_000),
    provisioned_concurrent_executions: number(1, 1_000_000),
    max_provisioned_concurrent_executions: number(1, 1_000_000),
    tracing: choice('active', 'passthrough', 'disabled'),
    secrets: list,
    environment: { kind: 'names' },
  },
  api_gateway: {
    type: choice('http', 'rest'),
    stage_name: text,
    throttling_rate_limit: number(1, 1_000_000),
    throttling_burst_limit: number(1, 1_000_000),
    streaming: onOff,
    access_log: onOff,
    cloud_watch_role: onOff,
    web_acl_arn: arn,
    managed_rules: onOff,
    domain_name: text,
    certificate_arn: arn,
    hosted_zone_id: text,
    hosted_zone_name: text,
  },
  cloud_front: {
    enabled: onOff,
    domain_name: text,
    certificate_arn: arn,
    hosted_zone_id: text,
    hosted_zone_name: text,
    web_acl_arn: arn,
    managed_rules: onOff,
    countries: list,
    read_timeout_seconds: number(1, 120),
  },
  auth: {
    enabled: onOff,
    provider: choice('iam', 'jwt', 'cognito', 'oidc', 'github', 'custom'),
    login: onOff,
    issuer: text,
    audience: list,
    scopes: list,
    domain_prefix: text,
    callback_urls: list,
    client_id: text,
    client_secret_name: text,
    upstream_scopes: list,
    access_token_seconds: number(60, 3600),
    refresh_token_days: number(1, 365),
    upstream_tokens: onOff,
    upstream_parameters: list,
    kms_signing: onOff,
    authorizer_arn: arn,
  },
  vpc: { enabled: onOff, vpc_id: text, subnet_ids: list, security_group_ids: list, dynamodb_endpoint: onOff },
  iam: {
    tables: entries({ name: text, actions: list, include_indexes: onOff }, 'name', 'actions'),
    buckets: entries({ name: text, actions: list, prefix: text }, 'name', 'actions'),
    secrets: entries({ name: text }, 'name'),
    statements: entries(
      { effect: choice('Allow', 'Deny'), actions: list, resources: list },
      'effect',
      'actions',
      'resources',
    ),
  },
  deployment: {
    type: choice('canary', 'linear', 'all-at-once'),
    percent: number(1, 99),
    interval_minutes: number(1, 2880),
    roll_back_on_alarms: onOff,
  },
  check: { enabled: onOff, tools: list, tool: text, token_secret: text, timeout_seconds: number(1, 600) },
  budget: { monthly_limit_usd: number(1, 10_000_000), tag: { kind: 'names' }, email: text },
  observability: {
    level: choice('none', 'basic', 'full'),
    alarms: onOff,
    composite_alarm: onOff,
    dashboard: onOff,
    saved_queries: onOff,
    log_retention_days: number(1, 3653),
    alarm_topic_arn: arn,
    alarm_email: text,
    application_log_level: choice('TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'),
    system_log_level: choice('DEBUG', 'INFO', 'WARN'),
    lambda_insights: onOff,
    application_signals: onOff,
    anomaly_detection: onOff,
    account_concurrency: number(1, 1_000_000),
    server_metrics: onOff,
    tools: list,
  },
  endpoint: {
    path: text,
    allowed_hosts: list,
    public_url: text,
    keep_function_url: onOff,
    cors_origins: list,
    cors_credentials: onOff,
    cors_max_age_seconds: number(0, 86_400),
  },
  events: {
    enabled: onOff,
    topic_arn: arn,
    allow_alarms: onOff,
    allow_event_bridge: onOff,
    ttl_minutes: number(1, 10_080),
    fanout_replicas: number(1, 90),
    ingest_timeout_seconds: number(1, 900),
    ingest_reserved_concurrent_executions: number(1, 1_000_000),
  },
  tasks: {
    enabled: onOff,
    memory_size: number(128, 10_240),
    timeout_seconds: number(1, 900),
    reserved_concurrent_executions: number(1, 1_000_000),
    max_concurrency: number(2, 1000),
    batch_size: number(1, 10),
    batch_window_seconds: number(1, 300),
    max_receive_count: number(1, 1000),
    ttl_seconds: number(1, 31_536_000),
    per_principal: number(1, 1_000_000),
    lease_seconds: number(10, 43_200),
    attempts: number(1, 1000),
    update_event_bus: text,
  },
  tools: { tables: list, topics: list, queues: list, metric_namespaces: list, monitor: list, regions: list },
  streams: { enabled: onOff, lifetime_seconds: number(1, 895), per_principal: number(1, 10_000) },
  large_results: {
    enabled: onOff,
    bucket: text,
    prefix: text,
    max_bytes: number(16_384, 209_715_200),
    link_seconds: number(60, 604_800),
    expiration_days: number(1, 3653),
  },
  state: {
    state_table: text,
    event_table: text,
    removal: choice('retain', 'destroy'),
    point_in_time_recovery: onOff,
    deletion_protection: onOff,
    max_read_request_units: number(1, 1_000_000),
    max_write_request_units: number(1, 1_000_000),
    sessions: choice('required', 'optional', 'off'),
    session_ttl_minutes: number(1, 525_600),
  },
} as const satisfies Record<string, Kinds>;

/** Keys that other tools write for ours. */
export const ALIASES: { readonly [section: string]: { readonly [alias: string]: string } } = {
  lambda: {
    reserved_concurrency: 'reserved_concurrent_executions',
    provisioned_concurrency: 'provisioned_concurrent_executions',
  },
  api_gateway: { throttling_rate: 'throttling_rate_limit', throttling_burst: 'throttling_burst_limit' },
};

/** What is expected of the value, if it is not that. */
export function problemOf(kind: Kind, value: unknown): string | undefined {
  return fits(kind, value) ? undefined : expectedOf(kind);
}

function fits(kind: Kind, value: unknown): boolean {
  const isText = (it: unknown) => typeof it === 'string' && it !== '';
  switch (kind.kind) {
    case 'text':
      return isText(value) && (kind.pattern?.test(value as string) ?? true);
    case 'choice':
      return kind.choices.includes(value as string);
    case 'number':
      return Number.isInteger(value) && (value as number) >= kind.least && (value as number) <= kind.most;
    case 'switch':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value) && value.every(isText);
    case 'names': {
      const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
      return isTable && Object.values(value).every(it => typeof it === 'string');
    }
  }
}

function expectedOf(kind: Kind): string {
  switch (kind.kind) {
    case 'text':
      return kind.expected ?? 'text';
    case 'choice':
      return kind.choices.map(it => `"${it}"`).join(' or ');
    case 'number':
      return `a whole number from ${kind.least} to ${kind.most}`;
    case 'switch':
      return 'true or false';
    case 'list':
      return 'a list of texts';
    case 'names':
      return 'a section of texts';
  }
}

type Value<K extends Kind | Entries> = K extends { kind: 'entries'; keys: infer Keys extends Entries['keys'] }
  ? readonly { readonly [Key in keyof Keys]?: Value<Keys[Key]> }[]
  : K extends { kind: 'number' }
  ? number
  : K extends { kind: 'switch' }
    ? boolean
    : K extends { kind: 'list' }
      ? string[]
      : K extends { kind: 'names' }
        ? { [name: string]: string }
        : string;

/** The values of a deploy.toml. Every section is present, with the keys that are set. */
export type DeployConfig = {
  readonly [S in keyof typeof SCHEMA]: {
    readonly [K in keyof (typeof SCHEMA)[S]]?: Value<(typeof SCHEMA)[S][K] & (Kind | Entries)>;
  };
};
