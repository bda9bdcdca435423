import * as iam from 'aws-cdk-lib/aws-iam';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as kms from 'aws-cdk-lib/aws-kms';

/**
 * What the runtime does to its tables, operation by operation. A transaction needs no action of its own: IAM asks for
 * those of its parts. There is no Scan. A test compares these lists with the calls in the runtime's source.
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

/** For people and programs that look at the tables of a running server. */
export const READ_ACTIONS = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'];

/**
 * Exact actions on one table, never on all of its indexes, and its key where it has one of the customer's.
 */
export function grantTable(table: dynamodb.ITable, grantee: iam.IGrantable, actions: string[]): iam.Grant {
  const grant = iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [table.tableArn] });
  const reads = actions.every(action => READ_ACTIONS.includes(action));
  return table.encryptionKey ? grant.combine(grantKey(table.encryptionKey, grantee, reads)) : grant;
}

function grantKey(key: kms.IKey, grantee: iam.IGrantable, reads: boolean): iam.Grant {
  return reads ? key.grantDecrypt(grantee) : key.grantEncryptDecrypt(grantee);
}
