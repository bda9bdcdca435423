// The example of docs/deploy-safely.md: one pipeline, two stages in two accounts.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, expect, it } from 'vitest';
import { createApp } from './app.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-pipeline-'));
const before = process.cwd();
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

it('deploys the same program to development, and after an approval to production, in parts', () => {
  process.chdir(join(import.meta.dirname, '..'));
  const app = createApp(new App({ outdir: join(folder, 'cdk.out'), builtinCloudFormationValidation: false }));
  const assembly = app.synth();
  const pipeline = Template.fromJSON(assembly.getStackByName('NotesPipeline').template);
  const [{ Stages }] = Object.values(pipeline.findResources('AWS::CodePipeline::Pipeline')).map(it => it['Properties']) as [any];
  expect(Stages.map((it: { Name: string }) => it.Name)).toEqual([
    'Source',
    'Build',
    'UpdatePipeline',
    'Assets',
    'Development',
    'Production',
  ]);
  expect(Stages.at(-1).Actions.map((it: { Name: string }) => it.Name)[0]).toBe('Approve');
  const stages = ['Development', 'Production'].map(id => assembly.getNestedAssembly(`assembly-NotesPipeline-${id}`).stacks[0]!);
  expect(stages.map(it => it.environment.account)).toEqual(['111111111111', '222222222222']);
  const [development, production] = stages.map(it => it.template as { Resources: Record<string, { Type: string; Properties: any }> });
  const codeOf = (template: typeof development) =>
    Object.values(template!.Resources).find(it => it.Type === 'AWS::Lambda::Function' && it.Properties.Handler === 'bootstrap')!
      .Properties.Code.S3Key;
  expect(codeOf(development)).toBe(codeOf(production));
  const groups = [development, production].map(
    it => Object.values(it!.Resources).filter(({ Type }) => Type === 'AWS::CodeDeploy::DeploymentGroup').length,
  );
  expect(groups).toEqual([0, 1]);
});

it('is named in the documentation', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/deploy-safely.md'), 'utf8');
  expect(page).toContain('tests/infra/pipeline/app.ts');
});
