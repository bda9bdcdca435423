module app

go 1.25

require (
	github.com/aws/aws-cdk-go/awscdk/v2 v2.276.0
	github.com/aws/jsii-runtime-go v1.142.0
	github.com/mcp-lambda-server/mcp-lambda-server-go/mcplambdaserver v0.0.0
)
