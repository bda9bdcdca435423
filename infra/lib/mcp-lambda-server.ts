import { Tags, type Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as cognito from 'aws-cdk-lib/aws-cognito';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import { McpAuth } from './auth/auth';
import type { IMcpInvokable, McpEndpointBindOptions, McpEndpointConfig } from './endpoint/endpoint-config';
import { createTopic, grantPublish, subscribe } from './events';
import { McpLambdaServerGrants } from './mcp-lambda-server-grants';
import { McpLambdaServerMetrics } from './mcp-lambda-server-metrics';
import type { McpLambdaServerProps } from './mcp-lambda-server-props';
import type { MonitoredFunctions } from './monitoring/monitored-resources';
import { Monitoring } from './monitoring/monitoring';
import { checkProps } from './private/checks';
import { endpointAndTimeout } from './private/defaults';
import type { Variables } from './private/environment';
import { INGEST_TIMEOUT, TokenAuthorizerFactory, createIngest, createServer } from './private/functions';
import { TABLE_ACTIONS, grantTable } from './private/permissions';
import { serverVariables } from './private/server-variables';
import { fail } from './private/validation';
import { createTables, type Tables } from './state';
import { streamLifetime } from './streams';

const DEFAULT_PATH = '/mcp';

const MCP_LAMBDA_SERVER = Symbol.for('mcp-lambda-server.McpLambdaServer');

/**
 * An MCP server on AWS Lambda, created in this app or elsewhere.
 */
export interface IMcpLambdaServer extends IConstruct {
  /**
   * The URL of the MCP endpoint.
   */
  readonly url: string;

  /**
   * The ARN of the function that serves requests.
   */
  readonly functionArn: string;

  /**
   * The table of sessions and state.
   */
  readonly stateTable: dynamodb.ITable;

  /**
   * The table of events and replies.
   */
  readonly eventTable: dynamodb.ITable;

  /**
   * The topic of events for clients.
   */
  readonly eventsTopic: sns.ITopic;

  /**
   * Grants permissions for the server.
   */
  readonly grants: McpLambdaServerGrants;

  /**
   * The given metric of the server's function.
   */
  metric(metricName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric;
}

/**
 * Attributes of a server that was created elsewhere.
 */
export interface McpLambdaServerAttributes {
  /**
   * The URL of the MCP endpoint.
   */
  readonly url: string;

  /**
   * The function that serves requests.
   */
  readonly function: lambda.IFunction;

  /**
   * The table of sessions and state.
   */
  readonly stateTable: dynamodb.ITable;

  /**
   * The table of events and replies.
   */
  readonly eventTable: dynamodb.ITable;

  /**
   * The topic of events for clients.
   */
  readonly eventsTopic: sns.ITopic;

  /**
   * Grants the permission to invoke the endpoint.
   *
   * @default - `grants.invoke()` is an error: the kind of the endpoint is not known
   */
  readonly invokable?: IMcpInvokable;
}

/**
 * An MCP server on AWS Lambda: its functions, the endpoint and how callers are authenticated, its tables, the topic of
 * events, alarms and a dashboard.
 *
 * @stateful
 */
export class McpLambdaServer extends Construct implements IMcpLambdaServer {
  /**
   * Imports a server that was created elsewhere.
   */
  public static fromMcpLambdaServerAttributes(
    scope: Construct,
    id: string,
    attributes: McpLambdaServerAttributes,
  ): IMcpLambdaServer {
    return new ImportedMcpLambdaServer(scope, id, attributes);
  }

  /**
   * Whether the value is an `McpLambdaServer`, of any copy of this library.
   */
  public static isMcpLambdaServer(x: any): x is McpLambdaServer {
    return x !== null && typeof x === 'object' && MCP_LAMBDA_SERVER in x;
  }

  /**
   * The URL of the MCP endpoint.
   */
  public readonly url: string;

  /**
   * The function that serves requests.
   */
  public readonly function: lambda.Function;

  /**
   * The ARN of the function that serves requests.
   */
  public readonly functionArn: string;

  /**
   * The alias of it that the endpoint invokes.
   */
  public readonly alias: lambda.Alias;

  /**
   * The function that writes events to the log.
   */
  public readonly ingestFunction: lambda.Function;

  /**
   * The alias of it that the topic and rules invoke.
   */
  public readonly ingestAlias: lambda.Alias;

  /**
   * The table of sessions and state.
   */
  public readonly stateTable: dynamodb.ITable;

  /**
   * The table of events and replies.
   */
  public readonly eventTable: dynamodb.ITable;

  /**
   * The topic of events for clients.
   */
  public readonly eventsTopic: sns.ITopic;

  /**
   * The dead-letter queue of messages that SNS or EventBridge could not deliver to the ingest function.
   */
  public readonly deliveryFailures: sqs.IQueue;

  /**
   * The queue of events that the ingest function failed to write.
   */
  public readonly ingestFailures: sqs.IQueue;

  /**
   * The user pool of `McpAuth.cognito()`.
   */
  public readonly userPool?: cognito.IUserPool;

  /**
   * All alarms, except for the composite alarm.
   */
  public readonly alarms: cloudwatch.Alarm[];

  /**
   * The topic that alarms notify.
   */
  public readonly alarmTopic?: sns.ITopic;

  /**
   * The dashboard.
   */
  public readonly dashboard?: cloudwatch.Dashboard;

  /**
   * Grants permissions for the server.
   */
  public readonly grants: McpLambdaServerGrants;

  /**
   * Metrics of the server.
   */
  public readonly metrics: McpLambdaServerMetrics;

  public constructor(scope: Construct, id: string, props: McpLambdaServerProps = {}) {
    super(scope, id);
    Object.defineProperty(this, MCP_LAMBDA_SERVER, { value: true });
    checkProps(props);
    const { endpoint, timeout } = endpointAndTimeout(props);

    const tables = createTables(this, props.state ?? {});
    this.stateTable = tables.state;
    this.eventTable = tables.events;
    this.eventsTopic = createTopic(this, props.mcpEvents ?? {});

    const server = createServer(this, props, tables, timeout);
    this.function = server.function;
    this.functionArn = server.function.functionArn;
    this.alias = server.alias;
    const ingest = props.function ? server : createIngest(this, props, tables);
    this.ingestFunction = ingest.function;
    this.ingestAlias = ingest.alias;
    const queues = subscribe(this, this.eventsTopic, this.ingestAlias);
    this.deliveryFailures = queues.delivery;
    this.ingestFailures = queues.ingest;

    const config = endpoint.bind(this.bindOptions(props, timeout));
    this.url = config.url;
    if (config.auth.userPool) this.userPool = config.auth.userPool;
    this.setEnvironment(serverVariables(this, props, { tables, topic: this.eventsTopic, endpoint: config }));
    this.grantFunctions(props, tables);

    this.grants = this.createGrants(props, config);
    this.metrics = McpLambdaServerMetrics._of(config, this.function);
    const monitoring = new Monitoring(this, props.monitoring ?? {}, {
      ...this.monitoredFunctions(props, timeout, [server.logGroup, ingest.logGroup, config.accessLogGroup]),
      endpoint: config,
      tables,
      topic: this.eventsTopic,
      queues,
    });
    this.alarms = monitoring.alarms;
    if (monitoring.alarmTopic) this.alarmTopic = monitoring.alarmTopic;
    if (monitoring.dashboard) this.dashboard = monitoring.dashboard;
    for (const [name, value] of Object.entries(props.tags ?? {})) Tags.of(this).add(name, value);
  }

  /**
   * Sends events of EventBridge to the clients that subscribe to them, without the topic.
   */
  public eventRule(ruleId: string, eventPattern: events.EventPattern): events.Rule {
    const rule = new events.Rule(this, ruleId, { eventPattern });
    rule.addTarget(new LambdaFunction(this.ingestAlias, { deadLetterQueue: this.deliveryFailures }));
    return rule;
  }

  /**
   * The given metric of the server's function.
   */
  public metric(metricName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metric(metricName, options);
  }

  private bindOptions(props: McpLambdaServerProps, timeout: Duration): McpEndpointBindOptions {
    return {
      scope: this,
      function: this.function,
      alias: this.alias,
      path: props.path ?? DEFAULT_PATH,
      auth: props.auth ?? McpAuth.iam(),
      tokenAuthorizers: new TokenAuthorizerFactory(this, props),
      timeout,
      inVpc: props.vpc !== undefined || (props.function?.isBoundToVpc ?? false),
      ...(props.cors && { cors: props.cors }),
      ...(props.tenancyConfig && { tenancyConfig: props.tenancyConfig }),
    };
  }

  private setEnvironment(variables: Variables): void {
    for (const [name, value] of Object.entries(variables)) this.function.addEnvironment(name, value);
  }

  private createGrants(props: McpLambdaServerProps, config: McpEndpointConfig): McpLambdaServerGrants {
    return McpLambdaServerGrants._of({
      invokable: config.invokable ?? NOT_NEEDED,
      topic: this.eventsTopic,
      topicKey: props.mcpEvents?.encryptionKey,
      stateTable: this.stateTable,
      eventTable: this.eventTable,
    });
  }

  private monitoredFunctions(
    props: McpLambdaServerProps,
    timeout: Duration,
    logGroups: (logs.ILogGroupRef | undefined)[],
  ): MonitoredFunctions {
    return {
      server: this.function,
      serverTimeout: props.function ? props.function.timeout : timeout,
      streamLifetime: streamLifetime(props.streams ?? {}, timeout),
      logGroups: props.function ? [] : logGroups.filter(it => it !== undefined),
      applicationLogLevel: props.applicationLogLevelV2,
      serverReservedConcurrency: props.reservedConcurrentExecutions,
      ingest: this.ingestFunction === this.function ? undefined : this.ingestFunction,
      ingestTimeout: props.ingestOptions?.timeout ?? INGEST_TIMEOUT,
    };
  }

  private grantFunctions(props: McpLambdaServerProps, tables: Tables): void {
    grantTable(tables.state, this.function, TABLE_ACTIONS.serverState);
    grantTable(tables.events, this.function, TABLE_ACTIONS.serverEvents);
    grantPublish(this.eventsTopic, props.mcpEvents?.encryptionKey, this.function);
    for (const secret of Object.values(props.secrets ?? {})) secret.grantRead(this.function);
    if (this.ingestFunction === this.function) return;
    grantTable(tables.events, this.ingestFunction, TABLE_ACTIONS.ingestEvents);
  }
}

class ImportedMcpLambdaServer extends Construct implements IMcpLambdaServer {
  public readonly url: string;
  public readonly functionArn: string;
  public readonly stateTable: dynamodb.ITable;
  public readonly eventTable: dynamodb.ITable;
  public readonly eventsTopic: sns.ITopic;
  public readonly grants: McpLambdaServerGrants;

  public constructor(
    scope: Construct,
    id: string,
    private readonly attributes: McpLambdaServerAttributes,
  ) {
    super(scope, id);
    this.url = attributes.url;
    this.functionArn = attributes.function.functionArn;
    this.stateTable = attributes.stateTable;
    this.eventTable = attributes.eventTable;
    this.eventsTopic = attributes.eventsTopic;
    this.grants = McpLambdaServerGrants._of({
      invokable: attributes.invokable ?? NOT_KNOWN,
      topic: this.eventsTopic,
      stateTable: this.stateTable,
      eventTable: this.eventTable,
    });
  }

  public metric(metricName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.attributes.function.metric(metricName, options);
  }
}

/** An endpoint that requires no IAM permission. */
const NOT_NEEDED: IMcpInvokable = {
  grantInvoke: grantee => iam.Grant.drop(grantee, 'the endpoint requires no IAM permission'),
};

/** The endpoint of an imported server: its kind is not known. */
const NOT_KNOWN: IMcpInvokable = {
  grantInvoke() {
    const rule = 'is needed to grant the permission to invoke an imported server';
    return fail('invokable', undefined, rule, 'give it to fromMcpLambdaServerAttributes()');
  },
};
