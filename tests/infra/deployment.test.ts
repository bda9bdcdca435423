// Deployments with CodeDeploy, and the check at their end.
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Annotations, Match, type Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import {
  McpAuth,
  McpDeployment,
  McpDeploymentCheck,
  McpEndpoint,
  McpFindings,
  McpMonitoringLevel,
  type McpDeploymentCheckProps,
  type McpLambdaServerProps,
} from '../../infra/lib/index.ts';
import { construct, failureOf, one, synth } from './synth.ts';

const canary = McpDeployment.canary({ percent: 20, interval: Duration.minutes(7) });
const jwt = McpAuth.jwt({ issuer: 'https://issuer.example.com', audience: ['mcp'] });

describe('a deployment', () => {
  const { template } = synth({ deployment: canary, provisionedConcurrentExecutions: 2 });

  it('moves the requests of the alias, and of no other function', () => {
    const policies = Object.entries(template.findResources('AWS::Lambda::Alias')).map(([id, it]) => [id, it['UpdatePolicy']]);
    expect(policies).toEqual([
      [
        expect.stringMatching(/^McpServerAlias/),
        {
          CodeDeployLambdaAliasUpdate: {
            ApplicationName: { Ref: expect.stringMatching(/^McpDeploymentGroupApplication/) },
            DeploymentGroupName: { Ref: expect.stringMatching(/^McpDeploymentGroup/) },
          },
        },
      ],
      [expect.stringMatching(/^McpIngestAlias/), undefined],
    ]);
    expect(one(template, 'AWS::Lambda::Alias', 'McpServer').Properties.ProvisionedConcurrencyConfig).toBeDefined();
  });

  it('takes the part and the interval that are given', () => {
    const routing = (deployment: McpDeployment) =>
      one(synth({ deployment }).template, 'AWS::CodeDeploy::DeploymentConfig').Properties.TrafficRoutingConfig;
    expect(one(template, 'AWS::CodeDeploy::DeploymentConfig').Properties).toMatchObject({
      ComputePlatform: 'Lambda',
      TrafficRoutingConfig: { Type: 'TimeBasedCanary', TimeBasedCanary: { CanaryInterval: 7, CanaryPercentage: 20 } },
    });
    expect(routing(McpDeployment.linear({ percent: 25, interval: Duration.hours(1) }))).toEqual({
      Type: 'TimeBasedLinear',
      TimeBasedLinear: { LinearInterval: 60, LinearPercentage: 25 },
    });
    const atOnce = synth({ deployment: McpDeployment.allAtOnce() }).template;
    atOnce.resourceCountIs('AWS::CodeDeploy::DeploymentConfig', 0);
    atOnce.hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
      DeploymentConfigName: 'CodeDeployDefault.LambdaAllAtOnce',
    });
  });

  it('is undone by alarms of its requests, and by failures of the new version alone', () => {
    const { AlarmConfiguration, AutoRollbackConfiguration } = one(template, 'AWS::CodeDeploy::DeploymentGroup').Properties;
    expect(AutoRollbackConfiguration).toEqual({
      Enabled: true,
      Events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_REQUEST', 'DEPLOYMENT_STOP_ON_ALARM'],
    });
    expect(AlarmConfiguration.Enabled).toBe(true);
    expect(AlarmConfiguration.Alarms.map(({ Name }: { Name: { Ref: string } }) => Name.Ref.replace(/[0-9A-F]{8}$/, ''))).toEqual([
      'McpDeploymentVersionErrors',
      'McpMonitoringServerErrorRate',
      'McpMonitoringEndpointErrorRate',
      'McpMonitoringServerThrottles',
    ]);
    expect(one(template, 'AWS::CloudWatch::Alarm', 'McpDeploymentVersionErrors').Properties).toMatchObject({
      Threshold: 0,
      EvaluationPeriods: 1,
      Dimensions: [
        { Name: 'ExecutedVersion', Value: { 'Fn::GetAtt': [expect.stringMatching(/^McpServerFunctionCurrentVersion|^McpServer.*CurrentVersion/), 'Version'] } },
        { Name: 'FunctionName', Value: { Ref: 'McpServer6A6A2BCF' } },
        { Name: 'Resource', Value: { 'Fn::Join': ['', [{ Ref: 'McpServer6A6A2BCF' }, ':live']] } },
      ],
    });
  });

  it('can have other alarms, or none', () => {
    const { template: none } = synth({ deployment: McpDeployment.allAtOnce({ rollBackOnAlarms: false }) });
    expect(one(none, 'AWS::CodeDeploy::DeploymentGroup').Properties.AutoRollbackConfiguration.Events).toEqual([
      'DEPLOYMENT_FAILURE',
      'DEPLOYMENT_STOP_ON_REQUEST',
    ]);
    const { template: own } = synth(stack => ({
      monitoring: { level: McpMonitoringLevel.NONE },
      deployment: McpDeployment.allAtOnce({
        alarms: [cloudwatch.Alarm.fromAlarmArn(stack, 'Own', 'arn:aws:cloudwatch:eu-central-1:111122223333:alarm:own')],
      }),
    }));
    const alarms = one(own, 'AWS::CodeDeploy::DeploymentGroup').Properties.AlarmConfiguration.Alarms;
    expect(alarms).toEqual([{ Name: { Ref: expect.stringMatching(/^McpDeploymentVersionErrors/) } }, { Name: 'own' }]);
  });

  it('is followed by every endpoint, with its permissions', () => {
    const alias = { Ref: expect.stringMatching(/^McpServerAlias/) };
    const permissions = (it: Template) =>
      Object.values(it.findResources('AWS::Lambda::Permission'))
        .map(({ Properties }) => Properties)
        .filter(({ Principal }) => Principal === 'apigateway.amazonaws.com');
    const endpoints = [McpEndpoint.functionUrl(), McpEndpoint.restApi(), McpEndpoint.httpApi()];
    const [url, rest, http] = endpoints.map(endpoint => synth({ deployment: canary, endpoint }).template) as [Template, Template, Template];
    expect(one(url, 'AWS::Lambda::Url').Properties).toMatchObject({
      TargetFunctionArn: { 'Fn::GetAtt': ['McpServer6A6A2BCF', 'Arn'] },
      Qualifier: 'live',
    });
    expect(one(url, 'AWS::Lambda::Url').DependsOn).toEqual([expect.stringMatching(/^McpServerAlias/)]);
    for (const it of [rest, http]) {
      expect(permissions(it).length).toBeGreaterThan(0);
      for (const { FunctionName } of permissions(it)) expect(FunctionName).toEqual(alias);
    }
    const { Integration } = Object.values(rest.findResources('AWS::ApiGateway::Method'))[0]!['Properties'];
    expect(JSON.stringify(Integration.Uri)).toContain('McpServerAlias');
    expect(one(http, 'AWS::ApiGatewayV2::Integration').Properties.IntegrationUri).toEqual(alias);
  });

  // CloudFormation refuses such a template: an alarm of the stage depends on the alias, and the alias on the alarm.
  it.each([
    ['a Function URL', McpEndpoint.functionUrl()],
    ['a REST API', McpEndpoint.restApi()],
    ['an HTTP API', McpEndpoint.httpApi()],
  ])('has no circle of dependencies with %s', (_, endpoint) => {
    const { template: it } = synth({ deployment: canary, endpoint, monitoring: { level: McpMonitoringLevel.FULL } });
    expect(circleOf(it)).toEqual([]);
  });

  it('is refused with a part or an interval that CodeDeploy does not have', () => {
    const of = (percent: number, interval: Duration) =>
      failureOf(() => construct({ deployment: McpDeployment.linear({ percent, interval }) })).split('\n');
    expect(of(0, Duration.seconds(90))).toEqual([
      "'deployment.percent' must be a whole number from 1 to 99, got: 0; choose a number within",
      "'deployment.interval' must be whole minutes from 1 to 2880, the two days that CodeDeploy waits, got: 90 seconds; use Duration.minutes()",
    ]);
    expect(of(10, Duration.days(3))).toHaveLength(1);
  });
});

/** A resource that depends on itself, by references, attributes and `DependsOn`, with those on the way. */
function circleOf(template: Template): string[] {
  const resources = template.toJSON().Resources as Record<string, object>;
  const next = (id: string) => {
    const text = JSON.stringify(resources[id]);
    const named = [...text.matchAll(/"(?:Ref|Fn::GetAtt)":\[?"([^"]+)"|"DependsOn":(\[[^\]]*\])/g)];
    const ids = named.flatMap(([, ref, list]) => (ref !== undefined ? [ref] : (JSON.parse(list!) as string[])));
    return ids.filter(it => it in resources);
  };
  const done = new Set<string>();
  const visit = (id: string, way: string[]): string[] => {
    if (way.includes(id)) return [...way.slice(way.indexOf(id)), id];
    if (done.has(id)) return [];
    for (const other of next(id)) {
      const found = visit(other, [...way, id]);
      if (found.length > 0) return found;
    }
    done.add(id);
    return [];
  };
  return Object.keys(resources).map(id => visit(id, [])).find(it => it.length > 0) ?? [];
}

function check(props: Partial<McpDeploymentCheckProps> = {}, server: McpLambdaServerProps = {}) {
  return synth(server, { also: (it, stack) => new McpDeploymentCheck(stack, 'Check', { server: it, ...props }) });
}

describe('a check of deployments', () => {
  it('calls the URL after all of the server, with each version', () => {
    const { template } = check({ tools: ['echo', 'search'], tool: 'search', toolArguments: { query: 'q' } });
    const { Properties, DependsOn } = one(template, 'Custom::McpDeploymentCheck');
    expect(Properties).toEqual({
      ServiceToken: { 'Fn::GetAtt': [expect.stringMatching(/^CheckFunction/), 'Arn'] },
      ServiceTimeout: '240',
      url: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [expect.stringMatching(/FunctionUrl/), 'FunctionUrl'] }, 'mcp']] },
      version: { 'Fn::GetAtt': [expect.stringMatching(/^McpServer.*CurrentVersion/), 'Version'] },
      seconds: 120,
      signingName: 'lambda',
      tools: ['echo', 'search'],
      tool: 'search',
      toolArguments: '{"query":"q"}',
    });
    const on = DependsOn!.map(it => it.replace(/[0-9A-F]{8}$/, ''));
    expect(on).toEqual(expect.arrayContaining(['McpServerAlias', 'McpServerAliasFunctionUrl', 'CheckRoleDefaultPolicy']));
  });

  it('has a function with its code in the template, and permissions to call the server and write its log', () => {
    const { template } = check();
    const { Properties } = one(template, 'AWS::Lambda::Function', 'CheckFunction');
    expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Handler: 'index.handler', Timeout: 180, MemorySize: 256 });
    expect(Properties.Code.ZipFile).toContain('exports.handler');
    const statements = one(template, 'AWS::IAM::Policy', 'CheckRole').Properties.PolicyDocument.Statement;
    expect(statements.map(({ Action }: { Action: string }) => Action)).toEqual([
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      'lambda:InvokeFunctionUrl',
      'lambda:InvokeFunction',
    ]);
  });

  it('expects a refusal where callers have tokens and it has none, and warns of that', () => {
    const { template, stack } = check({}, { auth: jwt });
    expect(one(template, 'Custom::McpDeploymentCheck').Properties).toMatchObject({ expectsRefusal: 'true' });
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('refuses a request without one'));
  });

  it('reads a token from a secret', () => {
    const { template } = synth(
      { auth: jwt },
      {
        also: (server, stack) => {
          const token = secretsmanager.Secret.fromSecretNameV2(stack, 'Token', 'token');
          return new McpDeploymentCheck(stack, 'Check', { server, token, timeout: Duration.seconds(30) });
        },
      },
    );
    const { Properties } = one(template, 'Custom::McpDeploymentCheck');
    expect(Properties).toMatchObject({ seconds: 30, tokenSecret: { 'Fn::Join': ['', expect.arrayContaining([':secret:token'])] } });
    expect(Properties).not.toHaveProperty('expectsRefusal');
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: 'secretsmanager:GetSecretValue' })]) },
    });
  });

  it('is refused with arguments of no tool, a token that nothing reads, and more time than there is', () => {
    const failure = failureOf(() =>
      construct({}, {
        also: (server, stack) => {
          const token = secretsmanager.Secret.fromSecretNameV2(stack, 'Token', 'token');
          const timeout = Duration.hours(1);
          return new McpDeploymentCheck(stack, 'Check', { server, toolArguments: {}, token, timeout });
        },
      }),
    );
    expect(failure.split('\n')).toEqual([
      "'timeout' must be whole seconds from 1 to 600, got: 3600 seconds; shorten it",
      "'toolArguments' needs 'tool', got: {...}; set that as well, or leave this out",
      "'token' needs a server that expects tokens, got: {...}; leave it out: requests are signed, or need nothing",
    ]);
  });
});

it('neither has a finding of cdk-nag, once acknowledged', () => {
  for (const pack of [new AwsSolutionsChecks(undefined, { verbose: true }), new ServerlessChecks(undefined, { verbose: true })]) {
    const { stack } = construct({ deployment: canary }, { also: (server, it) => new McpDeploymentCheck(it, 'Check', { server }) });
    McpFindings.acknowledge(stack);
    const { violations } = pack.validateScope(stack);
    expect(
      violations.map(found => `${found.ruleName} ${found.violatingResources.map(it => it.constructPath).join(' ')}`),
    ).toEqual([]);
  }
});
