// The CDK construct library: what it is, and how it is used, is in README.md.
export { McpAuth, McpCognitoProps, McpJwtProps } from './auth';
export { McpCors } from './cors';
export { McpEndpoint } from './endpoint/endpoint';
export { HttpApiOptions, McpDomain, RestApiOptions } from './endpoint/options';
export { McpEventsProps } from './events';
export { McpLambdaServerGrants } from './grants';
export { McpManagedInstances } from './managed';
export { McpLambdaServer } from './mcp-lambda-server';
export { McpLambdaServerMetrics } from './metrics';
export { McpMonitoringProps } from './monitoring';
export { McpLambdaServerProps } from './props';
export { McpStateProps } from './state';
export { McpStreamsProps } from './streams';
