import { Fn } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { addWarning } from '../private/findings';
import { fail } from '../private/validation';
import { McpResponseMode, type McpEndpointBindOptions, type McpEndpointConfig } from './endpoint-config';

/** A Function URL checks signatures. Tokens are checked by the server. */
export function bindFunctionUrl(options: McpEndpointBindOptions): McpEndpointConfig {
  checkFunctionUrl(options);
  const auth = options.auth.bindToFunctionUrl(options);
  const url = options.alias.addFunctionUrl({
    authType: auth.authType,
    invokeMode: lambda.InvokeMode.RESPONSE_STREAM,
  });
  if (options.inVpc) {
    const problem = 'AWS does not document response streaming through a Function URL for functions in a VPC';
    addWarning(options.scope, 'vpc-function-url', `${problem}; use McpEndpoint.restApi(), or leave 'vpc' out`);
  }
  const metric = (metricName: string) => options.function.metric(metricName, { statistic: 'Sum' });
  return {
    // The URL depends on the function, so its host name cannot be set in the function's environment. Lambda routes
    // requests by it anyway.
    url: Fn.join('', [url.url, options.path.slice(1)]),
    auth,
    functionUrl: url,
    responseMode: McpResponseMode.STREAM,
    requests: metric('UrlRequestCount'),
    serverErrors: metric('Url5xxCount'),
    ...(auth.iamPermission && { signingName: 'lambda', invokable: { grantInvoke: grantee => url.grantInvokeUrl(grantee) } }),
  };
}

export function checkFunctionUrl({ tenancyConfig }: Pick<McpEndpointBindOptions, 'tenancyConfig'>): void {
  if (!tenancyConfig) return;
  const rule = 'cannot be used with a Function URL, which has no tenant id';
  fail('tenancyConfig', 'PER_TENANT', rule, 'use McpEndpoint.restApi() or McpEndpoint.httpApi()');
}
