// One construct in one stack, synthesised without building anything.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { App, Stack, type Environment } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { McpLambdaServer, type McpLambdaServerProps } from '../../infra/lib/index.ts';

export const root = join(import.meta.dirname, '..', '..');

/** A program that is already built. */
export const program = () => lambda.Code.fromAsset(join(import.meta.dirname, 'program'));

export interface Synthesised {
  readonly app: App;
  readonly stack: Stack;
  readonly server: McpLambdaServer;
  readonly template: Template;
}

export interface Options {
  readonly flags?: Record<string, unknown>;
  readonly env?: Environment;
  /** Leaves out the code, so that the construct builds the program. */
  readonly noProgram?: boolean;
  /** What a user adds to the server. */
  readonly also?: (server: McpLambdaServer, stack: Stack) => void;
}

type Make = (stack: Stack) => McpLambdaServerProps;

/** A stack with one server called `Mcp`. */
export function construct(props: McpLambdaServerProps | Make = {}, { flags, env, noProgram, also }: Options = {}) {
  // The CDK's own validation costs time here: app.test.ts runs cfn-lint.
  const app = new App({ context: { ...flags, 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test', env && { env });
  const given = typeof props === 'function' ? props(stack) : props;
  const built = !noProgram && given.manifestPath === undefined && !given.function;
  const server = new McpLambdaServer(stack, 'Mcp', { ...(built && { code: program() }), ...given });
  also?.(server, stack);
  return { app, stack, server };
}

export function synth(props: McpLambdaServerProps | Make = {}, options: Options = {}): Synthesised {
  const synthesised = construct(props, options);
  return { ...synthesised, template: Template.fromStack(synthesised.stack) };
}

/** Every flag as `cdk init` sets it for new projects. */
export function recommendedFlags(): Record<string, unknown> {
  const path = createRequire(import.meta.url).resolve('aws-cdk-lib/recommended-feature-flags.json');
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

export type Resource = { Type: string; Properties?: any; DependsOn?: string[]; DeletionPolicy?: string };

/** The only resource of a type with a logical id that begins with `prefix`. */
export function one(template: Template, type: string, prefix = ''): Resource & { id: string } {
  const found = Object.entries(template.findResources(type)).filter(([id]) => id.startsWith(prefix));
  if (found.length !== 1)
    throw new Error(`${found.length} of ${type} ${prefix}: ${found.map(([id]) => id).join(', ')}`);
  const [id, resource] = found[0]!;
  return { id, ...(resource as Resource) };
}

/** The names of all alarms, as docs/operate.md has them. */
export const namesOf = ({ template }: Synthesised) =>
  ['Alarm', 'CompositeAlarm'].flatMap(type =>
    Object.keys(template.findResources(`AWS::CloudWatch::${type}`)).map(id =>
      id.replace(/^McpMonitoring|[0-9A-F]{8}$/g, ''),
    ),
  );

/** The environment variables of a function, by the beginning of its logical id. */
export function environmentOf(template: Template, id = 'McpServer'): Record<string, unknown> {
  const all = one(template, 'AWS::Lambda::Function', id).Properties.Environment?.Variables ?? {};
  // defaults.test.ts has what every function gets.
  const { MALLOC_TRIM_THRESHOLD_: _, ...own } = all;
  return own;
}

/** The statements of a policy, by the beginning of its logical id. */
export function statementsOf(template: Template, id = 'McpServer'): unknown[] {
  return one(template, 'AWS::IAM::Policy', id).Properties.PolicyDocument.Statement;
}

/** The message with which the call fails, without the numbers of tokens. */
export function failureOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message.replace(/\$\{Token\[[^\]]*\]\}/g, '${Token[...]}');
  }
  return 'it did not fail';
}

/** The expression of a rate, as CloudWatch evaluates it for one minute. */
export function percentOf(expression: string, part: number, whole: number): number {
  const code = expression.replaceAll('IF(', 'choose(');
  const choose = (is: boolean, then: number, otherwise: number) => (is ? then : otherwise);
  return new Function('choose', 'part', 'whole', `return ${code}`)(choose, part, whole) as number;
}
