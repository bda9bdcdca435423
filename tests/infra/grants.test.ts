// Grants to principals other than roles of this account, and grants that can have no effect.
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, McpTasks, type McpLambdaServer, type McpLambdaServerProps } from '../../infra/lib/index.ts';
import { one, statementsOf, synth, type Synthesised } from './synth.ts';

type Make = (stack: Stack) => McpLambdaServerProps;
const granted = (props: McpLambdaServerProps | Make, grant: (server: McpLambdaServer, stack: Stack) => iam.Grant) => {
  const grants: iam.Grant[] = [];
  const env = { account: '111122223333', region: 'eu-central-1' };
  const synthesised = synth(props, { env, also: (server, stack) => void grants.push(grant(server, stack)) });
  return { ...synthesised, grant: grants[0]! };
};
const other = new iam.AccountPrincipal('999988887777');
const role = (stack: Stack) => new iam.Role(stack, 'Grantee', { assumedBy: new iam.AccountRootPrincipal() });
const warningsOf = ({ stack }: Synthesised) =>
  Annotations.fromStack(stack)
    .findWarning('*', Match.stringLikeRegexp('nothing-granted'))
    .map(it => String(it.entry.data));

describe('publishing', () => {
  const policyOf = ({ template }: Synthesised) =>
    one(template, 'AWS::SNS::TopicPolicy', 'McpEventsTopic').Properties.PolicyDocument.Statement;

  it('is granted to another account in the policy of the topic', () => {
    const synthesised = granted({}, server => server.grants.publish(other));
    expect(policyOf(synthesised)).toContainEqual(
      expect.objectContaining({ Action: 'sns:Publish', Effect: 'Allow', Principal: { AWS: expect.anything() } }),
    );
    expect(JSON.stringify(policyOf(synthesised))).toContain('999988887777');
    expect(synthesised.grant.success).toBe(true);
    expect(warningsOf(synthesised)).toEqual([]);
  });

  it('is granted to a service with its conditions, and with the key of the topic', () => {
    const conditions = { ArnEquals: { 'aws:SourceArn': 'arn:aws:cloudwatch:eu-central-1:111122223333:alarm:disk' } };
    const alarms = new iam.ServicePrincipal('cloudwatch.amazonaws.com', { conditions });
    const synthesised = granted(
      stack => ({ mcpEvents: { encryptionKey: new kms.Key(stack, 'Key') } }),
      server => server.grants.publish(alarms),
    );
    const statement = { Effect: 'Allow', Principal: { Service: 'cloudwatch.amazonaws.com' }, Condition: conditions };
    expect(policyOf(synthesised)).toContainEqual(expect.objectContaining({ ...statement, Action: 'sns:Publish' }));
    expect(one(synthesised.template, 'AWS::KMS::Key').Properties.KeyPolicy.Statement).toContainEqual({
      ...statement,
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Resource: '*',
    });
  });

  it('on a topic with a key of its own takes the key, of the server too', () => {
    const { template } = granted(
      stack => ({ mcpEvents: { topic: new sns.Topic(stack, 'Own', { masterKey: new kms.Key(stack, 'Key') }) } }),
      (server, stack) => server.grants.publish(role(stack)),
    );
    for (const id of ['McpServer', 'Grantee']) {
      expect(statementsOf(template, id)).toContainEqual(
        expect.objectContaining({ Action: ['kms:Decrypt', 'kms:GenerateDataKey*'] }),
      );
    }
  });

  it('warns if nothing could be granted', () => {
    const imported = (stack: Stack) => sns.Topic.fromTopicArn(stack, 'T', 'arn:aws:sns:eu-central-1:111122223333:mine');
    const synthesised = granted(
      stack => ({ mcpEvents: { topic: imported(stack) } }),
      server => server.grants.publish(other),
    );
    expect(warningsOf(synthesised)).toEqual([
      'grants.publish() has granted nothing: neither the grantee nor the resource has a policy that is written here; grant it where the topic is defined [ack: Annotation::mcp-lambda-server:nothing-granted-publish]',
    ]);
  });
});

describe('reading state', () => {
  it('is granted to another account in the policies of the tables', () => {
    const synthesised = granted({}, server => server.grants.readState(other));
    for (const id of ['McpStateTable', 'McpEventTable']) {
      const { Replicas } = one(synthesised.template, 'AWS::DynamoDB::GlobalTable', id).Properties;
      expect(JSON.stringify(Replicas)).toMatch(/ResourcePolicy.*dynamodb:Query.*999988887777/);
    }
    expect(synthesised.grant.success).toBe(true);
  });

  it('with a key grants its use through DynamoDB only', () => {
    const { template } = granted(
      stack => ({ state: { encryptionKey: new kms.Key(stack, 'Key') } }),
      (server, stack) => server.grants.readState(role(stack)),
    );
    expect(statementsOf(template, 'Grantee')).toContainEqual(
      expect.objectContaining({
        Action: 'kms:Decrypt',
        Condition: { StringEquals: { 'kms:ViaService': 'dynamodb.eu-central-1.amazonaws.com' } },
      }),
    );
  });
});

describe('invoking', () => {
  it('is granted to another account at a Function URL', () => {
    const synthesised = granted({}, server => server.grants.invoke(other));
    synthesised.template.hasResourceProperties('AWS::Lambda::Permission', {
      Action: 'lambda:InvokeFunctionUrl',
      Principal: '999988887777',
    });
    expect(warningsOf(synthesised)).toEqual([]);
  });

  it.each([
    ['a REST API', McpEndpoint.restApi()],
    ['an HTTP API', McpEndpoint.httpApi()],
  ])('warns that %s grants another account nothing', (_, endpoint) => {
    expect(warningsOf(granted({ endpoint }, server => server.grants.invoke(other)))).toEqual([
      expect.stringContaining('grants.invoke() has granted nothing'),
    ]);
  });

  it('grants nothing, without a warning, where no permission is needed', () => {
    const synthesised = granted({ auth: McpAuth.none() }, server => server.grants.invoke(other));
    expect([synthesised.grant.success, warningsOf(synthesised)]).toEqual([false, []]);
  });
});

describe('a grant to the server', () => {
  const actionsOf = ({ template }: Synthesised, id: string) =>
    (statementsOf(template, id) as { Action: string | string[] }[]).flatMap(it => it.Action);
  const readable = (server: McpLambdaServer, stack: Stack) => new s3.Bucket(stack, 'Bucket').grantRead(server);

  it('goes to its function', () => {
    const synthesised = granted({}, readable);
    expect(actionsOf(synthesised, 'McpServer')).toContain('s3:GetObject*');
    expect(actionsOf(synthesised, 'McpIngest')).not.toContain('s3:GetObject*');
  });

  it('goes to the workers too, which run the same tools', () => {
    const onLambda = granted({ tasks: McpTasks.queue() }, readable);
    expect(actionsOf(onLambda, 'McpWorker')).toContain('s3:GetObject*');
    const image = ecs.ContainerImage.fromRegistry('example.com/notes:1');
    const onFargate = granted(
      stack => ({ tasks: McpTasks.fargate({ vpc: new ec2.Vpc(stack, 'Vpc'), image }) }),
      readable,
    );
    for (const id of ['McpServer', 'McpWorkerTaskTaskRole']) expect(actionsOf(onFargate, id)).toContain('s3:GetObject*');
  });

  it('in the policy of a resource names all of them', () => {
    const grant = (server: McpLambdaServer, stack: Stack) => {
      const bucket = new s3.Bucket(stack, 'Bucket');
      const statement = { actions: ['s3:GetObject'], resources: [bucket.arnForObjects('*')], principals: [server.grantPrincipal] };
      bucket.addToResourcePolicy(new iam.PolicyStatement(statement));
      return bucket.grantRead(server);
    };
    const { template } = granted({ tasks: McpTasks.queue() }, grant);
    const [{ Principal }] = one(template, 'AWS::S3::BucketPolicy').Properties.PolicyDocument.Statement;
    expect(JSON.stringify(Principal)).toMatch(/McpServerRole.*McpWorkerRole/);
  });

  it('opens its network connections', () => {
    const { template } = synth(
      stack => ({ vpc: new ec2.Vpc(stack, 'Vpc'), endpoint: McpEndpoint.restApi() }),
      {
        also: (server, stack) => {
          const group = new ec2.SecurityGroup(stack, 'Database', { vpc: stack.node.findChild('Vpc') as ec2.Vpc });
          group.connections.allowFrom(server, ec2.Port.tcp(5432));
        },
      },
    );
    template.resourcePropertiesCountIs('AWS::EC2::SecurityGroupIngress', { FromPort: 5432 }, 1);
  });
});

it('a secret with a key of another stack makes no circle of the stacks', () => {
  const env = { account: '111122223333', region: 'eu-central-1' };
  const synthesised = synth(
    stack => {
      const other = new Stack(stack.node.root, 'Other', { env });
      const encryptionKey = new kms.Key(other, 'Key');
      return { secrets: { TOKEN: new secretsmanager.Secret(other, 'Token', { encryptionKey }) } };
    },
    { env },
  );
  expect(statementsOf(synthesised.template)).toContainEqual(
    expect.objectContaining({
      Action: 'kms:Decrypt',
      Condition: { StringEquals: { 'kms:ViaService': 'secretsmanager.eu-central-1.amazonaws.com' } },
    }),
  );
});
