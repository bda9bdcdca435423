import { Names } from 'aws-cdk-lib';
import { CfnDiscovery, CfnServiceLevelObjective } from 'aws-cdk-lib/aws-applicationsignals';
import type * as cw from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { McpEndpointConfig } from '../endpoint/endpoint-config';

/**
 * Enables Application Signals for the account, which is done once and stays when the stack is deleted, and sets an
 * objective for the endpoint: AWS has no layer that instruments programs on OS-only runtimes.
 */
export function addApplicationSignals(scope: Construct, { requests, serverErrors }: McpEndpointConfig): void {
  const discovery = new CfnDiscovery(scope, 'ApplicationSignals');
  const objective = new CfnServiceLevelObjective(scope, 'AvailabilityObjective', {
    name: Names.uniqueResourceName(scope, { maxLength: 100, separator: '-' }),
    description: 'Requests of MCP clients that are answered with a status below 500',
    goal: { attainmentGoal: 99, warningThreshold: 50, interval: { rollingInterval: { duration: 30, durationUnit: 'DAY' } } },
    requestBasedSli: {
      requestBasedSliMetric: {
        totalRequestCountMetric: [query('requests', requests)],
        monitoredRequestCountMetric: { badCountMetric: [query('failed', serverErrors)] },
      },
    },
  });
  objective.node.addDependency(discovery);
}

function query(id: string, metric: cw.Metric): CfnServiceLevelObjective.MetricDataQueryProperty {
  const { namespace, metricName } = metric;
  const dimensions = Object.entries(metric.dimensions ?? {}).map(([name, value]) => ({ name, value: String(value) }));
  return {
    id,
    returnData: true,
    metricStat: { metric: { namespace, metricName, dimensions }, period: 60, stat: 'Sum' },
  };
}
