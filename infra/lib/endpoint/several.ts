import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { checkAll, checkEach, fail } from '../private/validation';
import type { EndpointKind, McpEndpoint } from "./endpoint";
import { McpResponseMode, type IMcpInvokable, type McpEndpointConfig } from './endpoint-config';

/** What the server needs to know of all of its endpoints together. */
export interface ServedEndpoints {
  readonly urls: string[];
  /** `auto`: a Function URL streams, and nothing else does. */
  readonly responseMode: McpResponseMode | 'auto';
  readonly allowedHosts?: string[] | undefined;
  readonly publicUrl?: string | undefined;
  readonly invokable?: IMcpInvokable | undefined;
}

/** Fails for two endpoints of one kind: their resources would have the same ids. */
export function checkKinds(endpoint: McpEndpoint, additional: readonly McpEndpoint[]): void {
  const kinds = new Set<EndpointKind | undefined>([endpoint._kind]);
  checkEach(additional, ({ _kind: kind }) => {
    if (kind !== undefined && kinds.has(kind)) {
      const rule = "must be of another kind than 'endpoint' and each other, since a server has one of a kind";
      const wayOut = kind === 'functionUrl' ? 'leave it out: the Function URL stays behind CloudFront' : 'make a second server for it';
      fail('additionalEndpoints', `McpEndpoint.${kind}()`, rule, wayOut);
    }
    kinds.add(kind);
  });
}

/** The endpoints as the server knows them. Fails for those that one server cannot serve. */
export function serveAll(scope: IConstruct, first: McpEndpointConfig, additional: readonly McpEndpointConfig[]): ServedEndpoints {
  const all = [first, ...additional];
  if (additional.length > 0) {
    checkAll(
      () => checkAuth(scope, first, additional),
      () => checkEach(all, checkStage),
    );
  }
  const hosts = all.map(({ allowedHosts }) => allowedHosts);
  const invokables = all.flatMap(({ invokable }) => invokable ?? []);
  return {
    urls: all.map(({ url }) => url),
    responseMode: responseModeOf(all),
    // One host is not known before the deployment: every host is accepted that is routed to the function.
    allowedHosts: hosts.every(it => it !== undefined) ? hosts.flat() : undefined,
    // Each request has the URL of its own endpoint.
    publicUrl: additional.length === 0 ? first.publicUrl : undefined,
    invokable: invokables.length === 0 ? undefined : { grantInvoke: grantee => grantAll(invokables, grantee) },
  };
}

/** The variables of the server are those of one auth. */
function checkAuth(scope: IConstruct, first: McpEndpointConfig, additional: readonly McpEndpointConfig[]): void {
  const variables = ({ auth }: McpEndpointConfig) => JSON.stringify(Stack.of(scope).resolve(auth.environment ?? {}));
  if (additional.every(it => variables(it) === variables(first))) return;
  const rule = "must let the server authenticate callers as 'endpoint' does, and this 'auth' has other variables for it";
  fail('additionalEndpoints', 'McpEndpoint', rule, 'return the same environment from each bind method of it');
}

/** The server takes its URL from a request, and finds no stage there. */
function checkStage({ auth, publicUrl }: McpEndpointConfig): void {
  if (!auth.bearerTokens || publicUrl === undefined || !/^https:\/\/[^/]+\/./.test(publicUrl)) return;
  const rule = 'must have a domain or the stage $default where callers have tokens: the server cannot name its URL with a stage';
  fail('additionalEndpoints', publicUrl.split('/').at(-1), rule, "set 'domain' on that endpoint");
}

/** A REST API that buffers takes no stream. An HTTP API buffers by itself. */
function responseModeOf(all: readonly McpEndpointConfig[]): McpResponseMode | 'auto' {
  const streaming = all.filter(it => it.responseMode === McpResponseMode.STREAM);
  if (streaming.length === 0) return McpResponseMode.BUFFERED;
  if (!all.some(it => it.restApi && it.responseMode === McpResponseMode.BUFFERED)) return McpResponseMode.STREAM;
  return 'auto';
}

function grantAll([first, ...others]: readonly IMcpInvokable[], grantee: iam.IGrantable): iam.Grant {
  const grant = (first as IMcpInvokable).grantInvoke(grantee);
  return others.reduce((all, one) => all.combine(one.grantInvoke(grantee)), grant);
}
