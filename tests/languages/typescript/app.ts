// The app that the other languages repeat: their templates must equal this one.
import { App, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { McpAuth, McpEndpoint, McpLambdaServer, McpMonitoringLevel, McpTasks } from 'mcp-lambda-server';

const app = new App({ analyticsReporting: false });
const stack = new Stack(app, 'Languages');
const server = new McpLambdaServer(stack, 'Mcp', {
  code: lambda.Code.fromAsset(process.env['PROGRAM']!),
  memorySize: 512,
  environment: { GREETING: 'hello' },
  endpoint: McpEndpoint.restApi({ throttlingRateLimit: 50, throttlingBurstLimit: 100 }),
  auth: McpAuth.jwt({
    issuer: 'https://issuer.example.com',
    audience: ['https://mcp.example.com/mcp'],
    scopes: ['notes'],
  }),
  streams: { lifetime: Duration.seconds(90) },
  tasks: McpTasks.queue({ maxConcurrency: 20 }),
  monitoring: { level: McpMonitoringLevel.FULL, alarmEmail: 'ops@example.com' },
});
const job = new iam.Role(stack, 'Job', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
server.grants.publish(job);
server.eventRule('Instances', { source: ['aws.ec2'] });
new CfnOutput(stack, 'Url', { value: server.url });
app.synth();
