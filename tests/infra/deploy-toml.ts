// Files in the form of deploy.toml: what is wrong with them, and what they deploy.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { readDeployConfig } from '../../infra/bin/deploy-toml/read.ts';
import { createServer } from '../../infra/bin/deploy-toml/server.ts';
import { root } from './synth.ts';

export const example = readFileSync(join(root, 'deploy.example.toml'), 'utf8');
export const code = `[server]\ncode = "program"\n`;

/** What is wrong, with the positions. */
export function placed(text: string, context: Record<string, unknown> = {}): string[] {
  try {
    const file = readDeployConfig(text, 'deploy.toml', context);
    const stack = new Stack(new App({ context: { 'aws:cdk:bundling-stacks': [] } }), 'Test');
    createServer(stack, file, import.meta.dirname);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

/** What is wrong, without the positions. */
export function problems(text: string, context: Record<string, unknown> = {}): string[] {
  return placed(text, context).map(line => line.replace(/^deploy\.toml(:\d+:\d+)?: /, ''));
}

export function template(text: string, context: Record<string, unknown> = {}): Template {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Test');
  createServer(stack, readDeployConfig(text, 'deploy.toml', context), import.meta.dirname);
  return Template.fromStack(stack);
}
