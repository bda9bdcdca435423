// Tasks on Fargate: the service, its permissions and environment, how it scales, and sizes that Fargate does not have.
import { Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { McpMonitoringLevel, McpTasks, type McpFargateTasksOptions, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { construct, environmentOf, failureOf, one, statementsOf, synth, type Synthesised } from './synth.ts';

const image = ecs.ContainerImage.fromRegistry('example.com/notes:1');
const vpc = (stack: Stack) => new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });

const onFargate = (options: Partial<McpFargateTasksOptions> = {}, props: McpLambdaServerProps = {}) =>
  synth(stack => ({ ...props, tasks: McpTasks.fargate({ image, vpc: vpc(stack), ...options }) }));

describe('McpTasks.fargate()', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = onFargate({}, { monitoring: { level: McpMonitoringLevel.FULL } });
  });

  it('has logical ids that do not change', () => {
    for (const [type, id] of [
      ['AWS::ECS::Service', 'McpWorkerServiceCC457F82'],
      ['AWS::ECS::Cluster', 'McpWorkerClusterF0414FB5'],
      ['AWS::SQS::Queue', 'McpTaskQueue4A394A63'],
      ['AWS::SQS::Queue', 'McpTaskFailures5C0ACDFD'],
      ['AWS::Lambda::Function', 'McpWorker2E7ABA9D'],
      ['AWS::Scheduler::Schedule', 'McpTaskSweepB3A038F8'],
    ] as const) {
      expect(Object.keys(synthesised.template.findResources(type)), type).toContain(id);
    }
  });

  it('runs the image as a worker, on Graviton, that has two minutes to give its tasks back', () => {
    const definition = one(synthesised.template, 'AWS::ECS::TaskDefinition').Properties;
    expect(definition).toMatchObject({
      Cpu: '256',
      Memory: '512',
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
      ContainerDefinitions: [{ Image: 'example.com/notes:1', StopTimeout: 120 }],
    });
    const environment = Object.fromEntries(
      definition.ContainerDefinitions[0].Environment.map((it: any) => [it.Name, it.Value]),
    );
    expect(environment).toEqual({
      ...environmentOf(synthesised.template, 'McpWorker'),
      MALLOC_TRIM_THRESHOLD_: '131072',
      MCP_ROLE: 'worker',
      MCP_LOG_FORMAT: 'json',
    });
  });

  it('is in private subnets, without a port, and a failed deployment goes back', () => {
    expect(one(synthesised.template, 'AWS::ECS::Service').Properties).toMatchObject({
      LaunchType: 'FARGATE',
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
      DeploymentConfiguration: {
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        MinimumHealthyPercent: 100,
      },
    });
    const group = one(synthesised.template, 'AWS::EC2::SecurityGroup', 'McpWorkerService').Properties;
    expect(group).not.toHaveProperty('SecurityGroupIngress');
  });

  it('has the permissions of a worker: queue, tables, topic', () => {
    const statements = statementsOf(synthesised.template, 'McpWorkerTaskTaskRole') as { Action: string | string[] }[];
    const actions = statements.flatMap(it => it.Action);
    expect(actions).toEqual(
      expect.arrayContaining([
        'sqs:ReceiveMessage',
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:SendMessage',
        'dynamodb:ConditionCheckItem',
        'sns:Publish',
      ]),
    );
    expect(JSON.stringify(statements)).not.toContain('"*"');
  });

  // Lambda runs no tasks then, but sweeps: without it no message would start the first worker.
  it('has a function that sweeps for a minute, and no mapping of the queue', () => {
    synthesised.template.resourceCountIs('AWS::Lambda::EventSourceMapping', 0);
    expect(one(synthesised.template, 'AWS::Lambda::Function', 'McpWorker').Properties.Timeout).toBe(60);
    const received = (statementsOf(synthesised.template, 'McpWorkerRole') as { Action: string }[]).flatMap(it => it.Action);
    expect(received).not.toContain('sqs:ReceiveMessage');
    expect(received).toContain('sqs:SendMessage');
    synthesised.template.resourceCountIs('AWS::Scheduler::Schedule', 1);
  });

  it('adds workers while messages wait, and removes one while no task runs', () => {
    synthesised.template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 1,
      MaxCapacity: 4,
    });
    const steps = (id: string) =>
      one(synthesised.template, 'AWS::ApplicationAutoScaling::ScalingPolicy', `McpWorkerServiceTaskCountTargetLoad${id}`)
        .Properties.StepScalingPolicyConfiguration.StepAdjustments;
    expect(steps('Lower')).toEqual([{ MetricIntervalUpperBound: 0, ScalingAdjustment: -1 }]);
    expect(steps('Upper')).toEqual([
      { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 48, ScalingAdjustment: 1 },
      { MetricIntervalLowerBound: 48, ScalingAdjustment: 3 },
    ]);
    const alarms = Object.entries(synthesised.template.findResources('AWS::CloudWatch::Alarm')).filter(([id]) =>
      id.includes('TaskCountTarget'),
    );
    expect(alarms.map(([, it]) => [it['Properties'].ComparisonOperator, it['Properties'].Threshold])).toEqual([
      ['LessThanOrEqualToThreshold', 0],
      ['GreaterThanOrEqualToThreshold', 2],
    ]);
    for (const [, it] of alarms) {
      expect(it['Properties'].Metrics[0].Expression).toBe('IF(waiting > 0, waiting + 1, IF(running > 0, 1, 0))');
    }
  });

  it('has no alarm for the age of a message, which is in the queue as long as its task runs', () => {
    const alarms = Object.keys(synthesised.template.findResources('AWS::CloudWatch::Alarm')).join();
    expect(alarms).toContain('TasksWaiting');
    expect(alarms).not.toContain('TaskAge');
  });

  it('has a log group of its own, in the saved queries as well', () => {
    const logGroup = { Ref: expect.stringMatching(/^McpWorkerServiceLogGroup/) };
    const container = one(synthesised.template, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions[0];
    expect(container.LogConfiguration.Options['awslogs-group']).toEqual(logGroup);
    for (const { Properties } of Object.values(synthesised.template.findResources('AWS::Logs::QueryDefinition')) as any[]) {
      expect(Properties.LogGroupNames).toContainEqual(logGroup);
    }
  });
});

describe('options of McpTasks.fargate()', () => {
  it('set the size, the number of workers, the tasks of each, and the network', () => {
    const { template } = synth(stack => {
      const network = vpc(stack);
      return {
        architecture: lambda.Architecture.X86_64,
        tasks: McpTasks.fargate({
          image,
          cluster: new ecs.Cluster(stack, 'Cluster', { vpc: network }),
          vpcSubnets: { subnets: [network.privateSubnets[0]!] },
          securityGroups: [new ec2.SecurityGroup(stack, 'Group', { vpc: network })],
          cpu: 2048,
          memoryLimitMiB: 5120,
          minWorkers: 3,
          maxWorkers: 9,
          tasksPerWorker: 2,
          ttl: Duration.days(1),
        }),
      };
    });
    template.resourceCountIs('AWS::ECS::Cluster', 1);
    expect(one(template, 'AWS::ECS::TaskDefinition').Properties).toMatchObject({
      Cpu: '2048',
      Memory: '5120',
      RuntimePlatform: { CpuArchitecture: 'X86_64' },
      ContainerDefinitions: [
        {
          Environment: expect.arrayContaining([
            { Name: 'MCP_TASKS_PER_PROCESS', Value: '2' },
            { Name: 'MCP_TASK_TTL_SECONDS', Value: '86400' },
          ]),
        },
      ],
    });
    template.hasResourceProperties('AWS::ECS::Service', {
      Cluster: { Ref: Match.stringLikeRegexp('^Cluster') },
      NetworkConfiguration: {
        AwsvpcConfiguration: {
          Subnets: [{ Ref: Match.stringLikeRegexp('^VpcPrivateSubnet1') }],
          SecurityGroups: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^Group'), 'GroupId'] }],
        },
      },
    });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', { MinCapacity: 3, MaxCapacity: 9 });
  });

  it('with as many workers at least as at most have no scaling', () => {
    const { template } = onFargate({ minWorkers: 2, maxWorkers: 2 });
    template.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 0);
    expect(one(template, 'AWS::ECS::Service').Properties.DesiredCount).toBe(2);
  });

  it('can be none at least: a message starts the first', () => {
    const { template } = onFargate({ minWorkers: 0 });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', { MinCapacity: 0, MaxCapacity: 4 });
  });
});

describe('tasks on Fargate that cannot work fail at synthesis:', () => {
  const cases: [string, (stack: Stack) => McpFargateTasksOptions, string][] = [
    [
      'without a network',
      () => ({ image }),
      "'tasks.vpc' is needed where 'tasks.cluster' is not given, got: undefined; give one of them",
    ],
    [
      'with two networks',
      stack => {
        const network = ec2.Vpc.fromVpcAttributes(stack, 'V', { vpcId: 'vpc-1', availabilityZones: ['a'] });
        return { image, vpc: network, cluster: new ecs.Cluster(stack, 'Cluster', { vpc: network }) };
      },
      "'tasks.vpc' cannot be used with 'tasks.cluster', which has a VPC, got: vpc-1; leave one of them out",
    ],
    [
      'CPU units that Fargate does not have',
      stack => ({ image, vpc: vpc(stack), cpu: 300 }),
      "'tasks.cpu' must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, got: 300; choose one of them",
    ],
    [
      'memory that does not go with the CPU units',
      stack => ({ image, vpc: vpc(stack), cpu: 1024, memoryLimitMiB: 1024 }),
      "'tasks.memoryLimitMiB' must be from 2048 to 8192 in steps of 1024 for a 'tasks.cpu' of 1024, got: 1024; change one of them",
    ],
    [
      'memory between the sizes of the smallest worker',
      stack => ({ image, vpc: vpc(stack), memoryLimitMiB: 1536 }),
      "'tasks.memoryLimitMiB' must be 512, 1024 or 2048 for a 'tasks.cpu' of 256, got: 1536; change one of them",
    ],
    [
      'more workers at least than at most',
      stack => ({ image, vpc: vpc(stack), minWorkers: 5, maxWorkers: 3 }),
      "'tasks.minWorkers' must be a whole number from 0 to 3, got: 5; choose a number within\n'tasks.maxWorkers' must be a whole number from 5 to 5000, got: 3; choose a number within",
    ],
  ];

  it.each(cases)('%s', (_title, options, message) =>
    expect(failureOf(() => construct(stack => ({ tasks: McpTasks.fargate(options(stack)) })))).toBe(message),
  );
});
