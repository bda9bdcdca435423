// The asset of a program: the binary, mcp-stdio.json, and a folder for each server.
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Annotations, DockerImage, Stack, type ILocalBundling } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { CodeWithRuntime } from '../program';
import { addWarning } from '../private/findings';
import { fail } from '../private/validation';
import { findBinary, type StdioBinary } from './binary';
import type { PreparedPart, StdioParts } from './part';
import { STDIO_CONTRACT } from './program-contract';

/** To be raised when the files of the same packages change. */
const FORMAT = 1;

/** The size of a function's unzipped code: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_BYTES = 250 * 1024 * 1024;

/** Of Lambda, where the asset is unzipped. The runtime replaces it in the texts of mcp-stdio.json. */
const TASK_ROOT = `\${${STDIO_CONTRACT.variables.taskRoot}}`;

/**
 * The file for functions that serve no requests: they start no server, and have none of its variables. A function starts
 * in the folder of its code.
 */
export const IDLE = 'mcp-stdio-idle.json';

/** What is needed to make the asset. */
export interface StdioCodeProps {
  readonly parts: StdioParts;
  readonly runtime: lambda.Runtime;
  readonly architecture: lambda.Architecture;
  /** The path of a built binary. */
  readonly binary?: string | undefined;
}

export class StdioCode extends CodeWithRuntime {
  public readonly runtime: lambda.Runtime;
  private asset?: lambda.AssetCode;
  private failure: unknown;

  public constructor(private readonly props: StdioCodeProps) {
    super();
    this.runtime = props.runtime;
  }

  /** All functions of the server have one asset. */
  public bind(scope: Construct): lambda.CodeConfig {
    this.asset ??= this.createAsset(scope);
    try {
      return this.asset.bind(scope);
    } catch (error) {
      // The CDK wraps an error of the bundling. The message of that one is complete.
      throw this.failure ?? error;
    }
  }

  public override bindToResource(...args: Parameters<lambda.Code['bindToResource']>): void {
    this.asset?.bindToResource(...args);
  }

  private createAsset(scope: Construct): lambda.AssetCode {
    const { architecture } = this.props;
    if (!Stack.of(scope).bundlingRequired) return this.fromFolder('not-bundled', { tryBundle: () => true });
    const binary = findBinary(this.props.binary, architecture);
    const prepared = Object.entries(this.props.parts).map(([name, part]) => [name, part.prepare(architecture)] as const);
    for (const [name, { warnings, newLock }] of prepared) {
      for (const warning of warnings) addWarning(scope, `stdio-bundle-${name}`, warning);
      if (newLock === undefined) continue;
      Annotations.of(scope).addInfo(`${newLock} is new: commit it, so that each deployment has the same packages`);
    }
    const hash = this.hashOf(binary, prepared);
    return this.fromFolder(hash, { tryBundle: folder => this.bundle(folder, binary, prepared) });
  }

  /** The asset is made at most once per hash: the CDK uses the folder of a former synthesis. */
  private fromFolder(assetHash: string, local: ILocalBundling): lambda.AssetCode {
    const image = DockerImage.fromRegistry('none');
    // The source is not read. It has to be a folder that exists.
    return lambda.Code.fromAsset(__dirname, { assetHash, bundling: { image, local } });
  }

  private hashOf({ digest }: StdioBinary, prepared: readonly (readonly [string, PreparedPart])[]): string {
    const keys = prepared.map(([name, { key }]) => [name, key, Object.keys(this.variablesOf(name)).sort()]);
    const text = JSON.stringify([FORMAT, this.runtime.name, digest, keys]);
    return createHash('sha256').update(text).digest('hex');
  }

  private bundle(folder: string, binary: StdioBinary, prepared: readonly (readonly [string, PreparedPart])[]): boolean {
    try {
      const entries = prepared.map(([name, part]) => {
        const place = join('servers', name);
        mkdirSync(join(folder, place), { recursive: true });
        return [name, part.install(join(folder, place), `${TASK_ROOT}/servers/${name}`)] as const;
      });
      const served = entries.map(([name, entry]) => [name, { ...entry, env: this.variablesOf(name) }]);
      writeConfig(folder, STDIO_CONTRACT.file, Object.fromEntries(served));
      const idle = entries.map(([name, entry]) => [name, { ...entry, start: STDIO_CONTRACT.start }]);
      writeConfig(folder, IDLE, Object.fromEntries(idle));
      copyFileSync(binary.file, join(folder, 'bootstrap'));
      chmodSync(join(folder, 'bootstrap'), 0o755);
      checkSize(folder);
      return true;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  /** The variables of a server: the function's environment has their values, which may be known at deployment only. */
  private variablesOf(name: string): { [variable: string]: string } {
    const { environment = {}, secretEnvironment = {} } = this.props.parts[name]?.options ?? {};
    const names = [...Object.keys(environment), ...Object.keys(secretEnvironment)];
    return Object.fromEntries(names.map(variable => [variable, `\${${variable}}`]));
  }
}

function writeConfig(folder: string, name: string, servers: object): void {
  writeFileSync(join(folder, name), `${JSON.stringify({ [STDIO_CONTRACT.servers]: servers }, undefined, 2)}\n`);
}

function checkSize(folder: string): void {
  const bytes = sizeOf(folder);
  if (bytes <= MAX_BYTES) return;
  const rule = 'must be at most 250 MB, which is the limit of Lambda for unzipped code';
  const wayOut = 'use McpStdioProgram.containerImage(), which may have 10 GB';
  fail('program', `${Math.ceil(bytes / 1024 / 1024)} MB`, rule, wayOut);
}

function sizeOf(path: string): number {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
