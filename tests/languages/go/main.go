// The app of ../typescript/app.ts in Go.
package main

import (
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/mcp-lambda-server/mcp-lambda-server-go/mcplambdaserver"
)

func main() {
	defer jsii.Close()

	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
	stack := awscdk.NewStack(app, jsii.String("Languages"), nil)
	server := mcplambdaserver.NewMcpLambdaServer(stack, jsii.String("Mcp"), &mcplambdaserver.McpLambdaServerProps{
		Code:        awslambda.Code_FromAsset(jsii.String(os.Getenv("PROGRAM")), nil),
		MemorySize:  jsii.Number(512),
		Environment: &map[string]*string{"GREETING": jsii.String("hello")},
		Endpoint: mcplambdaserver.McpEndpoint_RestApi(&mcplambdaserver.McpRestApiOptions{
			ThrottlingRateLimit:  jsii.Number(50),
			ThrottlingBurstLimit: jsii.Number(100),
		}),
		Auth: mcplambdaserver.McpAuth_Jwt(&mcplambdaserver.McpJwtOptions{
			Issuer:   jsii.String("https://issuer.example.com"),
			Audience: jsii.Strings("https://mcp.example.com/mcp"),
			Scopes:   jsii.Strings("notes"),
		}),
		Streams: &mcplambdaserver.McpStreamsOptions{Lifetime: awscdk.Duration_Seconds(jsii.Number(90))},
		Tasks:   mcplambdaserver.McpTasks_Queue(&mcplambdaserver.McpTaskQueueOptions{MaxConcurrency: jsii.Number(20)}),
		Monitoring: &mcplambdaserver.McpMonitoringOptions{
			Level:      mcplambdaserver.McpMonitoringLevel_FULL,
			AlarmEmail: jsii.String("ops@example.com"),
		},
	})
	job := awsiam.NewRole(stack, jsii.String("Job"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
	})
	server.Grants().Publish(job)
	server.EventRule(jsii.String("Instances"), &awsevents.EventPattern{Source: jsii.Strings("aws.ec2")})
	awscdk.NewCfnOutput(stack, jsii.String("Url"), &awscdk.CfnOutputProps{Value: server.Url()})
	app.Synth(nil)
}
