import { Duration } from 'aws-cdk-lib';
import { checkCors } from './cors';
import { McpAuth } from './auth';
import type { McpEndpoint } from './endpoint/endpoint';
import { ENVIRONMENT } from './environment';
import { checkEvents } from './events';
import { MANAGED_MEMORY, checkManaged } from './managed';
import { checkMonitoring } from './monitoring';
import type { McpLambdaServerProps } from './props';
import { checkState } from './state';
import { checkStreams } from './streams';
import { checkNumber, refuse, seconds } from './validation';

/** What a synchronous request can take, and what an asynchronous one can on managed instances. */
const LIMIT = Duration.seconds(900);
const MANAGED_LIMIT = Duration.seconds(5400);

/** Refuses what could not work, before anything is made. */
export function check(props: McpLambdaServerProps, endpoint: McpEndpoint, timeout: Duration): void {
  checkProgram(props);
  checkTimeout(props);
  checkMemory(props);
  checkConcurrency(props);
  checkPath(props.path);
  checkEnvironment(props);
  if (props.managedInstances) checkManaged(props.managedInstances);
  if (props.cors) checkCors(props.cors);
  checkStreams(props.streams ?? {}, timeout);
  checkState(props.state ?? {});
  checkEvents(props.events ?? {});
  checkMonitoring(props.monitoring ?? {}, props.events?.topic);
  endpoint._check({
    auth: props.auth ?? McpAuth.iam(),
    timeout: props.timeout,
    tenantIsolation: props.tenantIsolation ?? false,
    managed: props.managedInstances !== undefined,
  });
}

function checkProgram(props: McpLambdaServerProps): void {
  const ways = (['function', 'code', 'manifestPath'] as const).filter(name => props[name] !== undefined);
  if (ways.length > 1) {
    refuse(ways[1] ?? '', `'${ways.join("' and '")}'`, 'is one of three ways to give the program', 'keep one of them');
  }
  for (const name of ['binaryName', 'cargoLambdaFlags'] as const) {
    if (props[name] === undefined || (!props.function && !props.code)) continue;
    refuse(name, props[name], "belongs to 'manifestPath'", `leave it out, or 'function' and 'code'`);
  }
  if (!props.function) return;
  const own = [
    'architecture',
    'memorySize',
    'timeout',
    'environmentEncryptionKey',
    'layers',
    'logRetention',
    'logRemovalPolicy',
    'logEncryptionKey',
    'tracing',
    'reservedConcurrency',
    'tenantIsolation',
    'vpc',
    'vpcSubnets',
    'securityGroups',
    'managedInstances',
  ] as const;
  for (const name of own) {
    if (props[name] !== undefined)
      refuse(name, props[name], "does not apply where 'function' is given", 'set it on that function');
  }
}

function checkTimeout(props: McpLambdaServerProps): void {
  const timeout = seconds(props.timeout);
  const limit = props.managedInstances ? MANAGED_LIMIT : LIMIT;
  if (timeout === undefined || (timeout >= 1 && timeout <= limit.toSeconds() && Number.isInteger(timeout))) return;
  const wayOut = props.managedInstances ? 'shorten it' : "shorten it, or run on 'managedInstances'";
  refuse('timeout', props.timeout, `must be whole seconds from 1 to ${limit.toSeconds()}`, wayOut);
}

function checkMemory(props: McpLambdaServerProps): void {
  const least = props.managedInstances ? MANAGED_MEMORY : 128;
  checkNumber('memorySize', props.memorySize, least, props.managedInstances ? 32_768 : 10_240);
}

function checkConcurrency(props: McpLambdaServerProps): void {
  const { reservedConcurrency, provisionedConcurrency, maxProvisionedConcurrency } = props;
  checkNumber('reservedConcurrency', reservedConcurrency, 0, 1_000_000);
  checkNumber('events.ingestReservedConcurrency', props.events?.ingestReservedConcurrency, 1, 1_000_000);
  checkNumber('provisionedConcurrency', provisionedConcurrency, 1, 1_000_000);
  checkNumber('maxProvisionedConcurrency', maxProvisionedConcurrency, provisionedConcurrency ?? 1, 1_000_000);
  if (maxProvisionedConcurrency !== undefined && provisionedConcurrency === undefined) {
    refuse(
      'maxProvisionedConcurrency',
      maxProvisionedConcurrency,
      "needs 'provisionedConcurrency' to scale from",
      'set both',
    );
  }
  const most = maxProvisionedConcurrency ?? provisionedConcurrency;
  if (most === undefined) return;
  if (reservedConcurrency !== undefined && most > reservedConcurrency) {
    const name = maxProvisionedConcurrency === undefined ? 'provisionedConcurrency' : 'maxProvisionedConcurrency';
    refuse(
      name,
      most,
      `must be at most 'reservedConcurrency', which is ${reservedConcurrency}`,
      'raise that or lower this',
    );
  }
  for (const name of ['tenantIsolation', 'managedInstances'] as const) {
    if (props[name])
      refuse(
        'provisionedConcurrency',
        provisionedConcurrency,
        `cannot be used with '${name}'`,
        'leave one of them out',
      );
  }
}

function checkPath(path: string | undefined): void {
  if (path === undefined || /^\/([A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*)?$/.test(path)) return;
  refuse('path', path, 'must be a path without a slash at its end', "write '/mcp', or '/' for the root");
}

function checkEnvironment(props: McpLambdaServerProps): void {
  const ours = new Map(
    Object.entries(ENVIRONMENT).map(([key, name]) => [name as string, PROPERTY[key as keyof typeof ENVIRONMENT]]),
  );
  for (const source of ['environment', 'secrets'] as const) {
    for (const name of Object.keys(props[source] ?? {})) {
      const property = ours.get(name);
      if (property) refuse(`${source}.${name}`, name, 'is set by the construct', `use '${property}'`);
      if (/^[A-Za-z][A-Za-z0-9_]+$/.test(name)) continue;
      refuse(
        source,
        name,
        'must have names of two or more letters, digits and _ that begin with a letter',
        'rename it',
      );
    }
  }
  const both = Object.keys(props.environment ?? {}).find(name => props.secrets?.[name]);
  if (both !== undefined) refuse(`secrets.${both}`, both, "is also in 'environment'", 'keep one of them');
}

/** Where each variable comes from. */
const PROPERTY: { [key in keyof typeof ENVIRONMENT]: string } = {
  path: 'path',
  responseMode: 'endpoint',
  streams: 'streams.enabled',
  streamSeconds: 'streams.life',
  streamsPerPrincipal: 'streams.perPrincipal',
  stateKeys: 'stateKeys',
  sessionTtlMinutes: 'state.sessionTtl',
  stateTable: 'state.stateTable',
  eventTable: 'state.eventTable',
  topic: 'events.topic',
  events: 'events',
  eventTtlMinutes: 'events.ttl',
  eventReplicas: 'events.fanoutReplicas',
  allowedHosts: 'allowedHosts',
  corsOrigins: 'cors.allowOrigins',
  corsCredentials: 'cors.allowCredentials',
  corsMaxAge: 'cors.maxAge',
  publicUrl: 'publicUrl',
  auth: 'auth',
  jwtIssuer: 'auth',
  jwtAudience: 'auth',
  jwtScopes: 'auth',
};
