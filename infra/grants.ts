import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Front } from './endpoint/front';
import { grantPublish } from './events';
import { READ_ACTIONS, grantTable } from './permissions';

/** What there is to grant. */
export interface Granted {
  readonly front: Front;
  readonly topic: sns.ITopic;
  readonly topicKey: kms.IKey | undefined;
  readonly state: dynamodb.ITable;
  readonly events: dynamodb.ITable;
}

/**
 * Permissions for others.
 */
export class McpLambdaServerGrants {
  /** @internal */
  public static _of(granted: Granted): McpLambdaServerGrants {
    return new McpLambdaServerGrants(granted);
  }

  private constructor(private readonly granted: Granted) {}

  /**
   * To call the server, where its front asks for an IAM permission; elsewhere it adds nothing.
   */
  public invoke(grantee: iam.IGrantable): iam.Grant {
    return this.granted.front.grantInvoke(grantee);
  }

  /**
   * To publish events.
   */
  public publish(grantee: iam.IGrantable): iam.Grant {
    return grantPublish(this.granted.topic, this.granted.topicKey, grantee);
  }

  /**
   * To read sessions, state and events, one key at a time.
   */
  public readState(grantee: iam.IGrantable): iam.Grant {
    const state = grantTable(this.granted.state, grantee, READ_ACTIONS);
    return state.combine(grantTable(this.granted.events, grantee, READ_ACTIONS));
  }
}
