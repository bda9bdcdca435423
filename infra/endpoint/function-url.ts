import { Fn, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { warn } from '../findings';
import { refuse } from '../validation';
import type { Behind, Front, Intent } from './front';

export function checkFunctionUrl(intent: Intent): void {
  if (intent.auth._name === 'lambdaAuthorizer') {
    const rule = 'cannot be used with a Function URL, which asks no authorizer';
    refuse('auth', 'McpAuth.lambdaAuthorizer()', rule, 'use McpEndpoint.restApi(), or McpAuth.jwt()');
  }
  if (intent.tenantIsolation) {
    const rule = 'cannot be used with a Function URL, which names no tenant';
    refuse('tenantIsolation', true, rule, 'use McpEndpoint.restApi() or McpEndpoint.httpApi()');
  }
}

/** A Function URL. Tokens are checked by the server. */
export function functionUrl(behind: Behind): Front {
  const { scope, alias, plan } = behind;
  const signed = plan.kind === 'iam';
  const url = alias.addFunctionUrl({
    authType: signed ? lambda.FunctionUrlAuthType.AWS_IAM : lambda.FunctionUrlAuthType.NONE,
    invokeMode: lambda.InvokeMode.RESPONSE_STREAM,
  });
  if (behind.inVpc) {
    const trouble = 'AWS does not document response streaming through a Function URL for functions in a VPC';
    warn(scope, 'vpc-function-url', `${trouble}; use McpEndpoint.restApi(), or leave 'vpc' out`);
  }
  const metric = (metricName: string) => behind.function.metric(metricName, { statistic: 'Sum' });
  return {
    url: Fn.join('', [url.url, behind.path.slice(1)]),
    // The URL is made after the function: it cannot be told its own name, and Lambda routes by it anyway.
    hosts: undefined,
    publicUrl: undefined,
    responseMode: 'stream',
    requests: metric('UrlRequestCount'),
    serverErrors: metric('Url5xxCount'),
    grantInvoke: grantee => (signed ? url.grantInvokeUrl(grantee) : open(grantee, alias)),
  };
}

/** Nobody needs a permission where everybody may call. */
function open(grantee: iam.IGrantable, alias: lambda.Alias): iam.Grant {
  return iam.Grant.drop(grantee, `${Token.asString(alias.functionArn)} has no IAM front`);
}
