package app;

import io.github.mcp_lambda_server.McpAuth;
import io.github.mcp_lambda_server.McpEndpoint;
import io.github.mcp_lambda_server.McpJwtOptions;
import io.github.mcp_lambda_server.McpLambdaServer;
import io.github.mcp_lambda_server.McpMonitoringLevel;
import io.github.mcp_lambda_server.McpMonitoringOptions;
import io.github.mcp_lambda_server.McpRestApiOptions;
import io.github.mcp_lambda_server.McpStreamsOptions;
import io.github.mcp_lambda_server.McpTaskQueueOptions;
import io.github.mcp_lambda_server.McpTasks;
import java.util.List;
import java.util.Map;
import software.amazon.awscdk.AppProps;
import software.amazon.awscdk.CfnOutput;
import software.amazon.awscdk.Duration;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.services.events.EventPattern;
import software.amazon.awscdk.services.iam.Role;
import software.amazon.awscdk.services.iam.ServicePrincipal;
import software.amazon.awscdk.services.lambda.Code;

/** The app of ../typescript/app.ts in Java. */
public final class App {
    private App() {}

    public static void main(final String[] args) {
        var app = new software.amazon.awscdk.App(AppProps.builder().analyticsReporting(false).build());
        var stack = new Stack(app, "Languages");
        var jwt = McpJwtOptions.builder()
                .issuer("https://issuer.example.com")
                .audience(List.of("https://mcp.example.com/mcp"))
                .scopes(List.of("notes"))
                .build();
        var rest = McpRestApiOptions.builder().throttlingRateLimit(50).throttlingBurstLimit(100).build();
        var monitoring = McpMonitoringOptions.builder()
                .level(McpMonitoringLevel.FULL)
                .alarmEmail("ops@example.com")
                .build();
        var server = McpLambdaServer.Builder.create(stack, "Mcp")
                .code(Code.fromAsset(System.getenv("PROGRAM")))
                .memorySize(512)
                .environment(Map.of("GREETING", "hello"))
                .endpoint(McpEndpoint.restApi(rest))
                .auth(McpAuth.jwt(jwt))
                .streams(McpStreamsOptions.builder().lifetime(Duration.seconds(90)).build())
                .tasks(McpTasks.queue(McpTaskQueueOptions.builder().maxConcurrency(20).build()))
                .monitoring(monitoring)
                .build();
        var job = Role.Builder.create(stack, "Job")
                .assumedBy(new ServicePrincipal("ecs-tasks.amazonaws.com"))
                .build();
        server.getGrants().publish(job);
        server.eventRule("Instances", EventPattern.builder().source(List.of("aws.ec2")).build());
        CfnOutput.Builder.create(stack, "Url").value(server.getUrl()).build();
        app.synth();
    }
}
