// The contract between the construct and the runtime: tests/contract, which the runtime's tests check as well.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { describe, expect, it } from 'vitest';
import { McpChildPer, McpTasks } from '../../infra/lib/index.ts';
import { ENVIRONMENT } from '../../infra/lib/private/environment.ts';
import { INGEST_KEYS, TABLE_ACTIONS } from '../../infra/lib/private/permissions.ts';
import { STDIO_CONTRACT } from '../../infra/lib/stdio/program-contract.ts';
import { TABLE_SHAPE } from '../../infra/lib/state.ts';
import { root, statementsOf, synth } from './synth.ts';

const contract = <T>(name: string) => JSON.parse(readFileSync(join(root, 'tests', 'contract', name), 'utf8')) as T;

describe('environment.json', () => {
  const names = contract<{ name: string }[]>('environment.json').map(({ name }) => name);

  it('lists every variable that the construct sets', () => {
    const unknown = Object.values(ENVIRONMENT).filter(({ name }) => !names.includes(name));
    expect(unknown).toEqual([]);
  });
});

describe('stdio.json', () => {
  it('is what the construct and the binary mcp-lambda-stdio agree on', () => {
    expect({ ...STDIO_CONTRACT, childPer: Object.values(McpChildPer) }).toEqual(contract('stdio.json'));
  });

  it('names variables that the runtime reads', () => {
    const read = contract<{ name: string }[]>('environment.json').map(({ name }) => name);
    expect(read).toEqual(expect.arrayContaining(Object.values(STDIO_CONTRACT.variables)));
  });
});

describe('tables.json', () => {
  it('has the keys of the tables that the construct creates', () => {
    expect(contract('tables.json')).toEqual([
      { role: 'state', ...TABLE_SHAPE },
      { role: 'events', ...TABLE_SHAPE },
    ]);
  });
});

describe('the permissions', () => {
  // Every file of the folder `dynamodb` of a crate, except for the one that creates tables.
  const files = readdirSync(join(root, 'runtime'), { recursive: true, encoding: 'utf8' }).filter(
    path => /\bsrc\/(.*\/)?dynamodb\/.*\.rs$/.test(path) && !path.endsWith('/tables.rs'),
  );
  const source = files.map(path => readFileSync(join(root, 'runtime', path), 'utf8')).join('\n');
  const called = (pattern: string) => new RegExp(pattern).test(source);
  // A transaction needs the permissions of its items.
  const parts = {
    PutItem: 'Put::builder',
    UpdateItem: 'Update::builder',
    DeleteItem: 'Delete::builder',
    ConditionCheckItem: 'ConditionCheck::builder',
  };
  const single = ['BatchGetItem', 'BatchWriteItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'Scan', 'UpdateItem'];
  const snake = (action: string) => action.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();

  it('are exactly those of the calls in the runtime', () => {
    const used = new Set(single.filter(action => called(`\\.${snake(action)}\\(\\)`)));
    for (const [action, builder] of Object.entries(parts)) if (called(`\\b${builder}\\(`)) used.add(action);
    const granted = new Set(
      Object.values(TABLE_ACTIONS)
        .flat()
        .map(action => action.replace('dynamodb:', '')),
    );
    expect([...granted].sort()).toEqual([...used].sort());
  });

  it('of the ingest function are for the partition keys that hold events, and not for those of replies', () => {
    const keys = readFileSync(join(root, 'runtime', 'aws', 'src', 'dynamodb', 'keys.rs'), 'utf8');
    const table = keys.split('//! event table')[1]!.split('//! ```')[0]!;
    const all = [...table.matchAll(/^\/\/! ([A-Z_]+)/gm)].map(([, key]) => key!);
    const granted = (key: string) => INGEST_KEYS.some(it => new RegExp(`^${it.replace('*', '.*')}$`).test(`${key}#x`));
    expect([...new Set(all)].filter(key => !granted(key))).toEqual(['STREAM']);
  });

  it('are the same in scripts/setup-infrastructure.sh', () => {
    const script = readFileSync(join(root, 'scripts', 'setup-infrastructure.sh'), 'utf8');
    const lists = [...script.matchAll(/"Action": (\[[^\]]*dynamodb[^\]]*\])/g)].map(
      ([, list]) => JSON.parse(list!) as string[],
    );
    expect(lists).toEqual([TABLE_ACTIONS.serverState, TABLE_ACTIONS.serverEvents]);
  });

  it('have no Scan and no wildcard', () => {
    expect(
      Object.values(TABLE_ACTIONS)
        .flat()
        .filter(action => /Scan|\*/.test(action)),
    ).toEqual([]);
  });
});

describe('the permissions for the queue of tasks', () => {
  const files = readdirSync(join(root, 'runtime', 'aws', 'src'), { recursive: true, encoding: 'utf8' }).filter(path =>
    /(^|\/)sqs(\.rs$|\/)/.test(path),
  );
  const source = files
    .filter(path => path.endsWith('.rs'))
    .map(path => readFileSync(join(root, 'runtime', 'aws', 'src', path), 'utf8'))
    .join('\n');
  const actions = ['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes'];
  const snake = (action: string) => action.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
  const used = actions.filter(action => new RegExp(`\\.${snake(action)}\\(\\)`).test(source));

  it('of workers outside Lambda are those of the calls in the runtime', () => {
    expect(used).toContain('SendMessage');
    const { template } = synth(stack => ({
      tasks: McpTasks.fargate({ vpc: new ec2.Vpc(stack, 'Vpc'), image: ecs.ContainerImage.fromRegistry('notes') }),
    }));
    const granted = (statementsOf(template, 'McpWorkerTaskTaskRole') as { Action: string | string[] }[]).flatMap(it => it.Action);
    expect(granted).toEqual(expect.arrayContaining(used.map(action => `sqs:${action}`)));
  });
});
