import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import type { IMcpInvokable } from './endpoint/endpoint-config';
import { needsEvents } from './events';
import { grantRead, warnIfNothing } from './private/permissions';
import { fail } from './private/validation';

/** The resources of a server that permissions can be granted for. */
export interface GrantableResources {
  /** Where warnings are added. */
  readonly scope: IConstruct;
  /** `undefined` if no permission is needed. */
  readonly invokable?: IMcpInvokable | undefined;
  readonly topic?: sns.ITopic | undefined;
  readonly stateTable: dynamodb.ITable;
  readonly eventTable: dynamodb.ITable;
  /** The function that takes updates of tasks. */
  readonly worker?: lambda.IFunction | undefined;
}

/**
 * Grants permissions for an MCP server.
 */
export class McpLambdaServerGrants {
  /** @internal */
  public static _of(resources: GrantableResources): McpLambdaServerGrants {
    return new McpLambdaServerGrants(resources);
  }

  private constructor(private readonly resources: GrantableResources) {}

  /**
   * Grants the permission to call the server, if its endpoint requires an IAM permission; otherwise nothing.
   */
  public invoke(grantee: iam.IGrantable): iam.Grant {
    const { scope, invokable } = this.resources;
    if (!invokable) return iam.Grant.drop(grantee, 'the endpoint requires no IAM permission');
    const wayOut = 'give the grantee a role of this account to assume, or use McpEndpoint.functionUrl()';
    return warnIfNothing(scope, { name: 'invoke', grant: invokable.grantInvoke(grantee), wayOut });
  }

  /**
   * Grants the permission to publish events, and the use of the topic's KMS key if it has one. For another account and for
   * a service it is a statement of the topic's policy.
   */
  public publish(grantee: iam.IGrantable): iam.Grant {
    const { scope, topic } = this.resources;
    if (!topic) return needsEvents('grants.publish()');
    const grant = topic.grantPublish(grantee);
    return warnIfNothing(scope, { name: 'publish', grant, resource: topic, wayOut: 'grant it where the topic is defined' });
  }

  /**
   * Grants the permission to read sessions, state and events by key. For another account it is a statement of the policies
   * of the tables; its own principals need one of their policies as well.
   */
  public readState(grantee: iam.IGrantable): iam.Grant {
    const { scope, stateTable, eventTable } = this.resources;
    const wayOut = 'grant it where the tables are defined';
    const [state, events] = [stateTable, eventTable].map(table => {
      const grant = grantRead(table, grantee);
      return warnIfNothing(scope, { name: 'readState', grant, resource: table, wayOut });
    }) as [iam.Grant, iam.Grant];
    return state.combine(events);
  }

  /**
   * Grants the permission to invoke the worker function, to update tasks: to answer a question of one, or to end it. It
   * applies to every task of the server.
   */
  public updateTasks(grantee: iam.IGrantable): iam.Grant {
    if (this.resources.worker) return this.resources.worker.grantInvoke(grantee);
    const rule = 'is needed to grant the permission to update tasks';
    return fail('tasks', undefined, rule, "give 'tasks' to the server, or 'worker' to fromMcpLambdaServerAttributes()");
  }
}
