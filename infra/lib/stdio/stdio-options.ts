import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';

/**
 * Which callers share a child process.
 */
export enum McpChildPer {
  /**
   * One child per server and environment, for all callers. What one caller makes the child remember, another may see.
   */
  SERVER = 'server',

  /**
   * One child per MCP session.
   */
  SESSION = 'session',

  /**
   * One child per authenticated caller.
   */
  PRINCIPAL = 'principal',

  /**
   * One child per request: nothing is kept, and each request waits for the start of the child.
   */
  INVOCATION = 'invocation',
}

/**
 * Options of every stdio program.
 */
export interface McpStdioProgramOptions {
  /**
   * Arguments of the program.
   *
   * @default - none
   */
  readonly args?: string[];

  /**
   * Environment variables of the program. It gets these, and those that every program on Lambda needs: not the other
   * variables of the function.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * Environment variables of the program with the value of a secret, such as an API token. CloudFormation sets the value
   * in the function's environment at deployment: a principal with permission to read the function's configuration can
   * read it.
   *
   * @default - none
   */
  readonly secretEnvironment?: { [name: string]: secretsmanager.ISecret };
}

/**
 * Options of a program that is bundled at synthesis, with its dependencies.
 */
export interface McpBundledProgramOptions extends McpStdioProgramOptions {
  /**
   * The folder of your project with the lock file of the package and its dependencies. It is created if there is none,
   * and belongs in version control.
   *
   * @default - `mcp-servers/<name of the package>`
   */
  readonly lockFolder?: string;

  /**
   * The runtime with the interpreter of the program. With `lambda.Runtime.PROVIDED_AL2023` a layer has to put `node` or
   * `python3` on the PATH.
   *
   * @default - lambda.Runtime.NODEJS_24_X for npm, lambda.Runtime.PYTHON_3_13 for PyPI
   */
  readonly runtime?: lambda.Runtime;
}

/**
 * Options of a package from npm.
 */
export interface McpNpmProgramOptions extends McpBundledProgramOptions {
  /**
   * The command of the package.
   *
   * @default - its only command, or the one with the name of the package
   */
  readonly bin?: string;

  /**
   * Packages that work without their install scripts. No script runs at installation: a package that has one, and is not
   * in this list, is an error.
   *
   * @default - none
   */
  readonly ignoredInstallScripts?: string[];
}

/**
 * Options of a package from PyPI.
 */
export interface McpPypiProgramOptions extends McpBundledProgramOptions {
  /**
   * The console script of the package.
   *
   * @default - its only script, or the one with the name of the package
   */
  readonly script?: string;

  /**
   * More requirements, such as `mcp<2` for a package that does not work with a newer dependency.
   *
   * @default - none
   */
  readonly requirements?: string[];

  /**
   * The Python on this machine that has pip. One of the runtime's version also compiles the modules, without which the
   * program starts half a second later. With an OS-only runtime its name, such as `python3.12`, is the version on Lambda.
   *
   * @default - the one on PATH with the version of the runtime, else `python3`
   */
  readonly python?: string;
}

/**
 * Options of a program of your own.
 */
export interface McpCommandProgramOptions extends McpStdioProgramOptions {
  /**
   * The runtime that has the interpreter of the program.
   *
   * @default lambda.Runtime.PROVIDED_AL2023, which has none: for a program of machine code
   */
  readonly runtime?: lambda.Runtime;
}
