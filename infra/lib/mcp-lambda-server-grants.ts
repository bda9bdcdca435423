import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IMcpInvokable } from './endpoint/endpoint-config';
import { grantPublish } from './events';
import { READ_ACTIONS, grantTable } from './private/permissions';
import { fail } from './private/validation';

/** The resources of a server that permissions can be granted for. */
export interface GrantableResources {
  readonly invokable: IMcpInvokable;
  readonly topic: sns.ITopic;
  /** The KMS key of the topic. */
  readonly topicKey?: kms.IKey | undefined;
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
    return this.resources.invokable.grantInvoke(grantee);
  }

  /**
   * Grants the permission to publish events.
   */
  public publish(grantee: iam.IGrantable): iam.Grant {
    return grantPublish(this.resources.topic, this.resources.topicKey, grantee);
  }

  /**
   * Grants the permission to read sessions, state and events by key.
   */
  public readState(grantee: iam.IGrantable): iam.Grant {
    const state = grantTable(this.resources.stateTable, grantee, READ_ACTIONS);
    return state.combine(grantTable(this.resources.eventTable, grantee, READ_ACTIONS));
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
