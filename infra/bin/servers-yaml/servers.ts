// Creates the servers of a servers.yaml: a function for each, behind one REST API or with Function URLs.
import { dirname, resolve } from 'node:path';
import { Duration, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import {
  McpAgentCoreGateway,
  McpAgentCoreTarget,
  McpRestApi,
  McpStdioProgram,
  McpStdioServer,
  type McpChildPer,
  type McpStdioServerProps,
} from '../../lib';
import { checkProps } from '../../lib/private/checks';
import { serverProps } from '../../lib/stdio/mcp-stdio-server';
import { prepareToBuild } from '../cargo-lambda';
import { toRestApiOptions } from '../deploy-toml/endpoint';
import { toProps } from '../deploy-toml/props';
import type { DeployConfig } from '../deploy-toml/schema';
import { toProgram } from './program';
import type { ComposedEntry, ServerEntry, ServersConfig, VpcConfig } from './schema';
import type { Source } from './source';
import { SectionProblems, type Place } from './words';

/** As in the published schema. */
const DEFAULT_TIMEOUT = Duration.seconds(60);

/** A server that is created, and what is created around it. */
export interface CreatedServers {
  readonly servers: { readonly [name: string]: McpStdioServer };
  readonly gateway?: McpAgentCoreGateway | undefined;
}

/** A function to create. */
interface Planned {
  readonly place: Place;
  readonly entry: ServerEntry | ComposedEntry;
  readonly scope: Construct;
  readonly program: McpStdioProgram | undefined;
}

/** Creates the servers, or fails with all problems at once. `file` is the path of the servers.yaml. */
export function createServers(stack: Stack, config: ServersConfig, source: Source, file: string): CreatedServers {
  return new Servers(stack, config, source, dirname(file)).create();
}

class Servers {
  private readonly deploy: DeployConfig;

  public constructor(
    private readonly stack: Stack,
    private readonly config: ServersConfig,
    private readonly source: Source,
    private readonly folder: string,
  ) {
    const { agentcore: _, ...sections } = config.sections;
    this.deploy = { target: {}, server: {}, vpc: {}, iam: {}, tools: {}, tasks: {}, cloud_front: {}, deployment: {}, check: {}, budget: {}, ...sections };
  }

  public create(): CreatedServers {
    const planned = this.plan();
    const api = this.createApi();
    const props = planned.map(plan => ({ plan, props: this.toProps(plan, api) }));
    for (const { plan, props: given } of props) {
      if (given) this.attempt(plan, () => checkProps(serverProps(given)));
    }
    this.checkAgentCore();
    this.source.throwAny();
    const builds = this.config.binary === undefined && planned.some(({ program }) => program?._parts() !== undefined);
    if (this.stack.bundlingRequired && builds) prepareToBuild();
    const created = props.map(({ plan, props: given }) => {
      const server = given && this.attempt(plan, () => new McpStdioServer(plan.scope, 'Mcp', given));
      return [plan.place[1], server] as const;
    });
    this.source.throwAny();
    const servers = Object.fromEntries(created) as { [name: string]: McpStdioServer };
    return { servers, gateway: this.createGateway(servers) };
  }

  /** A server of a composition has no function of its own. */
  private plan(): Planned[] {
    const { servers, compose } = this.config;
    const composed = new Map<string, string>();
    for (const [name, { servers: members = [] }] of Object.entries(compose)) {
      for (const [at, member] of members.entries()) this.addMember(composed, ['compose', name, 'servers', at], member, name);
      if (members.length === 0) this.source.add(['compose', name], 'needs servers, a list of their names');
      if (name in servers) this.source.add(['compose', name], 'is also the name of a server: rename one of them');
    }
    const single = Object.keys(servers).filter(name => !composed.has(name));
    return [
      ...single.map(name => this.planServer(name, servers[name] ?? {})),
      ...Object.entries(compose)
        .filter(([name]) => !(name in servers))
        .map(([name, entry]) => this.planComposed(name, entry)),
    ];
  }

  private addMember(composed: Map<string, string>, path: (string | number)[], member: string, name: string): void {
    if (!(member in this.config.servers)) this.source.add(path, `there is no server ${member}`);
    const other = composed.get(member);
    if (other !== undefined) this.source.add(path, `${member} is already in compose.${other}`);
    composed.set(member, name);
    const entry = this.config.servers[member] ?? {};
    const own = OF_FUNCTION.find(key => entry[key] !== undefined);
    if (own === undefined) return;
    this.source.add(['servers', member, own], `belongs to compose.${name}, whose function runs the server`);
  }

  private planServer(name: string, entry: ServerEntry): Planned {
    const scope = new Construct(this.stack, name);
    return { place: ['servers', name], entry, scope, program: this.program(scope, name, entry) };
  }

  private planComposed(name: string, entry: ComposedEntry): Planned {
    const scope = new Construct(this.stack, name);
    const members = (entry.servers ?? []).filter(member => member in this.config.servers);
    const programs = members.map(member => {
      const memberScope = new Construct(scope, member);
      return [member, this.program(memberScope, member, this.config.servers[member] ?? {})] as const;
    });
    const found = programs.filter((it): it is [string, McpStdioProgram] => it[1] !== undefined);
    const complete = found.length === programs.length && found.length > 0;
    const program = complete ? McpStdioProgram.compose(Object.fromEntries(found)) : undefined;
    return { place: ['compose', name], entry, scope, program };
  }

  private program(scope: Construct, name: string, entry: ServerEntry): McpStdioProgram | undefined {
    return toProgram({ source: this.source, scope, name, folder: this.folder }, entry);
  }

  private createApi(): McpRestApi | undefined {
    const { api_gateway: api } = this.deploy;
    if (api.type === 'http') {
      return this.source.add(['api_gateway', 'type'], 'must be rest: an HTTP API buffers, and is for one server');
    }
    if (api.type !== 'rest') return undefined;
    const problems = new SectionProblems(this.source, ['servers', ''], {});
    return new McpRestApi(this.stack, 'Api', toRestApiOptions(this.stack, api, problems));
  }

  private toProps({ place, entry, scope, program }: Planned, api: McpRestApi | undefined): McpStdioServerProps | undefined {
    if (!program) return undefined;
    const problems = new SectionProblems(this.source, place, entry);
    // Problems of the section are noted with the API, of which there is one.
    const deploy = this.deploy.api_gateway.type === undefined ? this.deploy : { ...this.deploy, api_gateway: {} };
    const { manifestPath: _m, binaryName: _b, cargoLambdaFlags: _f, code: _c, tasks: _t, ...shared } = toProps(
      scope,
      deploy,
      this.folder,
      problems,
    );
    if (entry.dead_letter_queue === false) {
      this.source.add([...place, 'dead_letter_queue'], 'must be true or left out: events that fail always go to a queue');
    }
    return {
      ...shared,
      program,
      timeout: entry.timeout === undefined ? (shared.timeout ?? DEFAULT_TIMEOUT) : Duration.seconds(entry.timeout),
      memorySize: entry.memory ?? shared.memorySize ?? 1024,
      reservedConcurrentExecutions: entry.reserved_concurrency ?? shared.reservedConcurrentExecutions,
      description: entry.description ?? entry.name ?? `MCP server ${place[1]}`,
      childPer: entry.child_per as McpChildPer | undefined,
      ...(program._parts() && this.config.binary !== undefined && { binary: resolve(this.folder, this.config.binary) }),
      ...(entry.vpc_config && this.network(scope, place, entry.vpc_config)),
      ...(api && { endpoint: api.endpoint(), path: `/${place[1]}/mcp` }),
    };
  }

  private network(scope: Construct, place: Place, vpc: VpcConfig): Pick<McpStdioServerProps, 'vpc' | 'securityGroups'> {
    const { subnet_ids: privateSubnetIds = [], security_group_ids: groups = [] } = vpc;
    const path = [...place, 'vpc_config'];
    if (privateSubnetIds.length === 0) this.source.add(path, 'needs subnet_ids, a list of private subnets');
    if (groups.length === 0) this.source.add(path, 'needs security_group_ids, a list of security groups');
    const availabilityZones = privateSubnetIds.map((_, at) => `zone-${at}`);
    // The template has the subnets and security groups, and not the VPC.
    const vpcId = vpc.vpc_id ?? 'vpc-of-the-subnets';
    return {
      vpc: ec2.Vpc.fromVpcAttributes(scope, 'Vpc', { vpcId, availabilityZones, privateSubnetIds }),
      securityGroups: groups.map((id, at) => ec2.SecurityGroup.fromSecurityGroupId(scope, `SecurityGroup${at}`, id)),
    };
  }

  private checkAgentCore(): void {
    const { agentcore } = this.config.sections;
    if (agentcore.gateway_name !== undefined && !agentcore.enabled) {
      this.source.add(['agentcore', 'enabled'], 'must be true where gateway_name is given');
    }
    const { enabled, provider = 'iam' } = this.deploy.auth;
    if (!agentcore.enabled || (enabled !== false && provider === 'iam')) return;
    this.source.add(['agentcore', 'enabled'], 'needs auth.provider: iam, since the gateway signs its requests');
  }

  private createGateway(servers: CreatedServers['servers']): McpAgentCoreGateway | undefined {
    const { enabled, gateway_name: gatewayName } = this.config.sections.agentcore;
    if (!enabled) return undefined;
    const gateway = new McpAgentCoreGateway(this.stack, 'Gateway', { ...(gatewayName !== undefined && { gatewayName }) });
    for (const [name, server] of Object.entries(servers)) {
      gateway.addTarget(name, McpAgentCoreTarget.mcp(server, { gatewayTargetName: name }));
    }
    return gateway;
  }

  private attempt<T>({ place, entry }: Planned, call: () => T): T | undefined {
    return new SectionProblems(this.source, place, entry).attempt(call);
  }
}

/** Keys of a function, which a server of a composition cannot have. */
const OF_FUNCTION = [
  'timeout',
  'memory',
  'reserved_concurrency',
  'dead_letter_queue',
  'child_per',
  'vpc_config',
] as const satisfies readonly (keyof ServerEntry)[];

