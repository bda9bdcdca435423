"""The app of ../typescript/app.ts in Python."""

import os

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from mcp_lambda_server import McpAuth, McpEndpoint, McpLambdaServer, McpMonitoringLevel, McpMonitoringOptions, McpStreamsOptions, McpTasks

app = App(analytics_reporting=False)
stack = Stack(app, "Languages")
server = McpLambdaServer(
    stack,
    "Mcp",
    code=lambda_.Code.from_asset(os.environ["PROGRAM"]),
    memory_size=512,
    environment={"GREETING": "hello"},
    endpoint=McpEndpoint.rest_api(throttling_rate_limit=50, throttling_burst_limit=100),
    auth=McpAuth.jwt(
        issuer="https://issuer.example.com",
        audience=["https://mcp.example.com/mcp"],
        scopes=["notes"],
    ),
    streams=McpStreamsOptions(lifetime=Duration.seconds(90)),
    tasks=McpTasks.queue(max_concurrency=20),
    monitoring=McpMonitoringOptions(level=McpMonitoringLevel.FULL, alarm_email="ops@example.com"),
)
job = iam.Role(stack, "Job", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
server.grants.publish(job)
server.event_rule("Instances", source=["aws.ec2"])
CfnOutput(stack, "Url", value=server.url)
app.synth()
