/**
 * How much of a server is monitored. Prices are those of a month in us-east-1, of alarms at $0.10 per metric, a composite
 * alarm at $0.50 and a dashboard at $3.00; ten alarm metrics and three dashboards of an account are free.
 */
export enum McpMonitoringLevel {
  /**
   * Nothing. $0.
   */
  NONE = 'none',

  /**
   * Alarms for failed and throttled requests, and for the dead-letter queues; saved queries of the logs. $0.70, and $0.40
   * more with tasks.
   */
  BASIC = 'basic',

  /**
   * An alarm for each thing that can go wrong, a composite alarm, the dashboard, and saved queries of the logs. $6.30, and
   * $0.80 more with tasks.
   */
  FULL = 'full',
}
