import { CfnOutput, Duration, Stack, Tags } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as cognito from 'aws-cdk-lib/aws-cognito';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { McpAuth, type Plan, type TokenRules } from './auth';
import { check } from './checks';
import { McpEndpoint } from './endpoint/endpoint';
import type { Front } from './endpoint/front';
import { commaList, variables, type Variables } from './environment';
import { createTopic, grantPublish, subscribe, type Failures } from './events';
import { explain } from './findings';
import { RoleFunction, pointAt, type Network } from './function';
import { McpLambdaServerGrants } from './grants';
import { MANAGED_MEMORY, manage, managedVersion } from './managed';
import { McpLambdaServerMetrics } from './metrics';
import { Monitoring, dashboardUrl } from './monitoring';
import { TABLE_ACTIONS, grantTable } from './permissions';
import type { McpLambdaServerProps } from './props';
import { createTables, type Tables } from './state';
import { refuse } from './validation';

const DEFAULT_TIMEOUT = Duration.seconds(120);
const DEFAULT_PATH = '/mcp';
const INGEST_TIMEOUT = Duration.seconds(30);

/**
 * An MCP server on AWS Lambda: its functions, the front and who may pass it, its tables, the topic whose messages reach
 * every client's stream, alarms and a dashboard.
 *
 * @stateful
 */
export class McpLambdaServer extends Construct {
  /**
   * The URL of the MCP endpoint.
   */
  public readonly url: string;

  /**
   * The function that answers requests.
   */
  public readonly function: lambda.Function;

  /**
   * The version of it that the front calls.
   */
  public readonly alias: lambda.Alias;

  /**
   * The function that takes events.
   */
  public readonly ingestFunction: lambda.Function;

  /**
   * Sessions and state.
   */
  public readonly stateTable: dynamodb.ITable;

  /**
   * Events and replies.
   */
  public readonly eventTable: dynamodb.ITable;

  /**
   * Messages published here reach every client that listens.
   */
  public readonly eventsTopic: sns.ITopic;

  /**
   * Messages that SNS could not hand over.
   */
  public readonly deliveryFailures: sqs.IQueue;

  /**
   * Messages that could not be written to the log.
   */
  public readonly ingestFailures: sqs.IQueue;

  /**
   * The user pool of `McpAuth.cognito()`.
   */
  public readonly userPool?: cognito.IUserPool;

  /**
   * Every alarm.
   */
  public readonly alarms: cloudwatch.Alarm[];

  /**
   * Where alarms go.
   */
  public readonly alarmTopic?: sns.ITopic;

  /**
   * The dashboard.
   */
  public readonly dashboard?: cloudwatch.Dashboard;

  /**
   * Permissions for others.
   */
  public readonly grants: McpLambdaServerGrants;

  /**
   * Metrics for alarms and dashboards of your own.
   */
  public readonly metrics: McpLambdaServerMetrics;

  private readonly ingestAlias: lambda.Alias;

  public constructor(
    scope: Construct,
    id: string,
    private readonly props: McpLambdaServerProps = {},
  ) {
    super(scope, id);
    const endpoint = props.endpoint ?? McpEndpoint.functionUrl();
    const timeout = props.timeout ?? endpoint._limit ?? DEFAULT_TIMEOUT;
    check(props, endpoint, timeout);

    const plan = (props.auth ?? McpAuth.iam())._plan(this);
    const tables = createTables(this, props.state ?? {});
    const topic = createTopic(this, props.events ?? {});
    this.stateTable = tables.state;
    this.eventTable = tables.events;
    this.eventsTopic = topic;
    if (plan.kind === 'token' && plan.userPool) this.userPool = plan.userPool;

    const server = this.createServer(tables, timeout);
    this.function = server.function;
    this.alias = server.alias;
    const ingest = props.function ? server : this.createIngest(tables);
    this.ingestFunction = ingest.function;
    this.ingestAlias = ingest.alias;
    const failures = subscribe(this, topic, ingest.alias);
    this.deliveryFailures = failures.delivery;
    this.ingestFailures = failures.ingest;

    const front = endpoint._bind({
      scope: this,
      ...server,
      path: props.path ?? DEFAULT_PATH,
      plan,
      timeout,
      inVpc: props.vpc !== undefined || (props.function?.isBoundToVpc ?? false),
      cors: props.cors !== undefined,
      authorizer: rules => this.createAuthorizer(rules),
    });
    this.url = front.url;
    this.tell(plan, front);
    this.keepWarm();

    const topicKey = props.events?.encryptionKey;
    this.permit(tables, topic);
    this.grants = McpLambdaServerGrants._of({ front, topic, topicKey, state: tables.state, events: tables.events });
    this.metrics = McpLambdaServerMetrics._of(front, this.function);
    const monitoring = this.watch(front, tables, failures);
    this.alarms = monitoring.alarms;
    if (monitoring.alarmTopic) this.alarmTopic = monitoring.alarmTopic;
    if (monitoring.dashboard) this.dashboard = monitoring.dashboard;

    for (const [name, value] of Object.entries(props.tags ?? {})) Tags.of(this).add(name, value);
    this.say();
  }

  /**
   * Routes events of EventBridge to the clients' streams, without going through the topic.
   */
  public eventRule(ruleId: string, eventPattern: events.EventPattern): events.Rule {
    const rule = new events.Rule(this, ruleId, { eventPattern });
    rule.addTarget(new LambdaFunction(this.ingestAlias, { deadLetterQueue: this.deliveryFailures }));
    return rule;
  }

  private createServer(tables: Tables, timeout: Duration): { function: lambda.Function; alias: lambda.Alias } {
    const { props } = this;
    if (props.function) return { function: props.function, alias: pointAt(this, props.function) };
    const managed = props.managedInstances;
    const server = new RoleFunction(this, 'Server', props, {
      description: 'MCP server: answers requests',
      timeout,
      memorySize: props.memorySize ?? (managed ? MANAGED_MEMORY : 256),
      environment: { ...props.environment, ...this.storeVariables(tables) },
      reservedConcurrency: props.reservedConcurrency,
      network: network(props),
      tenantIsolation: props.tenantIsolation ?? false,
      version: managed && managedVersion(managed),
    });
    if (managed) manage(this, managed, server.function);
    return { function: server.function, alias: server.alias };
  }

  private createIngest(tables: Tables): { function: lambda.Function; alias: lambda.Alias } {
    const { props } = this;
    return new RoleFunction(this, 'Ingest', props, {
      description: 'MCP server: writes events from outside to the log',
      timeout: props.events?.ingestTimeout ?? INGEST_TIMEOUT,
      memorySize: 256,
      environment: { ...props.environment, ...this.storeVariables(tables) },
      reservedConcurrency: props.events?.ingestReservedConcurrency,
      network: network(props),
    });
  }

  private createAuthorizer(rules: TokenRules): lambda.IFunction {
    const { props } = this;
    if (props.function) {
      const rule = "cannot be judged in front of 'function': one function cannot be its own authorizer";
      refuse('auth', 'tokens', rule, 'use McpAuth.lambdaAuthorizer(), or give the program as code or manifestPath');
    }
    const authorizer = new RoleFunction(this, 'AuthorizerRole', props, {
      description: 'MCP server: judges tokens for API Gateway',
      timeout: Duration.seconds(10),
      memorySize: 256,
      environment: { ...props.environment, ...tokenVariables(rules) },
      reservedConcurrency: undefined,
      network: network(props),
    });
    return authorizer.alias;
  }

  /** What every role that reads or writes the log is told alike. */
  private storeVariables(tables: Pick<Tables, 'state' | 'events'>): Variables {
    const events = this.props.events ?? {};
    return variables({
      stateTable: tables.state.tableName,
      eventTable: tables.events.tableName,
      events: 'on',
      eventTtlMinutes: events.ttl?.toMinutes(),
      eventReplicas: events.fanoutReplicas,
    });
  }

  /** What the server can only be told once its front is there. */
  private tell(plan: Plan, front: Front): void {
    const { props } = this;
    const streams = props.streams ?? {};
    const told: Variables = {
      ...variables({
        ...(props.path !== undefined && { path: props.path }),
        responseMode: front.responseMode,
        streams: streams.enabled === undefined ? undefined : streams.enabled ? 'on' : 'off',
        streamSeconds: streams.life?.toSeconds(),
        streamsPerPrincipal: streams.perPrincipal,
        sessionTtlMinutes: props.state?.sessionTtl?.toMinutes(),
        stateKeys: this.stateKeys(),
        topic: this.eventsTopic.topicArn,
        // Whoever came past such a front was not seen by it, and is refused.
        auth: plan.kind === 'iam' || plan.kind === 'authorizer' ? 'front' : undefined,
        allowedHosts: commaList(props.allowedHosts ?? front.hosts),
        publicUrl: props.publicUrl ?? front.publicUrl,
        corsOrigins: commaList(props.cors?.allowOrigins),
        corsCredentials: props.cors?.allowCredentials,
        corsMaxAge: props.cors?.maxAge?.toSeconds(),
      }),
      ...(plan.kind === 'token' && tokenVariables(plan.rules)),
      ...Object.fromEntries(Object.entries(props.secrets ?? {}).map(([name, secret]) => [name, secret.secretArn])),
    };
    for (const [name, value] of Object.entries(told)) this.function.addEnvironment(name, value);
    if (!props.function) return;
    const own = { ...props.environment, ...this.storeVariables({ state: this.stateTable, events: this.eventTable }) };
    for (const [name, value] of Object.entries(own)) props.function.addEnvironment(name, value);
  }

  /** Every environment must open what any of them sealed. CloudFormation puts the value in; no template holds it. */
  private stateKeys(): string {
    if (this.props.stateKeys) return this.props.stateKeys.secretValue.unsafeUnwrap();
    const secret = new secretsmanager.Secret(this, 'StateKey', {
      description: 'Seals the requestState of the MCP server',
      // 64 letters and digits are base64 of 48 bytes. Punctuation is excluded twice: not everything that stands in for
      // AWS in tests knows both ways.
      generateSecretString: {
        excludePunctuation: true,
        excludeCharacters: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
        includeSpace: false,
        passwordLength: 64,
      },
    });
    const reason = 'a new key would refuse rounds under way: add one with stateKeys, then remove the old one';
    explain(secret, reason, 'AwsSolutions-SMG4');
    return `k1:${secret.secretValue.unsafeUnwrap()}`;
  }

  private keepWarm(): void {
    const { provisionedConcurrency, maxProvisionedConcurrency } = this.props;
    if (provisionedConcurrency === undefined) return;
    const cfn = this.alias.node.defaultChild as lambda.CfnAlias;
    cfn.provisionedConcurrencyConfig = { provisionedConcurrentExecutions: provisionedConcurrency };
    if (maxProvisionedConcurrency === undefined) return;
    const scaling = this.alias.addAutoScaling({
      minCapacity: provisionedConcurrency,
      maxCapacity: maxProvisionedConcurrency,
    });
    scaling.scaleOnUtilization({ utilizationTarget: 0.7 });
  }

  private permit(tables: Tables, topic: sns.ITopic): void {
    grantTable(tables.state, this.function, TABLE_ACTIONS.serverState);
    grantTable(tables.events, this.function, TABLE_ACTIONS.serverEvents);
    grantPublish(topic, this.props.events?.encryptionKey, this.function);
    for (const secret of Object.values(this.props.secrets ?? {})) secret.grantRead(this.function);
    if (this.ingestFunction !== this.function)
      grantTable(tables.events, this.ingestFunction, TABLE_ACTIONS.ingestEvents);
  }

  private watch(front: Front, tables: Tables, failures: Failures): Monitoring {
    const { props } = this;
    const alone = this.ingestFunction === this.function;
    return new Monitoring(this, props.monitoring ?? {}, {
      front,
      server: this.function,
      serverReserved: props.reservedConcurrency,
      ingest: alone ? undefined : this.ingestFunction,
      ingestTimeout: props.events?.ingestTimeout ?? INGEST_TIMEOUT,
      tables: { StateTable: tables.state, EventTable: tables.events },
      topic: this.eventsTopic,
      failures: { DeliveryFailures: failures.delivery, IngestFailures: failures.ingest },
    });
  }

  /** Outputs by names that scripts and people can rely on. */
  private say(): void {
    const outputs: { [name: string]: string | undefined } = {
      McpEndpoint: this.url,
      EventsTopicArn: this.eventsTopic.topicArn,
      StateTableName: this.stateTable.tableName,
      EventsTableName: this.eventTable.tableName,
      FunctionName: this.function.functionName,
      IngestFunctionName: this.ingestFunction.functionName,
      DashboardUrl: this.dashboard && dashboardUrl(this.dashboard),
    };
    const prefix = this.props.outputPrefix ?? '';
    const stack = Stack.of(this);
    for (const [name, value] of Object.entries(outputs)) {
      if (value === undefined) continue;
      const output = new CfnOutput(this, `Output${name}`, { value });
      const logicalId = `${prefix}${name}`;
      if (taken(stack, output, logicalId)) {
        refuse(
          'outputPrefix',
          `'${prefix}'`,
          `must differ between servers of one stack: ${logicalId} is there already`,
          "set it to 'Notes', for example",
        );
      }
      output.overrideLogicalId(logicalId);
    }
  }
}

function taken(stack: Stack, output: CfnOutput, logicalId: string): boolean {
  return stack.node
    .findAll()
    .some(other => other instanceof CfnOutput && other !== output && stack.resolve(other.logicalId) === logicalId);
}

function tokenVariables(rules: TokenRules): Variables {
  return variables({
    jwtIssuer: rules.issuer,
    jwtAudience: commaList(rules.audience),
    jwtScopes: commaList(rules.scopes),
  });
}

function network(props: McpLambdaServerProps): Network | undefined {
  if (!props.vpc) return undefined;
  return { vpc: props.vpc, subnets: props.vpcSubnets, securityGroups: props.securityGroups };
}
