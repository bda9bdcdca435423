// The construct creates the same with any feature flags of the app.
import type { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, McpTasks } from '../../infra/lib/index.ts';
import { environmentOf, recommendedFlags, statementsOf, synth } from './synth.ts';

const issuer = 'https://issuer.example.com';
const endpoints = [
  { title: 'a Function URL', props: {} },
  { title: 'a REST API', props: { endpoint: McpEndpoint.restApi(), auth: McpAuth.jwt({ issuer, audience: ['mcp'] }) } },
  { title: 'an HTTP API', props: { endpoint: McpEndpoint.httpApi() } },
  { title: 'tasks', props: { tasks: McpTasks.queue() } },
  {
    title: 'tasks on Fargate',
    props: (stack: Stack) => ({
      tasks: McpTasks.fargate({
        vpc: new ec2.Vpc(stack, 'Vpc', { restrictDefaultSecurityGroup: false }),
        image: ecs.ContainerImage.fromRegistry('notes'),
      }),
    }),
  },
];

describe.each(endpoints)('with $title', ({ props }) => {
  it('creates the same with the recommended flags as with none', () => {
    const [on, off] = [synth(props, { flags: recommendedFlags() }), synth(props)];
    const resources = (it: typeof on) =>
      Object.entries(it.template.toJSON().Resources as Record<string, { Type: string }>)
        .map(([id, { Type }]) => `${Type} ${id}`)
        .filter(it => !/Version|Deployment/.test(it))
        .sort();
    expect(resources(on)).toEqual(resources(off));
    for (const id of ['McpServer', 'McpIngest']) {
      expect(actions(statementsOf(on.template, id))).toEqual(actions(statementsOf(off.template, id)));
      expect(environmentOf(on.template, id)).toEqual(environmentOf(off.template, id));
    }
  });
});

/** Each action with its resource: flags may merge or split statements. */
function actions(statements: unknown[]): string[] {
  type Statement = { Action: string | string[]; Resource: unknown };
  return (statements as Statement[])
    .flatMap(({ Action, Resource }) => [Action].flat().map(it => `${it} ${JSON.stringify(Resource)}`))
    .sort();
}

it('reads the recommended flags of the CDK', () => {
  expect(Object.keys(recommendedFlags()).length).toBeGreaterThan(50);
});
