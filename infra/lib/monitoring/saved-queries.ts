import { Stack } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** The fields of the line that the server writes for each request. `tests/contract/log.json` lists them. */
export const LINE = {
  requestId: 'requestId',
  session: 'session',
  method: 'method',
  tool: 'tool',
  status: 'status',
  code: 'code',
  isError: 'isError',
  durationMs: 'durationMs',
  streamed: 'streamed',
} as const;

const { requestId, session, method, tool, status, code, isError, durationMs, streamed } = LINE;
const REQUEST = ['@timestamp', requestId, method, tool, status, code, isError, durationMs, streamed].join(', ');

/** The queries, by their ids. A value to be filled in is in capitals. */
const QUERIES: { readonly [id: string]: { readonly name: string; readonly query: string[] } } = {
  RequestsOfSession: {
    name: 'Requests of a session',
    query: [`fields ${REQUEST}`, `filter ${session} = "SESSION"`, 'sort @timestamp asc', 'limit 1000'],
  },
  SlowRequests: {
    name: 'Slow requests',
    query: [`fields ${REQUEST}, ${session}`, `filter ispresent(${durationMs})`, `sort ${durationMs} desc`, 'limit 100'],
  },
  ErrorsByTool: {
    name: 'Errors by tool',
    query: [
      // A true of JSON is not the same value in all queries of Logs Insights; its text is.
      `filter ispresent(${code}) or @message like /"${isError}":\\s*true/`,
      `stats count(*) as errors, latest(${requestId}) as newest by ${method}, ${tool}, ${code}`,
      'sort errors desc',
    ],
  },
  LinesOfRequest: {
    name: 'Lines of a request',
    query: ['fields @timestamp, @log, @message', 'filter @message like "REQUEST_ID"', 'sort @timestamp asc', 'limit 1000'],
  },
};

/** Saves the queries in CloudWatch Logs Insights, in a folder of the server. */
export function saveQueries(scope: Construct, logGroups: logs.ILogGroupRef[]): void {
  const folder = `${Stack.of(scope).stackName}/${scope.node.scope?.node.id}`;
  for (const [id, { name, query }] of Object.entries(QUERIES)) {
    new logs.CfnQueryDefinition(scope, id, {
      name: `${folder}/${name}`,
      queryString: query.join('\n| '),
      logGroupNames: logGroups.map(({ logGroupRef }) => logGroupRef.logGroupName),
    });
  }
}
