import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import type { IMcpInvokable } from './endpoint/endpoint-config';
import { McpLambdaServerGrants } from './mcp-lambda-server-grants';
import { fail } from './private/validation';

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
   * The topic of events for clients, if the server takes events.
   */
  readonly eventsTopic?: sns.ITopic;

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
   *
   * @default - none: `grants.publish()` is an error
   */
  readonly eventsTopic?: sns.ITopic;

  /**
   * Grants the permission to invoke the endpoint.
   *
   * @default - `grants.invoke()` is an error: the kind of the endpoint is not known
   */
  readonly invokable?: IMcpInvokable;

  /**
   * The function that takes updates of tasks.
   *
   * @default - `grants.updateTasks()` is an error
   */
  readonly worker?: lambda.IFunction;
}

/** A server that was created elsewhere. */
export class ImportedMcpLambdaServer extends Construct implements IMcpLambdaServer {
  public readonly url: string;
  public readonly functionArn: string;
  public readonly stateTable: dynamodb.ITable;
  public readonly eventTable: dynamodb.ITable;
  public readonly eventsTopic?: sns.ITopic;
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
    if (attributes.eventsTopic) this.eventsTopic = attributes.eventsTopic;
    this.grants = McpLambdaServerGrants._of({
      scope: this,
      invokable: attributes.invokable ?? NOT_KNOWN,
      topic: this.eventsTopic,
      stateTable: this.stateTable,
      eventTable: this.eventTable,
      worker: attributes.worker,
    });
  }

  public metric(metricName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.attributes.function.metric(metricName, options);
  }
}

/** The endpoint of an imported server: its kind is not known. */
const NOT_KNOWN: IMcpInvokable = {
  grantInvoke() {
    const rule = 'is needed to grant the permission to invoke an imported server';
    return fail('invokable', undefined, rule, 'give it to fromMcpLambdaServerAttributes()');
  },
};
