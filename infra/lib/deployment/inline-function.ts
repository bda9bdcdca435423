import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RemovalPolicy, type Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { expectFindings } from '../private/findings';

/** The folder with the code, beside `lib` in the repository and beside `dist` in the package. */
const FOLDER = join(__dirname, '..', '..', 'functions');

/** A function of this library, with its code in the template. */
export interface InlineFunctionOptions {
  /** The name of the file. */
  readonly source: 'check' | 'budget-guard' | 'rotate-key';
  readonly description: string;
  readonly timeout: Duration;
  readonly environment: { [name: string]: string };
}

/** Creates the function with a role that writes to its own log only. */
export function createInlineFunction(scope: Construct, options: InlineFunctionOptions): lambda.Function {
  const logGroup = new logs.LogGroup(scope, 'LogGroup', {
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new iam.Role(scope, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
  );
  const created = new lambda.Function(scope, 'Function', {
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    handler: 'index.handler',
    code: lambda.Code.fromInline(inlineSource(options.source)),
    memorySize: 256,
    timeout: options.timeout,
    description: options.description,
    environment: options.environment,
    loggingFormat: lambda.LoggingFormat.JSON,
    logGroup,
    role,
  });
  expectFindings(created, 'it runs seldom, and what it does is in its log', 'Serverless-LambdaTracing', 'Serverless-LambdaDLQ');
  return created;
}

/** The code of the function, with the signing that it uses. */
export function inlineSource(name: InlineFunctionOptions['source']): string {
  const [signing, source] = ['signed', name].map(it => readFileSync(join(FOLDER, `${it}.js`), 'utf8'));
  return `${signing}\n${source}`;
}
