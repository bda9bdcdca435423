import { Tags, type Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import type * as cognito from 'aws-cdk-lib/aws-cognito';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { McpAuth } from './auth/auth';
import type { McpEndpointBindOptions, McpEndpointConfig } from './endpoint/endpoint-config';
import { serveAll, type ServedEndpoints } from './endpoint/several';
import { createTopic, needsEvents, subscribe, type EventResources } from './events';
import { ImportedMcpLambdaServer, type IMcpLambdaServer, type McpLambdaServerAttributes } from './imported-server';
import type { McpLogin } from './login/login';
import { McpLambdaServerGrants } from './mcp-lambda-server-grants';
import { McpLambdaServerMetrics } from './mcp-lambda-server-metrics';
import type { McpLambdaServerProps } from './mcp-lambda-server-props';
import type { MonitoredFunctions } from './monitoring/monitored-resources';
import { Monitoring } from './monitoring/monitoring';
import { checkProps } from './private/checks';
import { endpointAndTimeout } from './private/defaults';
import type { Variables } from './private/environment';
import {
  INGEST_TIMEOUT,
  TokenAuthorizerFactory,
  WorkerFactory,
  createIngest,
  createServer,
} from './private/functions';
import { stateKeys } from './private/state-keys';
import { limitTools, serveLogin } from './private/login-function';
import { INGEST_KEYS, TABLE_ACTIONS, grantSecret, grantSend, grantTable, leadingKeys } from './private/permissions';
import { serverVariables } from './private/server-variables';
import { allowServices, withKey } from './private/encryption-key';
import { checkOwnFunction } from './private/own-function';
import { ToolPrincipal, toolPrincipals } from './private/tool-principal';
import { warnOfClients } from './private/warnings';
import type { AliasedFunction } from './server-function';
import { createTables, type Tables } from './state';
import { streamLifetime } from './streams';
import type { McpTasksConfig } from './tasks/tasks-config';

const DEFAULT_PATH = '/mcp';

const MCP_LAMBDA_SERVER = Symbol.for('mcp-lambda-server.McpLambdaServer');

/**
 * An MCP server on AWS Lambda: its functions, the endpoint and how callers are authenticated, its tables, the topic of
 * events, alarms and a dashboard.
 *
 * @stateful
 */
export class McpLambdaServer extends Construct implements IMcpLambdaServer, iam.IGrantable, ec2.IConnectable {
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
   * The principal of the programs that run tools: grants to the server go to its function, and to the workers of `tasks`.
   */
  public readonly grantPrincipal: iam.IPrincipal;

  /**
   * The endpoint: its Function URL, REST API or HTTP API.
   */
  public readonly endpoint: McpEndpointConfig;

  /**
   * The additional endpoints, in the order in which they were given.
   */
  public readonly additionalEndpoints: McpEndpointConfig[];

  /**
   * The alias of it that the endpoint invokes.
   */
  public readonly alias: lambda.Alias;

  /**
   * The provisioned concurrency of the alias, with `maxProvisionedConcurrentExecutions`: for schedules of your own.
   */
  public readonly scaling?: lambda.IScalableFunctionAttribute;

  /**
   * The function that writes events to the log.
   */
  public readonly ingestFunction?: lambda.Function;

  /**
   * The alias of it that the topic and rules invoke.
   */
  public readonly ingestAlias?: lambda.Alias;

  /**
   * The table of sessions and state.
   */
  public readonly stateTable: dynamodb.ITable;

  /**
   * The table of events and replies.
   */
  public readonly eventTable: dynamodb.ITable;

  /**
   * The secret with the keys that sign `requestState`.
   */
  public readonly stateKeys: secretsmanager.ISecret;

  /**
   * The bucket of large results, with `largeResults`.
   */
  public readonly largeResultsBucket?: s3.IBucket;

  /**
   * The topic of events for clients.
   */
  public readonly eventsTopic?: sns.ITopic;

  /**
   * The dead-letter queue of messages that SNS or EventBridge could not deliver to the ingest function.
   */
  public readonly deliveryFailures?: sqs.IQueue;

  /**
   * The queue of events that the ingest function failed to write.
   */
  public readonly ingestFailures?: sqs.IQueue;

  /**
   * The queue of tasks and its workers.
   */
  public readonly tasks?: McpTasksConfig;

  /**
   * The user pool of `McpAuth.cognito()` and of `McpAuth.login()`.
   */
  public readonly userPool?: cognito.IUserPool;

  /**
   * The authorization server of `McpAuth.login()`.
   */
  public readonly login?: McpLogin;

  /**
   * The CodeDeploy deployment group that moves requests to a new version, with `deployment`.
   */
  public readonly deploymentGroup?: codedeploy.LambdaDeploymentGroup;

  /**
   * All alarms, except for the composite alarm.
   */
  public readonly alarms: cloudwatch.Alarm[];

  /**
   * The alarm of all alarms, except for those of dead-letter queues.
   */
  public readonly compositeAlarm?: cloudwatch.CompositeAlarm;

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

  /**
   * Whether each invocation needs the id of a tenant.
   *
   * @internal
   */
  public readonly _perTenant: boolean;

  public constructor(scope: Construct, id: string, given: McpLambdaServerProps = {}) {
    super(scope, id);
    Object.defineProperty(this, MCP_LAMBDA_SERVER, { value: true });
    checkProps(given);
    const props = withKey(given);
    if (props.encryptionKey) allowServices(this, props.encryptionKey);
    if (props.function) checkOwnFunction(this, props.function);
    const { endpoint, timeout } = endpointAndTimeout(props);

    const tables = createTables(this, props.state ?? {});
    this.stateTable = tables.state;
    this.eventTable = tables.events;
    const server = createServer(this, props, tables, timeout);
    this.function = server.function;
    this.functionArn = server.function.functionArn;
    this.alias = server.alias;
    if (server.scaling) this.scaling = server.scaling;
    const received = this.createEvents(props, tables, server);
    if (received) {
      this.eventsTopic = received.topic;
      this.ingestFunction = received.ingest.function;
      this.ingestAlias = received.ingest.alias;
      this.deliveryFailures = received.queues.delivery;
      this.ingestFailures = received.queues.ingest;
    }

    const bindOptions = this.bindOptions(props, timeout);
    const config = endpoint.bind(bindOptions);
    this.additionalEndpoints = (props.additionalEndpoints ?? []).map(it => it.bind(bindOptions));
    const endpoints = serveAll(this, config, this.additionalEndpoints);
    this._perTenant = props.tenancyConfig !== undefined;
    warnOfClients(this, props, config.auth);
    this.url = config.url;
    this.endpoint = config;
    if (config.auth.userPool) this.userPool = config.auth.userPool;
    if (config.auth.login) this.login = config.auth.login;
    const urls = props.publicUrl === undefined ? endpoints.urls : [`${props.publicUrl}${bindOptions.path}`];
    const login = this.login && serveLogin(this.login, props, tables, urls);
    const largeResults = props.largeResults?._bind(this, props.encryptionKey);
    if (largeResults) this.largeResultsBucket = largeResults.bucket;
    const ofTools = { topic: this.eventsTopic, largeResults, login: this.login };
    const workers = new WorkerFactory(this, props, tables, ofTools);
    const tasks = props.tasks?.bind({
      scope: this,
      workers,
      ...(props.encryptionKey && { encryptionKey: props.encryptionKey }),
    });
    if (tasks) this.tasks = tasks;
    this.stateKeys = stateKeys(this, props);
    grantSecret(this.stateKeys, this.function);
    const resources = { ...ofTools, tables, endpoint: config, endpoints, tasks, stateKeys: this.stateKeys };
    this.setEnvironment(serverVariables(props, resources));
    this.grantFunctions(workers, tables);
    this.grantPrincipal = new ToolPrincipal(toolPrincipals(this.function, tasks));
    if (this.login) limitTools(this.login, tables.state, this);

    this.grants = this.createGrants(endpoints);
    this.metrics = McpLambdaServerMetrics._of(config, this.function, tasks);
    const logGroups = [server.logGroup, received?.ingest.logGroup, workers.logGroup, tasks?.logGroup, login?.logGroup];
    for (const it of [config, ...this.additionalEndpoints]) logGroups.push(it.accessLogGroup);
    const monitoring = new Monitoring(this, props.monitoring ?? {}, {
      ...this.monitoredFunctions(props, timeout, logGroups),
      endpoint: config,
      tables,
      encryptionKey: props.encryptionKey,
      received,
      tasks,
      login: login?.function,
    });
    this.alarms = monitoring.alarms;
    if (monitoring.compositeAlarm) this.compositeAlarm = monitoring.compositeAlarm;
    if (monitoring.alarmTopic) this.alarmTopic = monitoring.alarmTopic;
    if (monitoring.dashboard) this.dashboard = monitoring.dashboard;
    if (props.deployment) {
      this.deploymentGroup = props.deployment._bind(this, { ...server, alarms: monitoring.ofRequests });
    }
    for (const [name, value] of Object.entries(props.tags ?? {})) Tags.of(this).add(name, value);
  }

  /**
   * The network connections of the function that serves requests. An error without `vpc`.
   */
  public get connections(): ec2.Connections {
    return this.function.connections;
  }

  /**
   * Sends events of EventBridge to the clients that subscribe to them, without the topic.
   */
  public eventRule(ruleId: string, eventPattern: events.EventPattern): events.Rule {
    const { ingestAlias, deliveryFailures } = this;
    if (!ingestAlias || !deliveryFailures) return needsEvents('eventRule()');
    const rule = new events.Rule(this, ruleId, { eventPattern });
    rule.addTarget(new LambdaFunction(ingestAlias, { deadLetterQueue: deliveryFailures }));
    return rule;
  }

  /**
   * The given metric of the server's function.
   */
  public metric(metricName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metric(metricName, options);
  }

  private createEvents(
    props: McpLambdaServerProps,
    tables: Tables,
    server: AliasedFunction,
  ): EventResources | undefined {
    if (props.mcpEvents?.enabled === false) return undefined;
    const topic = createTopic(this, props.mcpEvents ?? {});
    const ingest = props.function ? server : createIngest(this, props, tables);
    return { topic, ingest, queues: subscribe(this, topic, ingest.alias, props.encryptionKey) };
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
      ...(props.tracing && { tracing: props.tracing }),
      inVpc: props.vpc !== undefined || (props.function?.isBoundToVpc ?? false),
      ...(props.encryptionKey && { encryptionKey: props.encryptionKey }),
      ...(props.cors && { cors: props.cors }),
      ...(props.tenancyConfig && { tenancyConfig: props.tenancyConfig }),
    };
  }

  private setEnvironment(variables: Variables): void {
    for (const [name, value] of Object.entries(variables)) this.function.addEnvironment(name, value);
  }

  private createGrants({ invokable }: ServedEndpoints): McpLambdaServerGrants {
    return McpLambdaServerGrants._of({
      scope: this,
      invokable,
      topic: this.eventsTopic,
      stateTable: this.stateTable,
      eventTable: this.eventTable,
      worker: this.tasks?.worker?.alias,
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
      ingestTimeout: props.ingestOptions?.timeout ?? INGEST_TIMEOUT,
    };
  }

  private grantFunctions(workers: WorkerFactory, tables: Tables): void {
    // The server runs tools as well.
    workers.grantWork(this.function);
    if (this.tasks) grantSend(this.tasks.queue, this.function);
    if (!this.ingestFunction || this.ingestFunction === this.function) return;
    grantTable(tables.events, this.ingestFunction, TABLE_ACTIONS.ingestEvents, leadingKeys(INGEST_KEYS));
  }
}
