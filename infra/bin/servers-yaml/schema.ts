// The keys of servers.yaml. Those of a server begin with the keys of the schema that others have published for stdio
// servers on Lambda: name, description, command, args, env, timeout, memory, reserved_concurrency, dead_letter_queue and
// vpc_config.
import { SCHEMA as DEPLOY_TOML, type Kind } from '../deploy-toml/schema';

const text = { kind: 'text' } as const;
const list = { kind: 'list' } as const;
const names = { kind: 'names' } as const;
const number = (least: number, most: number) => ({ kind: 'number', least, most }) as const;
const choice = (...choices: string[]) => ({ kind: 'choice', choices }) as const;

type Kinds = { readonly [key: string]: Kind };

/** Keys of a function, for a server and for several of one endpoint. */
const FUNCTION = {
  name: text,
  description: text,
  timeout: number(1, 900),
  memory: number(128, 10_240),
  reserved_concurrency: number(0, 1_000_000),
  dead_letter_queue: { kind: 'switch' },
  child_per: choice('server', 'session', 'principal', 'invocation'),
} as const satisfies Kinds;

/** Keys of a server besides `vpc_config`. */
export const SERVER = {
  ...FUNCTION,
  command: text,
  args: list,
  env: names,
  secrets: names,
  npm: text,
  pypi: text,
  bin: text,
  script: text,
  requirements: list,
  python: text,
  ignored_install_scripts: list,
  folder: text,
  image: text,
  runtime: text,
} as const satisfies Kinds;

/** Keys of an endpoint with several servers, besides `vpc_config`. */
export const COMPOSED = { ...FUNCTION, servers: list } as const satisfies Kinds;

export const VPC_CONFIG = { vpc_id: text, subnet_ids: list, security_group_ids: list } as const satisfies Kinds;

/** Sections that apply to all servers, with their keys of deploy.toml. */
export const SECTIONS = {
  aws: DEPLOY_TOML.aws,
  lambda: DEPLOY_TOML.lambda,
  api_gateway: DEPLOY_TOML.api_gateway,
  auth: DEPLOY_TOML.auth,
  observability: DEPLOY_TOML.observability,
  endpoint: DEPLOY_TOML.endpoint,
  events: DEPLOY_TOML.events,
  streams: DEPLOY_TOML.streams,
  large_results: DEPLOY_TOML.large_results,
  state: DEPLOY_TOML.state,
  agentcore: { enabled: { kind: 'switch' }, gateway_name: text },
} as const satisfies { readonly [section: string]: Kinds };

/** Keys of the file itself. */
export const TOP = {
  name: DEPLOY_TOML.server.name,
  description: text,
  binary: text,
} as const satisfies Kinds;

/** The name of a server: a part of its path, the prefix of its tools in a composition, and in the log. */
export const SERVER_NAME = /^[a-z][a-z0-9-]{0,31}$/;

type Value<K extends Kind> = K extends { kind: 'number' }
  ? number
  : K extends { kind: 'switch' }
    ? boolean
    : K extends { kind: 'list' }
      ? string[]
      : K extends { kind: 'names' }
        ? { [name: string]: string }
        : string;

type Values<K extends Kinds> = { readonly [key in keyof K]?: Value<K[key]> };

export type VpcConfig = Values<typeof VPC_CONFIG>;
export type ServerEntry = Values<typeof SERVER> & { readonly vpc_config?: VpcConfig };
export type ComposedEntry = Values<typeof COMPOSED> & { readonly vpc_config?: VpcConfig };

/** The values of a servers.yaml. */
export interface ServersConfig extends Values<typeof TOP> {
  readonly sections: { readonly [S in keyof typeof SECTIONS]: Values<(typeof SECTIONS)[S]> };
  readonly servers: { readonly [name: string]: ServerEntry };
  readonly compose: { readonly [name: string]: ComposedEntry };
}
