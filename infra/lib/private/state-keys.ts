import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import { checkRotation, createKeySecret } from './key-secret';
import { checkAll, fail } from './validation';

/** The secret with the keys that sign `requestState`: every environment must verify what another one signed. */
export function stateKeys(scope: Construct, props: McpLambdaServerProps): secretsmanager.ISecret {
  const { stateKeys: given, encryptionKey, stateKeyRotation: rotation } = props;
  return given ?? createKeySecret(scope, 'StateKey', { description: 'Signs the requestState of the MCP server', encryptionKey, rotation, rotatedBy: 'stateKeyRotation' });
}

export function checkStateKeys({ stateKeys: given, stateKeyRotation: rotation }: McpLambdaServerProps): void {
  checkAll(
    () => {
      if (!given || !rotation) return;
      fail('stateKeyRotation', rotation.toHumanString(), "does not apply to a secret in 'stateKeys'", 'call addRotationSchedule() of the secret');
    },
    () => checkRotation('stateKeyRotation', rotation),
  );
}
