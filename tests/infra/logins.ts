// Logins that several tests configure.
import type { Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { McpAuth, type McpLoginOptions } from '../../infra/lib/index.ts';

export const cognitoLogin = (more: Partial<McpLoginOptions> = {}) => ({ auth: McpAuth.login({ cognito: {}, ...more }) });

export const google = { issuer: 'https://accounts.google.com', clientId: 'client' };

export const secretOf = (stack: Stack, id: string) =>
  secretsmanager.Secret.fromSecretCompleteArn(
    stack,
    id,
    `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${id}-AbCdEf`,
  );

export const certificate = (stack: Stack) =>
  acm.Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:us-east-1:111122223333:certificate/c');
