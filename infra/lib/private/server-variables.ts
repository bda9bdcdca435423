import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { McpEndpointConfig } from '../endpoint/endpoint-config';
import type { ServedEndpoints } from '../endpoint/several';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import type { Tables } from '../state';
import type { McpTasksConfig } from '../tasks/tasks-config';
import { commaList, variables, type Variables } from './environment';
import { expectFindings } from './findings';

/** Environment variables of every function that reads or writes the event log. */
export function storeVariables({ mcpEvents = {} }: McpLambdaServerProps, tables: Tables): Variables {
  return variables({
    stateTable: tables.state.tableName,
    eventTable: tables.events.tableName,
    events: mcpEvents.enabled === false ? 'off' : 'on',
    eventTtlMinutes: mcpEvents.ttl?.toMinutes(),
    eventReplicas: mcpEvents.fanoutReplicas,
  });
}

/** Environment variables of every function that runs tools, beside those of the store. */
function toolVariables(props: McpLambdaServerProps, topic: sns.ITopic | undefined): Variables {
  const secrets = Object.entries(props.secrets ?? {}).map(([name, secret]) => [name, secret.secretArn] as const);
  return {
    ...variables({ sessionTtlMinutes: props.state?.sessionTtl?.toMinutes(), topic: topic?.topicArn }),
    ...Object.fromEntries(secrets),
  };
}

/** Environment variables of a program that runs tools and serves no requests. */
export function workerVariables(props: McpLambdaServerProps, tables: Tables, topic: sns.ITopic | undefined): Variables {
  return { ...props.environment, ...storeVariables(props, tables), ...toolVariables(props, topic) };
}

/** The resources that the server's environment variables name. */
export interface ServerResources {
  readonly tables: Tables;
  readonly topic: sns.ITopic | undefined;
  readonly endpoint: McpEndpointConfig;
  readonly endpoints: ServedEndpoints;
  readonly tasks: McpTasksConfig | undefined;
}

/** Environment variables of the server. Some are known only when its endpoint is created. */
export function serverVariables(
  scope: Construct,
  props: McpLambdaServerProps,
  { tables, topic, endpoint, endpoints, tasks }: ServerResources,
): Variables {
  const { streams = {}, cors } = props;
  return {
    ...props.environment,
    ...storeVariables(props, tables),
    ...toolVariables(props, topic),
    ...variables({
      ...(props.path !== undefined && { path: props.path }),
      responseMode: endpoints.responseMode,
      streams: streams.enabled === undefined ? undefined : streams.enabled ? 'on' : 'off',
      streamSeconds: streams.lifetime?.toSeconds(),
      streamsPerPrincipal: streams.perPrincipal,
      sessions: props.state?.sessions,
      taskQueue: tasks?.queue.queueUrl,
      stateKeys: stateKeys(scope, props),
      allowedHosts: commaList(props.allowedHosts ?? endpoints.allowedHosts),
      publicUrl: props.publicUrl ?? endpoints.publicUrl,
      corsOrigins: commaList(cors?.allowOrigins),
      corsCredentials: cors?.allowCredentials,
      corsMaxAge: cors?.maxAge?.toSeconds(),
    }),
    ...endpoint.auth.environment,
    ...tasks?.environment,
  };
}

/**
 * The keys that sign `requestState`: every environment must verify what another one signed. CloudFormation resolves the
 * reference at deployment; the template does not contain the keys.
 */
function stateKeys(scope: Construct, { stateKeys: given, encryptionKey }: McpLambdaServerProps): string {
  if (given) return given.secretValue.unsafeUnwrap();
  const secret = new secretsmanager.Secret(scope, 'StateKey', {
    description: 'Signs the requestState of the MCP server',
    ...(encryptionKey && { encryptionKey }),
    // 64 letters and digits are valid base64, of 48 bytes. Punctuation is excluded in two ways, since emulators of AWS
    // do not know both.
    generateSecretString: {
      excludePunctuation: true,
      excludeCharacters: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
      includeSpace: false,
      passwordLength: 64,
    },
  });
  const reason = 'a rotated key would fail rounds under way: add a key with stateKeys, then remove the old one';
  expectFindings(secret, reason, 'AwsSolutions-SMG4');
  return `k1:${secret.secretValue.unsafeUnwrap()}`;
}
