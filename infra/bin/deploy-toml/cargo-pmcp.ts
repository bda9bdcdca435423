// Converts a deploy.toml of cargo-pmcp, of its documentation or of its program, to one of ours.
import { stringify } from 'smol-toml';
import { unaliased } from './problems';
import { SCHEMA, type Kinds } from './schema';
import { Source } from './source';

type Values = { [key: string]: unknown };

/** A key that the converted file does not have, and why. */
export interface DroppedKey {
  /** Such as `[composition] tier`. */
  readonly key: string;
  readonly reason: string;
}

/** A converted file. */
export interface ConvertedConfig {
  /** The text of a deploy.toml for `npx cdk deploy`. */
  readonly text: string;
  /** What the other file has and this one has not, in the order of that file. */
  readonly dropped: readonly DroppedKey[];
}

/**
 * Converts the text of a `.pmcp/deploy.toml`. `name` is that of the file in messages. Fails with a `DeployConfigError` only for
 * a text that is not TOML; whether the values fit, `readDeployConfig()` says.
 */
export function convertCargoPmcp(text: string, name: string): ConvertedConfig {
  const converter = new Converter();
  for (const [section, keys] of Object.entries(new Source(text, name).value)) converter.section(section, keys);
  return { text: converter.text(), dropped: converter.dropped };
}

/** Where a key goes, or why it goes nowhere. A function makes other values of the one that there is. */
type Rule = string | { readonly dropped: string } | ((converter: Converter, value: unknown) => void);

const NOT_HERE = 'this file deploys to AWS Lambda only';
const ELSEWHERE = (what: string) => ({ dropped: what });

/** The keys of the program's files that are not keys of ours under the same name. */
const RULES: { readonly [key: string]: Rule } = {
  'target.type': (converter, value) => converter.target(value),
  'target.version': ELSEWHERE('the format of this file has no version'),
  'aws.account_id': ELSEWHERE('the account is that of the credentials'),
  'server.memory_mb': 'lambda.memory_size',
  'server.timeout_seconds': 'lambda.timeout_seconds',
  'server.ephemeral_storage_mb': 'lambda.ephemeral_storage_size',
  'server.reserved_concurrency': 'lambda.reserved_concurrent_executions',
  'server.mcp_path': 'endpoint.path',
  'server.binary': 'server.binary_name',
  'auth.provider': (converter, value) => converter.provider(value),
  'auth.cognito': (converter, value) => converter.cognito(value),
  'auth.oidc': (converter, value) => converter.oidc(value),
  'auth.dcr': ELSEWHERE('the login registers clients; with [auth] provider = "jwt" the issuer does'),
  'observability.create_dashboard': 'observability.dashboard',
  'observability.enable_xray': (converter, value) => converter.set('lambda', 'tracing', value ? 'active' : 'passthrough'),
  'observability.log_retention': 'observability.log_retention_days',
  'api_gateway.rate_limit': 'api_gateway.throttling_rate_limit',
  'api_gateway.burst_limit': 'api_gateway.throttling_burst_limit',
  'post_deploy_tests.enabled': 'check.enabled',
  'post_deploy_tests.timeout_seconds': 'check.timeout_seconds',
  'post_deploy_tests.checks': ELSEWHERE('mcp-lambda test has them, for the output McpEndpoint'),
  'build.features': (converter, value) => converter.flags('--features', (value as string[]).join(',')),
  'build.no_default_features': (converter, value) => value === true && converter.flags('--no-default-features'),
};

/** Sections of which nothing is taken. */
const DROPPED_SECTIONS: { readonly [section: string]: string } = {
  gcp: NOT_HERE,
  azure: NOT_HERE,
  layout: NOT_HERE,
  runtime: NOT_HERE,
  assets: 'files beside the program are part of its package: put them into the folder of [server] code',
  composition: 'servers are composed in the program, or in a servers.yaml',
  widgets: 'the program serves its resources itself',
  metadata: 'nothing reads it',
};

class Converter {
  public readonly dropped: DroppedKey[] = [];
  private readonly values: { [section: string]: Values } = {};

  public text(): string {
    // An API of cargo-pmcp is an HTTP API, whether it has settings or not.
    if (this.values['api_gateway']?.['type'] === undefined) this.set('api_gateway', 'type', 'http');
    const inOrder = Object.keys(SCHEMA).filter(name => this.values[name]);
    const sections = Object.fromEntries(inOrder.map(name => [name, this.values[name]]));
    return `#:schema ./node_modules/mcp-lambda-server/deploy.schema.json\n${stringify(sections)}\n`;
  }

  public section(section: string, keys: unknown): void {
    const dropped = own(DROPPED_SECTIONS, section);
    if (dropped !== undefined) return this.drop(`[${section}]`, dropped);
    if (typeof keys !== 'object' || keys === null) return this.drop(section, 'it is no section');
    if (section === 'environment') return this.set('lambda', 'environment', keys);
    if (section === 'secrets') return this.secrets(Object.keys(keys));
    for (const [key, value] of Object.entries(keys)) this.key(section, key, value);
  }

  public set(section: string, key: string, value: unknown): void {
    (this.values[section] ??= {})[key] = value;
  }

  public target(value: unknown): void {
    if (value !== 'aws-lambda') return this.drop('[target] type', `${JSON.stringify(value)} is another target: ${NOT_HERE}`);
    this.set('target', 'target_type', value);
  }

  public provider(value: unknown): void {
    if (value === 'none') return this.set('auth', 'enabled', false);
    this.set('auth', 'provider', value === 'oidc' ? 'jwt' : value);
  }

  public cognito(value: unknown): void {
    for (const [key, inner] of Object.entries((value ?? {}) as Values)) {
      if (key === 'domain') this.set('auth', 'domain_prefix', inner);
      else this.drop(`[auth.cognito] ${key}`, 'the new user pool has the settings of McpAuth.login()');
    }
  }

  public oidc(value: unknown): void {
    for (const [key, inner] of Object.entries((value ?? {}) as Values)) {
      if (key === 'issuer') this.set('auth', 'issuer', inner);
      else if (key === 'client_id') this.set('auth', 'audience', [inner]);
      else this.drop(`[auth.oidc] ${key}`, 'tokens are checked with the keys of the issuer alone');
    }
  }

  public flags(...flags: string[]): void {
    const before = (this.values['server']?.['cargo_lambda_flags'] ?? []) as string[];
    this.set('server', 'cargo_lambda_flags', [...before, ...flags]);
  }

  private key(section: string, written: string, value: unknown): void {
    const rule = own(RULES, `${section}.${written}`);
    if (typeof rule === 'function') return rule(this, value);
    if (typeof rule === 'object') return this.drop(`[${section}] ${written}`, rule.dropped);
    const [to = section, key = unaliased(section, written) ?? written] = rule?.split('.') ?? [];
    const known = own(SCHEMA as { readonly [section: string]: Kinds }, to);
    if (known && Object.hasOwn(known, key)) return this.set(to, key, value);
    this.drop(`[${section}] ${written}`, 'this file has no such key');
  }

  private secrets(names: string[]): void {
    if (names.length === 0) return;
    this.set('lambda', 'secrets', names);
    for (const name of names) this.drop(`[secrets] ${name}`, `its value is not in this file: scripts/operate secrets set ${name}`);
  }

  private drop(key: string, reason: string): void {
    this.dropped.push({ key, reason });
  }
}

function own<T>(values: { readonly [key: string]: T }, key: string): T | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}
