import { ArnFormat, Duration, Stack, Token } from 'aws-cdk-lib';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription, LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { McpLambdaServer } from '../mcp-lambda-server';
import { expectFindings } from '../private/findings';
import { checkAll, fail } from '../private/validation';
import { createInlineFunction } from './inline-function';

/**
 * Properties of an `McpBudgetGuard`.
 */
export interface McpBudgetGuardProps {
  /**
   * The server to stop.
   */
  readonly server: McpLambdaServer;

  /**
   * The most that a month may cost, in US dollars.
   */
  readonly monthlyLimit: number;

  /**
   * The cost allocation tag to count the cost of, such as `{ project: 'notes' }`. Activate the tag in the billing console.
   *
   * @default - the cost of the whole account
   */
  readonly tag?: { [key: string]: string };

  /**
   * An address for notifications, at 80 % of the limit and when the server is stopped.
   *
   * @default - none
   */
  readonly email?: string;
}

/**
 * Stops a server when a month has cost more than a limit: the functions then run no more, and clients get 429. AWS counts the cost
 * a few times a day, so that more may be spent before; `reservedConcurrentExecutions` limits that.
 *
 * ```ts
 * new McpBudgetGuard(this, 'Budget', { server, monthlyLimit: 50 });
 * ```
 *
 * The server starts again with `aws lambda delete-function-concurrency` for each function.
 */
export class McpBudgetGuard extends Construct {
  /**
   * The topic of the budget.
   */
  public readonly topic: sns.Topic;

  /**
   * The function that stops the server.
   */
  public readonly function: lambda.Function;

  public constructor(scope: Construct, id: string, props: McpBudgetGuardProps) {
    super(scope, id);
    checkGuard(props);
    const { server, email } = props;
    this.topic = createTopic(this);
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email));
    const functions = [server.function, server.ingestFunction, server.tasks?.worker?.function].filter(it => it !== undefined);
    const unique = [...new Set(functions)];
    this.function = createInlineFunction(this, {
      source: 'budget-guard',
      description: 'MCP server: stops it when the budget is spent',
      timeout: Duration.minutes(1),
      environment: { FUNCTIONS: unique.map(it => it.functionName).join(','), URL_SUFFIX: Stack.of(this).urlSuffix },
    });
    this.function.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ['lambda:PutFunctionConcurrency'],
        resources: unique.map(it => it.functionArn),
      }),
    );
    const subscription = this.topic.addSubscription(new LambdaSubscription(this.function));
    const retries = 'SNS delivers again for hours, and Budgets shows that the limit is spent';
    expectFindings(subscription, retries, 'Serverless-SNSRedrivePolicy');
    new budgets.CfnBudget(this, 'Budget', { budget: budgetOf(props), notificationsWithSubscribers: this.notifications(email) });
  }

  private notifications(email: string | undefined): budgets.CfnBudget.NotificationWithSubscribersProperty[] {
    const at = (threshold: number, subscribers: budgets.CfnBudget.SubscriberProperty[]) => ({
      notification: { notificationType: 'ACTUAL', comparisonOperator: 'GREATER_THAN', threshold, thresholdType: 'PERCENTAGE' },
      subscribers,
    });
    const stop = at(100, [{ subscriptionType: 'SNS', address: this.topic.topicArn }]);
    if (email === undefined) return [stop];
    return [at(80, [{ subscriptionType: 'EMAIL', address: email }]), stop];
  }
}

function checkGuard({ monthlyLimit, tag }: McpBudgetGuardProps): void {
  checkAll(
    () => {
      if (Token.isUnresolved(monthlyLimit) || (Number.isFinite(monthlyLimit) && monthlyLimit > 0)) return;
      fail('monthlyLimit', monthlyLimit, 'must be a number of US dollars above 0', 'set what a month may cost');
    },
    () => {
      if (tag === undefined || Object.keys(tag).length === 1) return;
      fail('tag', Object.keys(tag).length, 'must be one tag: a budget counts the cost of all values that it has', 'keep one');
    },
  );
}

function budgetOf({ monthlyLimit, tag }: McpBudgetGuardProps): budgets.CfnBudget.BudgetDataProperty {
  const filters = Object.entries(tag ?? {}).map(([key, value]) => `user:${key}$${value}`);
  return {
    budgetType: 'COST',
    timeUnit: 'MONTHLY',
    budgetLimit: { amount: monthlyLimit, unit: 'USD' },
    ...(filters.length > 0 && { costFilters: { TagKeyValue: filters } }),
  };
}

/** A topic that AWS Budgets of this account may publish to. It has no key: Budgets cannot use one of AWS. */
function createTopic(scope: Construct): sns.Topic {
  const topic = new sns.Topic(scope, 'Topic', { displayName: 'MCP server budget', enforceSSL: true });
  const { account } = Stack.of(scope);
  const budget = Stack.of(scope).formatArn({
    service: 'budgets',
    region: '',
    resource: '*',
    arnFormat: ArnFormat.NO_RESOURCE_NAME,
  });
  topic.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('budgets.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': account }, ArnLike: { 'aws:SourceArn': budget } },
    }),
  );
  expectFindings(topic, 'AWS Budgets publishes no secrets, and cannot use a key of AWS', 'AwsSolutions-SNS2');
  return topic;
}
