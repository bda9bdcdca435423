import { Aws, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import type { Construct } from 'constructs';
import { expectFindings } from '../private/findings';
import { fail } from '../private/validation';

/** An id begins with the region of its pool, and `fromUserPoolId()` takes every pool for one of the stack's region. */
export function checkRegion(
  scope: Construct,
  { userPoolId, env }: cognito.IUserPool,
  property = 'auth.userPool',
): void {
  const region = Token.isUnresolved(userPoolId) ? undefined : /^([a-z]{2,}(?:-[a-z]+)+-\d+)_/.exec(userPoolId)?.[1];
  const assumed = env.region === Aws.REGION ? Stack.of(scope).region : env.region;
  if (region === undefined || Token.isUnresolved(assumed) || region === assumed) return;
  const rule = `is of the region ${region} and was imported as one of ${assumed}: every token would be refused`;
  fail(property, userPoolId, rule, 'use UserPool.fromUserPoolArn()');
}

/** What happens to a new pool. */
interface UserPoolOptions {
  readonly removalPolicy?: RemovalPolicy;
  readonly deletionProtection?: boolean;
}

/** A new pool, without clients. Its id is the same for every auth, so that the users stay where one takes another's place. */
export function createUserPool(scope: Construct, options: UserPoolOptions): cognito.UserPool {
  const userPool = new cognito.UserPool(scope, 'UserPool', {
    selfSignUpEnabled: false,
    signInAliases: { email: true },
    passwordPolicy: {
      minLength: 12,
      requireDigits: true,
      requireLowercase: true,
      requireUppercase: true,
      requireSymbols: true,
    },
    mfa: cognito.Mfa.REQUIRED,
    mfaSecondFactor: { otp: true, sms: false },
    // There are no text messages.
    accountRecovery: cognito.AccountRecovery.EMAIL_ONLY,
    removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    deletionProtection: options.deletionProtection ?? false,
  });
  expectFindings(
    userPool,
    'threat protection is part of a paid plan: use it with a pool of your own',
    'AwsSolutions-COG8',
  );
  return userPool;
}
