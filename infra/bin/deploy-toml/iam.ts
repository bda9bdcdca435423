// The permissions of a deploy.toml beyond the server's own: those of its tools.
import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { McpLambdaServer } from '../../lib';
import type { Problems } from './problems';
import type { DeployConfig } from './schema';

type Entries<K extends keyof DeployConfig['iam']> = NonNullable<DeployConfig['iam'][K]>;

/** What the words for actions stand for. */
const TABLE_ACTIONS: { readonly [word: string]: readonly string[] } = {
  read: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'],
  write: ['dynamodb:BatchWriteItem', 'dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
};

const BUCKET_ACTIONS: { readonly [word: string]: readonly string[] } = {
  read: ['s3:GetObject'],
  write: ['s3:DeleteObject', 's3:PutObject'],
};

/** Grants the server, and the workers of its tasks, what `[iam]` lists. */
export function grantIam(server: McpLambdaServer, { iam: section }: DeployConfig): void {
  for (const table of section.tables ?? []) grant(server, ofTable(server, table));
  for (const bucket of section.buckets ?? []) for (const statement of ofBucket(server, bucket)) grant(server, statement);
  for (const secret of section.secrets ?? []) grant(server, ofSecret(server, secret));
  for (const { effect, actions = [], resources = [] } of section.statements ?? []) {
    const allowed = effect === 'Deny' ? iam.Effect.DENY : iam.Effect.ALLOW;
    grant(server, new iam.PolicyStatement({ effect: allowed, actions: [...actions], resources: [...resources] }));
  }
}

/** Notes words that stand for nothing, and statements that allow everything. */
export function checkIam({ iam: section }: DeployConfig, problems: Problems): void {
  for (const [at, { actions = [] }] of valid(section.tables)) {
    checkWords(['iam', 'tables', at, 'actions'], actions, ['read', 'write', 'readwrite'], problems);
  }
  for (const [at, { actions = [] }] of valid(section.buckets)) {
    checkWords(['iam', 'buckets', at, 'actions'], actions, ['read', 'write', 'readwrite', 'list'], problems);
  }
  for (const [at, statement] of valid(section.statements)) checkStatement(at, statement, problems);
}

/** The entries with their positions, without those that are wrong in themselves. */
function valid<T>(entries: readonly T[] = []): [number, T][] {
  return [...entries.entries()].filter(([, entry]) => entry !== undefined);
}

function checkWords(path: (string | number)[], words: readonly string[], known: string[], problems: Problems): void {
  const [root, list] = path;
  const wrong = words.filter(word => !known.includes(word));
  if (words.length > 0 && wrong.length === 0) return;
  const got = JSON.stringify(words.length === 0 ? words : wrong);
  problems.note(path, `[[${root}.${list}]] actions must be a list of ${known.join(', ')}, got: ${got}`);
}

function checkStatement(at: number, statement: Entries<'statements'>[number], problems: Problems): void {
  const { effect, actions = [], resources = [] } = statement;
  const path = (key: string) => ['iam', 'statements', at, key];
  for (const action of actions.filter(it => it !== '*' && !/^[a-z0-9-]+:[A-Za-z0-9*?]+$/.test(it))) {
    problems.note(path('actions'), `[[iam.statements]] actions must be like "s3:GetObject", got: ${JSON.stringify(action)}`);
  }
  for (const resource of resources.filter(it => it !== '*' && !it.startsWith('arn:'))) {
    problems.note(path('resources'), `[[iam.statements]] resources must be ARNs or "*", got: ${JSON.stringify(resource)}`);
  }
  const everything = (items: readonly string[]) => items.some(it => it === '*' || it === '*:*');
  if (effect !== 'Allow' || !everything(actions) || !everything(resources)) return;
  problems.note(path('actions'), '[[iam.statements]] must not allow all actions on all resources; name what the tools call');
}

function grant(server: McpLambdaServer, statement: iam.PolicyStatement): void {
  server.grantPrincipal.addToPrincipalPolicy(statement);
}

function ofTable(server: McpLambdaServer, table: Entries<'tables'>[number]): iam.PolicyStatement {
  const { name = '', actions = [], include_indexes: indexes = false } = table;
  const arn = arnOf(server, { service: 'dynamodb', resource: 'table', resourceName: name });
  const resources = indexes ? [arn, `${arn}/index/*`] : [arn];
  return new iam.PolicyStatement({ actions: actionsOf(TABLE_ACTIONS, actions), resources });
}

/** Objects, and with `list` their names: below the prefix, if there is one. */
function ofBucket(server: McpLambdaServer, bucket: Entries<'buckets'>[number]): iam.PolicyStatement[] {
  const { name = '', actions = [], prefix = '' } = bucket;
  const arn = arnOf(server, { service: 's3', region: '', account: '', resource: name });
  const ofObjects = actionsOf(BUCKET_ACTIONS, actions);
  const statements = [];
  if (ofObjects.length > 0) {
    statements.push(new iam.PolicyStatement({ actions: ofObjects, resources: [`${arn}/${prefix}*`] }));
  }
  if (actions.includes('list')) {
    const conditions = prefix === '' ? {} : { conditions: { StringLike: { 's3:prefix': `${prefix}*` } } };
    statements.push(new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [arn], ...conditions }));
  }
  return statements;
}

/** The ARN of a secret ends in six letters that its name does not have. */
function ofSecret(server: McpLambdaServer, { name = '' }: Entries<'secrets'>[number]): iam.PolicyStatement {
  const arn = arnOf(server, { service: 'secretsmanager', resource: 'secret', resourceName: name });
  const resource = name.startsWith('arn:') ? arn : `${arn}-??????`;
  return new iam.PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [resource] });
}

interface Named {
  readonly service: string;
  readonly resource: string;
  readonly resourceName?: string;
  readonly region?: string;
  readonly account?: string;
}

/** The ARN of a name in the stack's own account and region. A name can be an ARN itself. */
function arnOf(server: McpLambdaServer, named: Named): string {
  const name = named.resourceName ?? named.resource;
  if (name.startsWith('arn:')) return name;
  const arnFormat =
    named.resourceName === undefined
      ? ArnFormat.NO_RESOURCE_NAME
      : named.service === 'dynamodb'
        ? ArnFormat.SLASH_RESOURCE_NAME
        : ArnFormat.COLON_RESOURCE_NAME;
  return Stack.of(server).formatArn({ ...named, arnFormat });
}

function actionsOf(words: typeof TABLE_ACTIONS, given: readonly string[]): string[] {
  const chosen = given.flatMap(word => (word === 'readwrite' ? ['read', 'write'] : [word]));
  return [...new Set(chosen)].flatMap(word => words[word] ?? []);
}
