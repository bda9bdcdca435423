import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { McpLambdaServer } from '../mcp-lambda-server';
import type { McpLambdaServerProps } from '../mcp-lambda-server-props';
import { ENVIRONMENT, type Variables } from '../private/environment';
import { checkAll, checkEach, fail } from '../private/validation';
import { ServerFunction } from '../server-function';
import { checkBinary } from './binary';
import type { StdioParts } from './part';
import { STDIO_CONTRACT } from './program-contract';
import { IDLE, StdioCode } from './stdio-code';
import type { McpStdioServerProps } from './stdio-server-props';
import { isManaged } from './target';

/** A process of Node.js or Python needs 70 MB, and starts fast with the CPU that comes with 1 GB. */
const MEMORY = 1024;

/** Variables of the binary mcp-lambda-stdio, beside those of every server. */
const { childPer: CHILD_PER, config: CONFIG, execWrapper: WRAPPER } = STDIO_CONTRACT.variables;

const OF_CONSTRUCT = new Set<string>([CHILD_PER, CONFIG, ...Object.values(ENVIRONMENT).map(({ name }) => name)]);

/** Lambda starts this program in place of a managed runtime: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html */
const EXEC_WRAPPER = { [WRAPPER]: '/var/task/bootstrap' };

/**
 * Any MCP server that speaks over stdio, on AWS Lambda: its process stays between requests, and clients reach it through
 * the endpoint of an `McpLambdaServer`, with its authentication, sessions, events and limits.
 *
 * ```ts
 * new McpStdioServer(this, 'Time', { program: McpStdioProgram.pypi('mcp-server-time', '2026.10.19') });
 * ```
 *
 * Defaults are those of `McpLambdaServer`, except for `memorySize`, which is 1024.
 *
 * @stateful
 */
export class McpStdioServer extends McpLambdaServer {
  public constructor(scope: Construct, id: string, props: McpStdioServerProps) {
    super(scope, id, serverProps(props));
    for (const [name, value] of Object.entries(childVariables(props))) this.function.addEnvironment(name, value);
    if (props.program._parts() === undefined) return;
    const authorizer = this.node.tryFindChild('Authorizer');
    this.ingestFunction?.addEnvironment(CONFIG, IDLE);
    this.login?.function.addEnvironment(CONFIG, IDLE);
    if (authorizer instanceof ServerFunction) authorizer.function.addEnvironment(CONFIG, IDLE);
  }
}

/** The properties of the server that runs the program. */
export function serverProps(props: McpStdioServerProps): McpLambdaServerProps {
  checkStdioProps(props);
  const { program, childPer: _, binary, ...options } = props;
  const architecture = props.architecture ?? lambda.Architecture.ARM_64;
  const parts = program._parts();
  if (!parts) return { memorySize: MEMORY, ...options, code: imageOf(props, architecture) };
  const runtime = runtimeOf(parts);
  return {
    memorySize: MEMORY,
    ...options,
    environment: { ...options.environment, ...(isManaged(runtime) && EXEC_WRAPPER) },
    code: new StdioCode({ parts, runtime, architecture, binary }),
  };
}

/** Fails for properties that cannot work, before anything is bundled. */
export function checkStdioProps(props: McpStdioServerProps): void {
  const isImage = props.program._parts() === undefined;
  checkAll(
    () => props.program._check(),
    () => !isImage && checkBinary(props.binary, props.architecture ?? lambda.Architecture.ARM_64),
    () => checkVariables(props),
    () => isImage && checkImage(props),
  );
}

function checkImage({ binary, layers }: McpStdioServerProps): void {
  const inImage = 'does not apply to a container image';
  checkAll(
    () => binary !== undefined && fail('binary', binary, `${inImage}, which contains the program`, 'leave it out'),
    () => layers && fail('layers', layers.length, inImage, 'copy their files into the image'),
  );
}

function checkVariables(props: McpStdioServerProps): void {
  const wrapper = props.environment?.[WRAPPER];
  if (wrapper !== undefined) {
    const rule = 'is set by the construct, whose program starts in place of the runtime';
    fail(`environment.${WRAPPER}`, wrapper, rule, 'leave it out');
  }
  for (const [name, property] of [[CHILD_PER, 'childPer'], [CONFIG, 'program']] as const) {
    if (props.environment?.[name] === undefined) continue;
    fail(`environment.${name}`, name, 'is set by the construct', `use '${property}'`);
  }
  const values = new Map<string, unknown>(Object.entries(props.environment ?? {}));
  const ofParts = Object.values(props.program._parts() ?? {}).flatMap(({ options }) =>
    [...Object.entries(options.environment ?? {}), ...Object.entries(options.secretEnvironment ?? {})],
  );
  checkEach(ofParts, ([name, value]) => {
    if (!/^[A-Za-z][A-Za-z0-9_]+$/.test(name)) {
      const rule = 'must be two or more letters, digits and _ that begin with a letter';
      fail(`program.environment.${name}`, name, rule, 'rename it');
    }
    if (OF_CONSTRUCT.has(name)) {
      fail(`program.environment.${name}`, name, 'is set by the construct in the function', 'rename it');
    }
    if (values.has(name) && values.get(name) !== value) {
      const rule = 'has two values, and all programs of a function share its environment';
      fail(`program.environment.${name}`, name, rule, 'give it one value, or make a server of each program');
    }
    values.set(name, value);
  });
}

function imageOf({ program }: McpStdioServerProps, architecture: lambda.Architecture): lambda.Code {
  return program._image(architecture) ?? fail('program', program, 'must be one of McpStdioProgram', 'use its methods');
}

/** The managed runtime that one of the parts needs, or the OS-only one. */
function runtimeOf(parts: StdioParts): lambda.Runtime {
  const runtimes = Object.values(parts).map(({ runtime }) => runtime);
  return runtimes.find(isManaged) ?? lambda.Runtime.PROVIDED_AL2023;
}

/** Variables of the function that serves requests: only its programs get them. */
function childVariables({ program, childPer }: McpStdioServerProps): Variables {
  const ofPrograms = Object.values(program._parts() ?? {}).map(({ options }) => ({
    ...options.environment,
    ...Object.fromEntries(
      Object.entries(options.secretEnvironment ?? {}).map(([name, secret]) => [name, secret.secretValue.unsafeUnwrap()]),
    ),
  }));
  return Object.assign({}, ...ofPrograms, childPer && { [CHILD_PER]: childPer }) as Variables;
}
