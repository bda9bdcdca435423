import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { McpEndpointConfig } from '../endpoint/endpoint-config';
import type { ServedEndpoints } from '../endpoint/several';
import type { LargeResultsConfig } from '../large-results';
import type { McpLogin } from '../login/login';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import type { Tables } from '../state';
import type { McpTasksConfig } from '../tasks/tasks-config';
import { toolResourceVariables } from '../tool-resources';
import { commaList, variables, type Variables } from './environment';
import { arnOf } from './key-secret';

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

/** What tools use besides the store. */
export interface ToolResources {
  readonly topic: sns.ITopic | undefined;
  readonly largeResults: LargeResultsConfig | undefined;
  readonly login: McpLogin | undefined;
}

/** Environment variables of every function that runs tools, beside those of the store. */
function toolVariables(props: McpLambdaServerProps, { topic, largeResults, login }: ToolResources): Variables {
  const secrets = Object.entries(props.secrets ?? {}).map(([name, secret]) => [name, secret.secretArn] as const);
  return {
    ...variables({
      sessionTtlMinutes: props.state?.sessionTtl?.toMinutes(),
      topic: topic?.topicArn,
      largeResultsBucket: largeResults?.bucket.bucketName,
      largeResultsPrefix: largeResults?.prefix,
      largeResultsBytes: largeResults?.maxBytes,
      largeResultsLinkSeconds: largeResults?.linkLifetime?.toSeconds(),
    }),
    ...login?._environmentOfTools,
    ...toolResourceVariables(props.toolResources),
    ...Object.fromEntries(secrets),
  };
}

/** Environment variables of a program that runs tools and serves no requests. */
export function workerVariables(props: McpLambdaServerProps, tables: Tables, resources: ToolResources): Variables {
  return { ...props.environment, ...storeVariables(props, tables), ...toolVariables(props, resources) };
}

/** The resources that the server's environment variables name. */
export interface ServerResources extends ToolResources {
  readonly tables: Tables;
  readonly endpoint: McpEndpointConfig;
  readonly endpoints: ServedEndpoints;
  readonly tasks: McpTasksConfig | undefined;
  readonly stateKeys: secretsmanager.ISecret;
}

/** Environment variables of the server. Some are known only when its endpoint is created. */
export function serverVariables(
  props: McpLambdaServerProps,
  resources: ServerResources,
): Variables {
  const { tables, endpoint, endpoints, tasks, stateKeys } = resources;
  const { streams = {}, cors } = props;
  return {
    ...props.environment,
    ...storeVariables(props, tables),
    ...toolVariables(props, resources),
    ...variables({
      ...(props.path !== undefined && { path: props.path }),
      responseMode: endpoints.responseMode,
      streams: streams.enabled === undefined ? undefined : streams.enabled ? 'on' : 'off',
      streamSeconds: streams.lifetime?.toSeconds(),
      streamsPerPrincipal: streams.perPrincipal,
      sessions: props.state?.sessions,
      taskQueue: tasks?.queue.queueUrl,
      stateKeysSecret: arnOf(stateKeys),
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
