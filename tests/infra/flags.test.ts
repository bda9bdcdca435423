// The construct is the same to its users whatever feature flags their app has set.
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint } from '../../infra/index.ts';
import { environmentOf, recommendedFlags, statementsOf, synth } from './synth.ts';

const issuer = 'https://issuer.example.com';
const fronts = [
  { title: 'a Function URL', props: {} },
  { title: 'a REST API', props: { endpoint: McpEndpoint.restApi(), auth: McpAuth.jwt({ issuer, audience: ['mcp'] }) } },
  { title: 'an HTTP API', props: { endpoint: McpEndpoint.httpApi() } },
];

describe.each(fronts)('with $title', ({ props }) => {
  it('makes the same with the recommended flags as with none', () => {
    const [on, off] = [synth(props, { flags: recommendedFlags() }), synth(props)];
    const resources = (it: typeof on) =>
      Object.entries(it.template.toJSON().Resources as Record<string, { Type: string }>)
        .map(([id, { Type }]) => `${Type} ${id}`)
        .filter(it => !/Version|Deployment/.test(it))
        .sort();
    expect(resources(on)).toEqual(resources(off));
    for (const role of ['McpServer', 'McpIngest']) {
      expect(actions(statementsOf(on.template, role))).toEqual(actions(statementsOf(off.template, role)));
      expect(environmentOf(on.template, role)).toEqual(environmentOf(off.template, role));
    }
  });
});

/** Flags may merge statements or part them; what is allowed on what stays. */
function actions(statements: unknown[]): string[] {
  type Statement = { Action: string | string[]; Resource: unknown };
  return (statements as Statement[])
    .flatMap(({ Action, Resource }) => [Action].flat().map(it => `${it} ${JSON.stringify(Resource)}`))
    .sort();
}

it('has flags to set', () => {
  expect(Object.keys(recommendedFlags()).length).toBeGreaterThan(50);
});
