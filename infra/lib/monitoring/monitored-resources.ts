import type { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { McpEndpointConfig } from '../endpoint/endpoint-config';
import type { EventResources } from '../events';
import type { Tables } from '../state';
import type { McpTasksConfig } from '../tasks/tasks-config';

/** The functions that are monitored. */
export interface MonitoredFunctions {
  readonly server: lambda.Function;
  /** `undefined` if the function is the user's own and has no timeout that is known here. */
  readonly serverTimeout: Duration | undefined;
  readonly applicationLogLevel: lambda.ApplicationLogLevel | undefined;
  readonly serverReservedConcurrency: number | undefined;
  /** The longest lifetime of a stream that waits for events; `undefined` if there are none. */
  readonly streamLifetime: Duration | undefined;
  readonly ingestTimeout: Duration;
  /** Those of new functions. */
  readonly logGroups: logs.ILogGroupRef[];
}

/** The resources that are monitored. */
export interface MonitoredResources extends MonitoredFunctions {
  readonly endpoint: McpEndpointConfig;
  readonly tables: Tables;
  /** The key of the topic of alarms. */
  readonly encryptionKey: kms.IKey | undefined;
  /** `undefined` if there are no events. */
  readonly received: EventResources | undefined;
  readonly tasks: McpTasksConfig | undefined;
  /** The function of the login, if there is one. */
  readonly login: lambda.Function | undefined;
}
