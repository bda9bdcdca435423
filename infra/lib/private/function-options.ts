import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { checkEach, fail } from './validation';

/** The functions that an option applies to. */
type AppliesTo = 'every function' | 'functions that run tools' | 'the server';

/** Why an option is refused, and what to use instead. */
interface Refusal {
  readonly rule: string;
  readonly wayOut: string;
}

const DEPRECATED_LOGS: Refusal = {
  rule: 'is deprecated by the CDK',
  wayOut: "use 'logGroup', and 'ingestOptions.logGroup' for the ingest function",
};
const ASYNCHRONOUS: Refusal = {
  rule: 'applies to asynchronous invocations of the unqualified function, and endpoints invoke an alias',
  wayOut: 'use server.alias.configureAsyncInvoke(), or server.ingestFailures for events that failed',
};
const PROFILER: Refusal = { rule: 'is not available for OS-only runtimes', wayOut: 'leave it out' };

/**
 * Every option of `lambda.FunctionOptions`. The type makes an option that the CDK adds an error here, until it is
 * decided what it applies to.
 */
export const FUNCTION_OPTIONS: { readonly [name in keyof Required<lambda.FunctionOptions>]: AppliesTo | Refusal } = {
  adotInstrumentation: 'every function',
  allowAllIpv6Outbound: 'every function',
  allowAllOutbound: 'every function',
  allowPublicSubnet: 'every function',
  applicationLogLevelV2: 'every function',
  architecture: 'every function',
  codeSigningConfig: 'every function',
  environment: 'every function',
  environmentEncryption: 'every function',
  insightsVersion: 'every function',
  ipv6AllowedForDualStack: 'every function',
  layers: 'every function',
  loggingFormat: 'every function',
  paramsAndSecrets: 'every function',
  runtimeManagementMode: 'every function',
  securityGroups: 'every function',
  systemLogLevelV2: 'every function',
  tracing: 'every function',
  vpc: 'every function',
  vpcSubnets: 'every function',

  ephemeralStorageSize: 'functions that run tools',
  filesystem: 'functions that run tools',
  initialPolicy: 'functions that run tools',

  currentVersionOptions: 'the server',
  description: 'the server',
  functionName: 'the server',
  logGroup: 'the server',
  memorySize: 'the server',
  recursiveLoop: 'the server',
  reservedConcurrentExecutions: 'the server',
  role: 'the server',
  tenancyConfig: 'the server',
  timeout: 'the server',

  applicationLogLevel: { rule: 'is deprecated by the CDK', wayOut: "use 'applicationLogLevelV2'" },
  systemLogLevel: { rule: 'is deprecated by the CDK', wayOut: "use 'systemLogLevelV2'" },
  logFormat: { rule: 'is deprecated by the CDK', wayOut: "use 'loggingFormat'" },
  logRemovalPolicy: DEPRECATED_LOGS,
  logRetention: DEPRECATED_LOGS,
  logRetentionRetryOptions: DEPRECATED_LOGS,
  logRetentionRole: DEPRECATED_LOGS,
  deadLetterQueue: ASYNCHRONOUS,
  deadLetterQueueEnabled: ASYNCHRONOUS,
  deadLetterTopic: ASYNCHRONOUS,
  maxEventAge: ASYNCHRONOUS,
  onFailure: ASYNCHRONOUS,
  onSuccess: ASYNCHRONOUS,
  retryAttempts: ASYNCHRONOUS,
  profiling: PROFILER,
  profilingGroup: PROFILER,
  snapStart: { rule: 'is not available for OS-only runtimes', wayOut: "use 'provisionedConcurrentExecutions'" },
  durableConfig: { rule: 'needs a program written with a durable execution SDK', wayOut: 'leave it out' },
  events: {
    rule: 'would invoke the server with events that it does not read',
    wayOut: "publish to 'mcpEvents.topic', or use server.eventRule()",
  },
};

const NAMES = Object.keys(FUNCTION_OPTIONS) as (keyof lambda.FunctionOptions)[];

/** Fails if an option is given that cannot work here, or that a function of the user's own does not take from here. */
export function checkFunctionOptions(options: lambda.FunctionOptions, ownFunction: boolean): void {
  checkEach(NAMES, name => {
    const value = options[name];
    const use = FUNCTION_OPTIONS[name];
    if (value === undefined) return;
    if (typeof use !== 'string') fail(name, value, use.rule, use.wayOut);
    if (ownFunction && name !== 'environment') {
      fail(name, value, "does not apply where 'function' is given", 'set it on that function');
    }
  });
}

/** The options that apply to the server. */
export function serverOptions(options: lambda.FunctionOptions): lambda.FunctionOptions {
  return pick(options, NAMES);
}

/** The options that apply to every function. */
export function sharedOptions(options: lambda.FunctionOptions): lambda.FunctionOptions {
  return pick(options, appliesTo('every function'));
}

/** The options that apply to a worker. */
export function workerOptions(options: lambda.FunctionOptions): lambda.FunctionOptions {
  return pick(options, [...appliesTo('every function'), ...appliesTo('functions that run tools')]);
}

function appliesTo(functions: AppliesTo): (keyof lambda.FunctionOptions)[] {
  return NAMES.filter(name => FUNCTION_OPTIONS[name] === functions);
}

/** The options that are not `undefined`, so that they can be spread over defaults. */
export function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

function pick(options: lambda.FunctionOptions, names: (keyof lambda.FunctionOptions)[]): lambda.FunctionOptions {
  return defined(Object.fromEntries(names.map(name => [name, options[name]])));
}
