// An endpoint and an auth that a user of the library writes.
import { Duration, Stack } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { LambdaTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import {
  McpAuth,
  McpEndpoint,
  McpResponseMode,
  type McpAuthBindOptions,
  type McpAuthConfig,
  type McpEndpointBindOptions,
  type McpEndpointConfig,
  type McpRestApiAuthConfig,
} from '../../infra/lib/index.ts';
import { construct, environmentOf, failureOf, one, synth } from './synth.ts';

const issuer = 'https://issuer.example.com';
const jwt = McpAuth.jwt({ issuer, audience: ['mcp'], scopes: ['notes'] });

/** An Application Load Balancer in front of the server. */
class LoadBalancerEndpoint extends McpEndpoint {
  public constructor(
    private readonly listener: elbv2.ApplicationListener,
    private readonly domainName: string,
  ) {
    super(Duration.seconds(60));
  }

  public bind(options: McpEndpointBindOptions): McpEndpointConfig {
    const group = this.listener.addTargets('Mcp', { targets: [new LambdaTarget(options.alias)] });
    return {
      url: `https://${this.domainName}${options.path}`,
      auth: options.auth.bind(options),
      allowedHosts: [this.domainName],
      publicUrl: `https://${this.domainName}`,
      responseMode: McpResponseMode.BUFFERED,
      requests: group.metrics.requestCount(),
      serverErrors: group.metrics.httpCodeTarget(elbv2.HttpCodeTarget.TARGET_5XX_COUNT),
    };
  }
}

function loadBalancer(stack: Stack): McpEndpoint {
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  const balancer = new elbv2.ApplicationLoadBalancer(stack, 'Balancer', { vpc, internetFacing: true });
  return new LoadBalancerEndpoint(balancer.addListener('Http', { port: 80 }), 'mcp.example.com');
}

describe('an endpoint of the user', () => {
  it('invokes the alias, and sets the environment, the URL, the metrics and the default timeout', () => {
    const { template, server } = synth(stack => ({ endpoint: loadBalancer(stack), auth: jwt }));
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', {
      TargetType: 'lambda',
      Targets: [{ Id: { Ref: Match.stringLikeRegexp('^McpServerAlias') } }],
    });
    expect(server.url).toBe('https://mcp.example.com/mcp');
    expect(environmentOf(template)).toMatchObject({
      MCP_RESPONSE_MODE: 'buffered',
      MCP_ALLOWED_HOSTS: 'mcp.example.com',
      MCP_PUBLIC_URL: 'https://mcp.example.com',
      MCP_JWT_ISSUER: issuer,
      MCP_JWT_SCOPES: 'notes',
    });
    expect(environmentOf(template)).not.toHaveProperty('MCP_AUTH');
    expect(one(template, 'AWS::Lambda::Function', 'McpServer').Properties.Timeout).toBe(60);
    expect(server.metrics.requests().namespace).toBe('AWS/ApplicationELB');
    expect(JSON.stringify(one(template, 'AWS::CloudWatch::Alarm', 'McpMonitoringEndpointErrorRate'))).toContain(
      'HTTPCode_Target_5XX_Count',
    );
    template.resourceCountIs('AWS::Lambda::Url', 0);
  });

  it('needs no IAM permission unless it says so', () => {
    const role = (stack: Stack) => new iam.Role(stack, 'Caller', { assumedBy: new iam.AccountRootPrincipal() });
    const granted: iam.IGrantable[] = [];
    class Guarded extends LoadBalancerEndpoint {
      public override bind(options: McpEndpointBindOptions): McpEndpointConfig {
        const grantInvoke = (grantee: iam.IGrantable) => {
          granted.push(grantee);
          return options.alias.grantInvoke(grantee);
        };
        return { ...super.bind(options), invokable: { grantInvoke } };
      }
    }
    const listener = (stack: Stack) => {
      const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
      return new elbv2.ApplicationLoadBalancer(stack, 'Balancer', { vpc }).addListener('Http', { port: 80 });
    };
    const open = construct(stack => ({ endpoint: loadBalancer(stack), auth: McpAuth.none() }));
    open.server.grants.invoke(role(open.stack));
    expect(open.stack.node.findChild('Caller').node.tryFindChild('DefaultPolicy')).toBeUndefined();
    const guarded = construct(stack => ({ endpoint: new Guarded(listener(stack), 'a.example'), auth: McpAuth.none() }));
    const caller = role(guarded.stack);
    expect(guarded.server.grants.invoke(caller).success).toBe(true);
    expect(granted).toEqual([caller]);
  });

  it('does not check signatures, and calls no authorizer', () => {
    expect(failureOf(() => construct(stack => ({ endpoint: loadBalancer(stack) })))).toBe(
      "'auth' needs an endpoint that checks signatures: the server does not, got: McpAuth.iam(); use McpAuth.jwt(), or an endpoint of McpEndpoint",
    );
    const existing = (stack: Stack) =>
      lambda.Function.fromFunctionArn(stack, 'Existing', 'arn:aws:lambda:eu-central-1:111122223333:function:existing');
    expect(
      failureOf(() =>
        construct(stack => ({ endpoint: loadBalancer(stack), auth: McpAuth.lambdaAuthorizer(existing(stack)) })),
      ),
    ).toBe(
      "'auth' needs a REST API, which calls the authorizer, got: McpAuth.lambdaAuthorizer(); use McpEndpoint.restApi(), or McpAuth.jwt()",
    );
  });
});

/** Tokens of an issuer that the server checks behind every endpoint. */
class ServerSideAuth extends McpAuth {
  public constructor() {
    super();
  }

  public bind(_options: McpAuthBindOptions): McpAuthConfig {
    return { environment: { MCP_JWT_ISSUER: issuer, MCP_JWT_AUDIENCE: 'mine' }, bearerTokens: true };
  }
}

describe('an auth of the user', () => {
  it('is checked by the server behind every endpoint, which serves the metadata', () => {
    const auth = new ServerSideAuth();
    const url = synth({ auth }).template;
    url.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE' });
    const rest = synth({ auth, endpoint: McpEndpoint.restApi() }).template;
    rest.resourcePropertiesCountIs('AWS::ApiGateway::Method', { AuthorizationType: 'NONE' }, 5);
    rest.resourceCountIs('AWS::ApiGateway::Authorizer', 0);
    rest.resourceCountIs('AWS::ApiGateway::GatewayResponse', 2);
    const http = synth({ auth, endpoint: McpEndpoint.httpApi() }).template;
    http.resourceCountIs('AWS::ApiGatewayV2::Authorizer', 0);
    http.resourceCountIs('AWS::ApiGatewayV2::Route', 5);
    for (const template of [url, rest, http]) {
      expect(environmentOf(template)).toMatchObject({ MCP_JWT_ISSUER: issuer, MCP_JWT_AUDIENCE: 'mine' });
      template.resourceCountIs('AWS::Lambda::Function', 2);
    }
  });

  it('can say for one endpoint what that checks, with the authorizer of the server', () => {
    class OwnRestApiAuth extends ServerSideAuth {
      public override bindToRestApi(options: McpAuthBindOptions): McpRestApiAuthConfig {
        const handler = options.tokenAuthorizers.createTokenAuthorizer({ issuer, audience: ['mine'] });
        return {
          ...this.bind(options),
          authorizationType: apigateway.AuthorizationType.CUSTOM,
          authorizer: new apigateway.TokenAuthorizer(options.scope, 'Mine', { handler }),
        };
      }
    }
    const { template } = synth({ auth: new OwnRestApiAuth(), endpoint: McpEndpoint.restApi() });
    template.hasResourceProperties('AWS::ApiGateway::Authorizer', { Type: 'TOKEN' });
    expect(environmentOf(template, 'McpAuthorizer')).toEqual({ MCP_JWT_ISSUER: issuer, MCP_JWT_AUDIENCE: 'mine' });
  });

  it('can require the IAM permission', () => {
    class Signed extends ServerSideAuth {
      public override bindToRestApi(): McpRestApiAuthConfig {
        return { iamPermission: true, authorizationType: apigateway.AuthorizationType.IAM };
      }
    }
    const { template } = synth(
      { auth: new Signed(), endpoint: McpEndpoint.restApi() },
      {
        also: (server, stack) =>
          server.grants.invoke(new iam.Role(stack, 'Caller', { assumedBy: new iam.AccountRootPrincipal() })),
      },
    );
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('^Caller'),
      PolicyDocument: { Statement: [Match.objectLike({ Action: 'execute-api:Invoke' })] },
    });
  });
});

it('one auth can be used by several servers', () => {
  const auth = McpAuth.cognito();
  const pools = [synth({ auth }), synth({ auth, endpoint: McpEndpoint.httpApi() })].map(it => it.server.userPool);
  expect(pools.every(pool => pool !== undefined)).toBe(true);
  expect(pools[0]).not.toBe(pools[1]);
});

it('metrics of an endpoint take the options of the caller', () => {
  const { server } = construct(stack => ({ endpoint: loadBalancer(stack), auth: McpAuth.none() }));
  const metric: cloudwatch.Metric = server.metrics.serverErrors({ period: Duration.hours(2), statistic: 'Sum' });
  expect([metric.period.toHours(), metric.statistic]).toEqual([2, 'Sum']);
});
