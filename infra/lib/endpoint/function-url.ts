import { Fn } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { addWarning } from '../private/findings';
import { checkAll, fail } from '../private/validation';
import { OriginAccess, checkCloudFront, createDistribution, originAccessOf } from './cloud-front';
import type { McpCloudFrontOptions, McpFunctionUrlOptions } from './cloud-front-options';
import { McpResponseMode, type McpEndpointBindOptions, type McpEndpointConfig } from './endpoint-config';

/** A Function URL checks signatures. Tokens are checked by the server. */
export function bindFunctionUrl(api: McpFunctionUrlOptions, options: McpEndpointBindOptions): McpEndpointConfig {
  checkFunctionUrl(api, options);
  const auth = options.auth.bindToFunctionUrl(options);
  const access = api.cloudFront && originAccessOf(auth, api.cloudFront);
  const url = options.alias.addFunctionUrl({
    authType: access === OriginAccess.SIGNED ? lambda.FunctionUrlAuthType.AWS_IAM : auth.authType,
    invokeMode: lambda.InvokeMode.RESPONSE_STREAM,
  });
  if (options.inVpc) {
    const problem = 'AWS does not document response streaming through a Function URL for functions in a VPC';
    addWarning(options.scope, 'vpc-function-url', `${problem}; use McpEndpoint.restApi(), or leave 'vpc' out`);
  }
  const front = api.cloudFront && access && behindCloudFront(options, url, access, api.cloudFront);
  const metric = (metricName: string) => options.function.metric(metricName, { statistic: 'Sum' });
  return {
    // The URL depends on the function, so its host name cannot be set in the function's environment. Lambda routes
    // requests by it anyway.
    url: Fn.join('', [url.url, options.path.slice(1)]),
    auth,
    functionUrl: url,
    responseMode: McpResponseMode.STREAM,
    ...front,
    requests: metric('UrlRequestCount'),
    serverErrors: metric('Url5xxCount'),
    ...(auth.iamPermission && { signingName: 'lambda', invokable: { grantInvoke: grantee => url.grantInvokeUrl(grantee) } }),
  };
}

/** What the distribution changes: the URL of clients, and its host where that is known beforehand. */
function behindCloudFront(
  options: McpEndpointBindOptions,
  url: lambda.FunctionUrl,
  access: OriginAccess,
  cloudFront: McpCloudFrontOptions,
): Pick<McpEndpointConfig, 'url' | 'distribution' | 'publicUrl'> {
  const distribution = createDistribution(options, url, access, cloudFront);
  const host = cloudFront.domain?.domainName ?? distribution.distributionDomainName;
  return {
    url: `https://${host}${options.path}`,
    distribution,
    ...(cloudFront.domain && { publicUrl: `https://${host}` }),
  };
}

export function checkFunctionUrl(
  { cloudFront }: McpFunctionUrlOptions,
  { tenancyConfig }: Pick<McpEndpointBindOptions, 'tenancyConfig'>,
): void {
  checkAll(
    () => cloudFront && checkCloudFront(cloudFront),
    () => checkTenancy(tenancyConfig),
  );
}

function checkTenancy(tenancyConfig: lambda.TenancyConfig | undefined): void {
  if (!tenancyConfig) return;
  const rule = 'cannot be used with a Function URL, which has no tenant id';
  fail('tenancyConfig', 'PER_TENANT', rule, 'use McpEndpoint.restApi() or McpEndpoint.httpApi()');
}
