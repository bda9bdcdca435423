import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';

/**
 * The DynamoDB actions that the runtime calls, per function and table. A transaction has no action of its own: IAM
 * checks the actions of its items. A test compares these lists with the calls in the runtime's source.
 */
export const TABLE_ACTIONS = {
  serverState: [
    'dynamodb:BatchGetItem',
    'dynamodb:BatchWriteItem',
    'dynamodb:ConditionCheckItem',
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  serverEvents: [
    'dynamodb:BatchGetItem',
    'dynamodb:BatchWriteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  ingestEvents: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
};

/** The actions of `grants.readState()`. */
export const READ_ACTIONS = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'];

/**
 * Grants the actions on the table without its indexes, and the use of the table's own KMS key if it has one.
 */
export function grantTable(table: dynamodb.ITable, grantee: iam.IGrantable, actions: string[]): iam.Grant {
  const grant = iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [table.tableArn] });
  const readOnly = actions.every(action => READ_ACTIONS.includes(action));
  return table.encryptionKey ? grant.combine(grantKey(table.encryptionKey, grantee, readOnly)) : grant;
}

function grantKey(key: kms.IKey, grantee: iam.IGrantable, readOnly: boolean): iam.Grant {
  return readOnly ? key.grantDecrypt(grantee) : key.grantEncryptDecrypt(grantee);
}
