// Tasks: the queue, the worker function, the schedule, permissions, alarms and metrics.
import { Duration, Size, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  McpEndpoint,
  McpMonitoringLevel,
  McpTasks,
  type McpLambdaServerProps,
  type McpTaskQueueOptions,
  type McpTasksBindOptions,
  type McpTasksConfig,
} from '../../infra/lib/index.ts';
import { construct, environmentOf, failureOf, one, percentOf, program, statementsOf, synth, type Synthesised } from './synth.ts';

const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });
const QUEUE = 'McpTaskQueue4A394A63';
const TASK_FAILURES = 'McpTaskFailures5C0ACDFD';
const WORKER_FAILURES = 'McpWorkerFailuresAF66709F';

const withQueue = (options: McpTaskQueueOptions = {}, props: McpLambdaServerProps = {}) =>
  synth({ ...props, tasks: McpTasks.queue(options) });

it('are off by default: nothing is created for them', () => {
  const { server, template } = synth();
  expect(server.tasks).toBeUndefined();
  for (const type of ['AWS::Lambda::EventSourceMapping', 'AWS::Scheduler::Schedule', 'AWS::ECS::Service']) {
    template.resourceCountIs(type, 0);
  }
  expect(environmentOf(template)).not.toHaveProperty('TASK_QUEUE_URL');
});

describe('McpTasks.queue()', () => {
  let synthesised: Synthesised;
  beforeAll(() => {
    synthesised = withQueue();
  });

  // A change of these ids would replace the resources in every deployed stack.
  it('has logical ids that do not change', () => {
    const ids = (type: string) =>
      Object.keys(synthesised.template.findResources(type)).filter(id => !/Delivery|Ingest|Server/.test(id));
    expect(ids('AWS::SQS::Queue').sort()).toEqual([TASK_FAILURES, QUEUE, WORKER_FAILURES].sort());
    expect(ids('AWS::Lambda::Function')).toEqual(['McpWorker2E7ABA9D']);
    expect(ids('AWS::Scheduler::Schedule')).toEqual(['McpTaskSweepB3A038F8']);
    expect(ids('AWS::Lambda::EventSourceMapping')).toEqual(['McpWorkerAliasTaskQueueDF6D04E2']);
    expect(ids('AWS::Logs::LogGroup')).toEqual(['McpWorkerLogGroup76597185']);
  });

  it('creates a standard queue that hides a message longer than the worker may take, and a dead-letter queue', () => {
    expect(one(synthesised.template, 'AWS::SQS::Queue', 'McpTaskQueue').Properties).toEqual({
      VisibilityTimeout: 960,
      MessageRetentionPeriod: 345_600,
      SqsManagedSseEnabled: true,
      RedrivePolicy: { deadLetterTargetArn: arnOf(TASK_FAILURES), maxReceiveCount: 5 },
      RedriveAllowPolicy: { redrivePermission: 'denyAll' },
    });
    expect(one(synthesised.template, 'AWS::SQS::Queue', 'McpTaskFailures').Properties).toEqual({
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
    });
  });

  it('requires TLS of each of its queues', () => {
    for (const id of ['McpTaskQueue', 'McpTaskFailures', 'McpWorkerFailures']) {
      const [statement] = one(synthesised.template, 'AWS::SQS::QueuePolicy', id).Properties.PolicyDocument.Statement;
      expect(statement).toMatchObject({
        Effect: 'Deny',
        Action: 'sqs:*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      });
    }
  });

  it('creates a worker with the program of the server, for fifteen minutes, that Lambda does not take for a loop', () => {
    const server = one(synthesised.template, 'AWS::Lambda::Function', 'McpServer').Properties;
    const worker = one(synthesised.template, 'AWS::Lambda::Function', 'McpWorker').Properties;
    expect(worker.Code).toEqual(server.Code);
    expect(worker).toMatchObject({ Timeout: 900, MemorySize: 256, Architectures: ['arm64'], RecursiveLoop: 'Allow' });
    expect(server).not.toHaveProperty('RecursiveLoop');
    expect(worker).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  it('invokes the alias of the worker for each message, ten at a time, and takes partial failures', () => {
    expect(one(synthesised.template, 'AWS::Lambda::EventSourceMapping').Properties).toEqual({
      EventSourceArn: arnOf(QUEUE),
      FunctionName: {
        'Fn::Join': ['', [{ 'Fn::Select': [6, { 'Fn::Split': [':', { Ref: 'McpWorkerAlias6D53A1CA' }] }] }, ':live']],
      },
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
  });

  it('sweeps every minute, through the alias, and keeps what fails', () => {
    const { Properties } = one(synthesised.template, 'AWS::Scheduler::Schedule');
    expect(Properties).toMatchObject({
      ScheduleExpression: 'rate(1 minute)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: 'ENABLED',
      Target: {
        Arn: { Ref: 'McpWorkerAlias6D53A1CA' },
        DeadLetterConfig: { Arn: arnOf(WORKER_FAILURES) },
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 1 },
      },
    });
    expect(JSON.parse(Properties.Target.Input)).toEqual({ source: 'mcp-lambda-server', action: 'sweep-tasks' });
    synthesised.template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: 'McpWorker2E7ABA9D' },
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 3600,
      DestinationConfig: { OnFailure: { Destination: arnOf(WORKER_FAILURES) } },
    });
  });

  it('lets the scheduler of this account invoke the alias, and nothing else', () => {
    const trust = one(synthesised.template, 'AWS::IAM::Role', 'McpTaskSweepRole').Properties.AssumeRolePolicyDocument;
    expect(trust.Statement).toEqual([
      {
        Action: 'sts:AssumeRole',
        Effect: 'Allow',
        Principal: { Service: 'scheduler.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      },
    ]);
    expect(statementsOf(synthesised.template, 'McpTaskSweepRole')).toEqual([
      { Action: 'lambda:InvokeFunction', Effect: 'Allow', Resource: { Ref: 'McpWorkerAlias6D53A1CA' } },
      { Action: 'sqs:SendMessage', Effect: 'Allow', Resource: arnOf(WORKER_FAILURES) },
    ]);
  });

  it('lets the server send messages, and the worker receive them as well', () => {
    const ofQueue = (id: string) =>
      (statementsOf(synthesised.template, id) as { Action: unknown; Resource: unknown }[])
        .filter(it => JSON.stringify(it.Resource).includes(QUEUE))
        .flatMap(it => it.Action);
    expect(ofQueue('McpServer')).toEqual(['sqs:SendMessage']);
    expect(ofQueue('McpWorker').sort()).toEqual([
      'sqs:ChangeMessageVisibility',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
      'sqs:ReceiveMessage',
      'sqs:SendMessage',
    ]);
  });

  it('gives the worker the permissions of the server for tables and topic, since it runs the same tools', () => {
    const actions = (id: string, of: string) =>
      (statementsOf(synthesised.template, id) as { Action: unknown; Resource: unknown }[]).filter(it =>
        JSON.stringify(it.Resource).includes(of),
      );
    for (const resource of ['McpStateTable', 'McpEventTable', 'McpEventsTopic']) {
      expect(actions('McpWorker', resource)).toEqual(actions('McpServer', resource));
      expect(actions('McpWorker', resource)).toHaveLength(1);
    }
  });

  it('names the queue in the environment of server and worker, and the worker needs no settings of requests', () => {
    expect(environmentOf(synthesised.template)['TASK_QUEUE_URL']).toEqual({ Ref: QUEUE });
    expect(environmentOf(synthesised.template, 'McpWorker')).toEqual({
      SESSION_TABLE_NAME: { Ref: 'McpStateTable8008F8CD' },
      EVENT_TABLE_NAME: { Ref: 'McpEventTableAD501C78' },
      MCP_EVENTS: 'on',
      SNS_TOPIC_ARN: { Ref: 'McpEventsTopic2CC578E0' },
      TASK_QUEUE_URL: { Ref: QUEUE },
    });
    expect(environmentOf(synthesised.template, 'McpIngest')).not.toHaveProperty('TASK_QUEUE_URL');
  });

  it('takes no updates from an event bus', () => synthesised.template.resourceCountIs('AWS::Events::Rule', 0));

  it('is what the server has as tasks', () => {
    const { server, stack } = synthesised;
    const { queue, failures, worker, workerFailures } = server.tasks!;
    expect([queue, failures!, workerFailures!].map(it => stack.resolve(it.queueUrl))).toEqual([
      { Ref: QUEUE },
      { Ref: TASK_FAILURES },
      { Ref: WORKER_FAILURES },
    ]);
    expect(worker?.alias.aliasName).toBe('live');
    const metrics = [server.metrics.tasksWaiting(), server.metrics.tasksRunning(), server.metrics.taskAge()];
    expect(metrics.map(it => it.metricName)).toEqual([
      'ApproximateNumberOfMessagesVisible',
      'ApproximateNumberOfMessagesNotVisible',
      'ApproximateAgeOfOldestMessage',
    ]);
  });
});

describe('options of McpTasks.queue()', () => {
  it('set the queue, the mapping, the worker and the environment', () => {
    const { template } = synth(stack => ({
      tasks: McpTasks.queue({
        workerOptions: {
          memorySize: 1024,
          timeout: Duration.minutes(5),
          reservedConcurrentExecutions: 30,
          logGroup: new logs.LogGroup(stack, 'Mine'),
        },
        maxConcurrency: 20,
        batchSize: 5,
        batchWindow: Duration.seconds(2),
        retention: Duration.days(1),
        maxReceiveCount: 3,
        ttl: Duration.hours(8),
        perPrincipal: 4,
        lease: Duration.seconds(30),
        attempts: 2,
      }),
    }));
    expect(one(template, 'AWS::SQS::Queue', 'McpTaskQueue').Properties).toMatchObject({
      VisibilityTimeout: 362,
      MessageRetentionPeriod: 86_400,
      RedrivePolicy: { maxReceiveCount: 3 },
    });
    expect(one(template, 'AWS::Lambda::EventSourceMapping').Properties).toMatchObject({
      BatchSize: 5,
      MaximumBatchingWindowInSeconds: 2,
      ScalingConfig: { MaximumConcurrency: 20 },
    });
    expect(one(template, 'AWS::Lambda::Function', 'McpWorker').Properties).toMatchObject({
      MemorySize: 1024,
      Timeout: 300,
      ReservedConcurrentExecutions: 30,
      LoggingConfig: { LogGroup: { Ref: expect.stringMatching(/^Mine/) } },
    });
    for (const id of ['McpServer', 'McpWorker']) {
      expect(environmentOf(template, id)).toMatchObject({
        MCP_TASK_TTL_SECONDS: '28800',
        MCP_TASKS_PER_PRINCIPAL: '4',
        MCP_TASK_LEASE_SECONDS: '30',
        MCP_TASK_ATTEMPTS: '2',
      });
    }
  });

  it('encrypt queue and dead-letter queue with a key, which server, worker and Lambda may use', () => {
    const { template } = synth(stack => ({
      tasks: McpTasks.queue({ encryptionKey: new kms.Key(stack, 'Key') }),
    }));
    for (const id of ['McpTaskQueue', 'McpTaskFailures']) {
      expect(one(template, 'AWS::SQS::Queue', id).Properties.KmsMasterKeyId).toEqual({
        'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'],
      });
    }
    const key = (id: string) =>
      (statementsOf(template, id) as { Action: unknown }[]).flatMap(it => it.Action).filter(it => /^kms/.test(String(it)));
    expect(key('McpServer')).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
    expect(key('McpWorker')).toEqual(expect.arrayContaining(['kms:Decrypt', 'kms:GenerateDataKey']));
  });

  it('use an existing queue, which has its own settings', () => {
    const queueArn = 'arn:aws:sqs:eu-central-1:111122223333:mine';
    const { template, server } = synth(stack => ({
      tasks: McpTasks.queue({ queue: sqs.Queue.fromQueueArn(stack, 'Mine', queueArn) }),
      monitoring: { level: McpMonitoringLevel.FULL },
    }));
    expect(server.tasks?.failures).toBeUndefined();
    expect(one(template, 'AWS::Lambda::EventSourceMapping').Properties.EventSourceArn).toBe(queueArn);
    expect(Object.keys(template.findResources('AWS::SQS::Queue')).filter(id => /Task/.test(id))).toEqual([]);
    expect(statementsOf(template)).toContainEqual({ Action: 'sqs:SendMessage', Effect: 'Allow', Resource: queueArn });
    const alarms = Object.keys(template.findResources('AWS::CloudWatch::Alarm')).join();
    expect(alarms).toContain('TaskAge');
    expect(alarms).not.toContain('TaskFailures');
  });

  it('take updates from an event bus, and keep those that fail', () => {
    const { template } = synth(stack => ({
      tasks: McpTasks.queue({ updatesFrom: new events.EventBus(stack, 'Bus') }),
    }));
    template.hasResourceProperties('AWS::Events::Rule', {
      EventBusName: { Ref: Match.stringLikeRegexp('^Bus') },
      EventPattern: { 'detail-type': ['MCP Task Update'] },
      Targets: [
        Match.objectLike({ Arn: { Ref: 'McpWorkerAlias6D53A1CA' }, DeadLetterConfig: { Arn: arnOf(WORKER_FAILURES) } }),
      ],
    });
  });

  it('beside options of tools, secrets and variables of the server, apply to the worker', () => {
    const { template } = synth(stack => ({
      tasks: McpTasks.queue(),
      environment: { RUST_LOG: 'debug' },
      memorySize: 512,
      ephemeralStorageSize: Size.gibibytes(2),
      initialPolicy: [new iam.PolicyStatement({ actions: ['ses:SendEmail'], resources: ['*'] })],
      secrets: { API_TOKEN: secretsmanager.Secret.fromSecretNameV2(stack, 'Token', 'token') },
      state: { sessionTtl: Duration.hours(1) },
    }));
    expect(one(template, 'AWS::Lambda::Function', 'McpWorker').Properties).toMatchObject({
      MemorySize: 256,
      EphemeralStorage: { Size: 2048 },
    });
    expect(environmentOf(template, 'McpWorker')).toMatchObject({
      RUST_LOG: 'debug',
      SESSION_TTL_MINUTES: '60',
      API_TOKEN: environmentOf(template)['API_TOKEN'],
    });
    const actions = (statementsOf(template, 'McpWorker') as { Action: string | string[] }[]).flatMap(it => it.Action);
    expect(actions).toEqual(expect.arrayContaining(['ses:SendEmail', 'secretsmanager:GetSecretValue']));
  });

  it('go with a server on managed instances: the worker is a function of its own', () => {
    const { template } = synth(stack => {
      const vpc = new ec2.Vpc(stack, 'Vpc');
      const securityGroups = [new ec2.SecurityGroup(stack, 'Group', { vpc })];
      return { tasks: McpTasks.queue(), managedInstances: { vpc, securityGroups } };
    });
    const worker = one(template, 'AWS::Lambda::Function', 'McpWorker').Properties;
    expect(worker).not.toHaveProperty('CapacityProviderConfig');
    expect(worker.MemorySize).toBe(256);
  });
});

it('grants updating tasks: invoking the alias of the worker', () => {
  const { template } = synth(
    { tasks: McpTasks.queue() },
    {
      also: (server, stack) =>
        server.grants.updateTasks(new iam.Role(stack, 'Approver', { assumedBy: new iam.AccountRootPrincipal() })),
    },
  );
  expect(statementsOf(template, 'Approver')).toEqual([
    { Action: 'lambda:InvokeFunction', Effect: 'Allow', Resource: { Ref: 'McpWorkerAlias6D53A1CA' } },
  ]);
});

describe('alarms of tasks', () => {
  const fullWithQueue = (options: McpTaskQueueOptions = {}) =>
    withQueue(options, { monitoring: { level: McpMonitoringLevel.FULL } });
  const alarmOf = ({ template }: Synthesised, id: string) =>
    one(template, 'AWS::CloudWatch::Alarm', `McpMonitoring${id}`).Properties;

  it('are on for messages that wait while none is received, for ten minutes', () => {
    const alarm = alarmOf(fullWithQueue(), 'TasksWaiting');
    expect([alarm.Threshold, alarm.EvaluationPeriods, alarm.DatapointsToAlarm]).toEqual([0, 10, 10]);
    expect(alarm.Metrics[0].Expression).toBe('IF(FILL(received, 0) > 0, 0, waiting)');
    expect(
      alarm.Metrics.slice(1).map((it: any) => [it.Id, it.MetricStat.Metric.MetricName, it.MetricStat.Stat]),
    ).toEqual([
      ['waiting', 'ApproximateNumberOfMessagesVisible', 'Minimum'],
      ['received', 'NumberOfMessagesReceived', 'Sum'],
    ]);
  });

  // A message may be delayed for fifteen minutes, and then run for as long as the worker may.
  it('are on for a message that is older than its delay and its run', () => {
    expect(alarmOf(fullWithQueue(), 'TaskAge')).toMatchObject({
      MetricName: 'ApproximateAgeOfOldestMessage',
      Statistic: 'Maximum',
      Threshold: (15 + 15 + 5) * 60,
    });
    const shorter = fullWithQueue({ workerOptions: { timeout: Duration.minutes(1) } });
    expect(alarmOf(shorter, 'TaskAge').Threshold).toBe((15 + 1 + 5) * 60);
    const given = withQueue({}, { monitoring: { taskAge: Duration.minutes(3) } });
    expect(alarmOf(given, 'TaskAge').Threshold).toBe(180);
  });

  it('are on for one failed invocation of a few, and for throttles', () => {
    const alarm = alarmOf(withQueue({}, { monitoring: { errorRatePercent: 5 } }), 'WorkerErrorRate');
    expect(percentOf(alarm.Metrics[0].Expression, 1, 2)).toBe(50);
    expect(alarm.Threshold).toBe(5);
    expect(alarmOf(fullWithQueue(), 'WorkerThrottles')).toMatchObject({ MetricName: 'Throttles', Threshold: 0 });
  });

  it('are on for tasks that fail, where the worker writes metrics', () => {
    const alarm = alarmOf(withQueue({}, { monitoring: { serverMetrics: true, toolErrorRatePercent: 25 } }), 'TaskFailureRate');
    expect(alarm.Threshold).toBe(25);
    expect([1, 2].map(part => percentOf(alarm.Metrics[0].Expression, part, 5))).toEqual([20, 40]);
    const FunctionName = { Name: 'FunctionName', Value: { Ref: 'McpWorker2E7ABA9D' } };
    expect(alarm.Metrics.slice(1).map((it: any) => it.MetricStat.Metric)).toEqual([
      { MetricName: 'TasksEnded', Namespace: 'McpLambdaServer', Dimensions: [FunctionName, { Name: 'Status', Value: 'failed' }] },
      { MetricName: 'TasksEnded', Namespace: 'McpLambdaServer', Dimensions: [FunctionName] },
    ]);
  });

  it('are on for a message in a dead-letter queue', () => {
    const synthesised = fullWithQueue();
    for (const [id, queue] of [
      ['TaskFailuresNotEmpty', TASK_FAILURES],
      ['WorkerFailuresNotEmpty', WORKER_FAILURES],
    ] as const) {
      expect(alarmOf(synthesised, id)).toMatchObject({
        MetricName: 'ApproximateNumberOfMessagesVisible',
        Threshold: 0,
        Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [queue, 'QueueName'] } }],
      });
    }
  });

  it('and a row of the dashboard, and the log group in saved queries', () => {
    const { template } = fullWithQueue();
    const body = JSON.stringify(one(template, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody);
    for (const name of ['ApproximateAgeOfOldestMessage', 'ApproximateNumberOfMessagesNotVisible', 'McpWorker2E7ABA9D']) {
      expect(body).toContain(name);
    }
    template.allResourcesProperties('AWS::Logs::QueryDefinition', {
      LogGroupNames: Match.arrayWith([{ Ref: 'McpWorkerLogGroup76597185' }]),
    });
  });
});

describe('tasks that cannot work fail at synthesis:', () => {
  const own = (stack: Stack) =>
    new lambda.Function(stack, 'Own', { code: program(), handler: 'b', runtime: lambda.Runtime.PROVIDED_AL2023 });
  const cases: [string, (stack: Stack) => McpLambdaServerProps, string][] = [
    [
      'with a function of your own',
      stack => ({ function: own(stack), tasks: McpTasks.queue() }),
      "'tasks' needs the program of the workers, and 'function' is no program, got: McpTasks; give the program as 'code' or 'manifestPath'",
    ],
    [
      'with tenant isolation',
      () => ({
        endpoint: McpEndpoint.restApi(),
        tenancyConfig: lambda.TenancyConfig.PER_TENANT,
        tasks: McpTasks.queue(),
      }),
      "'tasks' cannot be used with 'tenancyConfig': one worker would run tasks of several tenants, got: McpTasks; leave one of them out",
    ],
    [
      'a timeout above that of Lambda',
      () => ({ tasks: McpTasks.queue({ workerOptions: { timeout: Duration.minutes(16) } }) }),
      "'tasks.workerOptions.timeout' must be whole seconds from 1 to 900, got: 960 seconds; shorten it",
    ],
    [
      'one task at a time',
      () => ({ tasks: McpTasks.queue({ maxConcurrency: 1 }) }),
      "'tasks.maxConcurrency' must be a whole number from 2 to 1000, got: 1; choose a number within",
    ],
    [
      'more tasks at a time than SQS invokes',
      () => ({ tasks: McpTasks.queue({ maxConcurrency: 1001 }) }),
      "'tasks.maxConcurrency' must be a whole number from 2 to 1000, got: 1001; choose a number within",
    ],
    [
      'less reserved concurrency than tasks at a time',
      () => ({ tasks: McpTasks.queue({ workerOptions: { reservedConcurrentExecutions: 5 } }) }),
      "'tasks.workerOptions.reservedConcurrentExecutions' must be at least 'tasks.maxConcurrency', which is 10: messages that Lambda throttles end in the dead-letter queue, got: 5; raise it, or lower that",
    ],
    [
      'a large batch',
      () => ({ tasks: McpTasks.queue({ batchSize: 11 }) }),
      "'tasks.batchSize' must be a whole number from 1 to 10, got: 11; choose a number within",
    ],
    [
      'a window for one message',
      () => ({ tasks: McpTasks.queue({ batchWindow: Duration.seconds(5) }) }),
      "'tasks.batchWindow' needs a 'tasks.batchSize' above 1: one message is a full batch, got: 5 seconds; set both",
    ],
    [
      'messages that are kept for longer than SQS can',
      () => ({ tasks: McpTasks.queue({ retention: Duration.days(15) }) }),
      "'tasks.retention' must be whole seconds from 60 to 1209600, got: 1296000 seconds; choose a time within",
    ],
    [
      'a lease that no worker can keep',
      () => ({ tasks: McpTasks.queue({ lease: Duration.seconds(5) }) }),
      "'tasks.lease' must be whole seconds from 10 to 43200, got: 5 seconds; choose a time within",
    ],
    [
      'an imported queue with settings of a new one',
      stack => ({ tasks: McpTasks.queue({ queue: new sqs.Queue(stack, 'Mine'), maxReceiveCount: 3 }) }),
      "'tasks.maxReceiveCount' does not apply to an imported queue, got: 3; set it where the queue is defined",
    ],
    [
      'a FIFO queue',
      stack => ({
        tasks: McpTasks.queue({ queue: sqs.Queue.fromQueueArn(stack, 'Mine', 'arn:aws:sqs:r:1:mine.fifo') }),
      }),
      "'tasks.queue' must be a standard queue: a FIFO queue delays no single message, got: mine.fifo; use a standard queue",
    ],
    [
      'an alarm of tasks without them',
      () => ({ monitoring: { taskAge: Duration.minutes(1) } }),
      "'monitoring.taskAge' needs 'tasks', got: 60 seconds; set that as well, or leave this out",
    ],
    [
      'a variable that the construct sets',
      () => ({ tasks: McpTasks.queue(), environment: { TASK_QUEUE_URL: 'x' } }),
      "'environment.TASK_QUEUE_URL' is set by the construct, got: TASK_QUEUE_URL; use 'tasks'",
    ],
  ];

  it.each(cases)('%s', (_title, props, message) => expect(failureOf(() => construct(props))).toBe(message));

  it('grants and metrics of tasks without them', () => {
    const { server, stack } = construct({});
    const role = new iam.Role(stack, 'Role', { assumedBy: new iam.AccountRootPrincipal() });
    expect(failureOf(() => server.grants.updateTasks(role))).toMatch(/^'tasks' is needed to grant the permission/);
    expect(failureOf(() => server.metrics.taskAge())).toMatch(/^'tasks' is needed for metrics of tasks/);
  });
});

it('tasks of your own name a queue, and workers of the program can be created for it', () => {
  class OwnTasks extends McpTasks {
    public constructor(private readonly queue: (stack: Stack) => sqs.IQueue) {
      super();
    }

    public bind({ scope, workers }: McpTasksBindOptions): McpTasksConfig {
      const queue = this.queue(Stack.of(scope));
      const worker = workers.createWorkerFunction({ description: 'Mine', timeout: Duration.minutes(2) });
      queue.grantConsumeMessages(worker.function);
      return { queue, worker, environment: { MCP_TASKS_PER_PRINCIPAL: '9' } };
    }
  }
  const { template } = synth({ tasks: new OwnTasks(stack => new sqs.Queue(stack, 'Mine')) });
  expect(environmentOf(template)).toMatchObject({
    TASK_QUEUE_URL: { Ref: expect.stringMatching(/^Mine/) },
    MCP_TASKS_PER_PRINCIPAL: '9',
  });
  expect(one(template, 'AWS::Lambda::Function', 'McpWorker').Properties).toMatchObject({
    Description: 'Mine',
    Timeout: 120,
  });
  template.resourceCountIs('AWS::Scheduler::Schedule', 0);
});
