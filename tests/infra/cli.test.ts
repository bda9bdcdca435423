// The program of the npm package: tests/project runs it as it is packed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AWS_CDK } from '../../infra/bin/cli/cdk.ts';
import { COMMANDS, usage } from '../../infra/bin/cli/commands.ts';
import { root } from './synth.ts';

it('uses the release of the CDK that this repository tests with, where a project has none', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> };
  expect(AWS_CDK).toBe(devDependencies['aws-cdk']);
});

it('lists each command with what it does', () => {
  for (const [name, { summary }] of Object.entries(COMMANDS)) {
    expect(usage()).toMatch(new RegExp(`^ {4}${name} .*${summary.slice(0, 20)}`, 'm'));
  }
});
