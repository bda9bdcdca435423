import { Resource, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import { addWarning } from './findings';

/** The properties with the one key in those places that have a property of their own for it, unless that is set. */
export function withKey(props: McpLambdaServerProps): McpLambdaServerProps {
  const { encryptionKey, state = {}, mcpEvents = {} } = props;
  if (!encryptionKey) return props;
  const ownTables = !state.stateTable || !state.eventTable;
  const ownTopic = !mcpEvents.topic && mcpEvents.enabled !== false;
  return {
    ...props,
    state: { ...state, ...(ownTables && { encryptionKey: state.encryptionKey ?? encryptionKey }) },
    mcpEvents: { ...mcpEvents, ...(ownTopic && { encryptionKey: mcpEvents.encryptionKey ?? encryptionKey }) },
    ...(!props.function && { environmentEncryption: props.environmentEncryption ?? encryptionKey }),
  };
}

/**
 * Lets the services use the key that have no role: CloudWatch Logs for log groups, and SNS and EventBridge for messages that
 * they send to dead-letter queues.
 */
export function allowServices(scope: Construct, key: kms.IKey): void {
  const { account, region, partition } = Stack.of(scope);
  if (!Resource.isOwnedResource(key)) {
    const services = 'logs, sns, events and cloudwatch.amazonaws.com';
    const problem = `'encryptionKey' is imported, and its policy is not written here: it must let ${services} use it`;
    addWarning(scope, 'imported-key', `${problem}; see the key policies of those services, or give a kms.Key of the app`);
    return;
  }
  const statement = (service: string, actions: string[], conditions: iam.Conditions) =>
    new iam.PolicyStatement({ actions, resources: ['*'], principals: [new iam.ServicePrincipal(service, { conditions })] });
  const logs = ['kms:Decrypt*', 'kms:Describe*', 'kms:Encrypt*', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'];
  const ofLogs = { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*` };
  key.addToResourcePolicy(statement(`logs.${region}.amazonaws.com`, logs, { ArnLike: ofLogs }));
  for (const service of ['sns.amazonaws.com', 'events.amazonaws.com']) {
    const conditions = { StringEquals: { 'aws:SourceAccount': account } };
    key.addToResourcePolicy(statement(service, ['kms:Decrypt', 'kms:GenerateDataKey*'], conditions));
  }
}
