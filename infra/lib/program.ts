import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { prepareBuild } from './private/cargo-lambda';
import { RustFunction } from './private/rust-function';
import { sourceHash } from './private/source-hash';
import { fail } from './private/validation';

/**
 * The program that the functions run.
 */
export interface McpProgramOptions {
  /**
   * The Cargo.toml of your server, built with cargo-lambda at synthesis.
   *
   * @default - the reference server, if this construct is used in its own repository
   */
  readonly manifestPath?: string;

  /**
   * The binary to build. Required for a workspace, and for a package with several binaries.
   *
   * @default - the package's only binary
   */
  readonly binaryName?: string;

  /**
   * Flags of `cargo lambda build`, such as `--features`.
   *
   * @default - `--locked` if there is a Cargo.lock, and `--skip-target-check` where the target of the architecture is installed
   */
  readonly cargoLambdaFlags?: string[];

  /**
   * Files and folders that the build reads, beside the packages themselves and the packages that they depend on by a path. A
   * program is built and uploaded only if its sources, or the tools that build it, have changed.
   *
   * @default - none
   */
  readonly additionalSources?: string[];

  /**
   * A program that is already built: a directory or zip with an executable called `bootstrap`, or a container image
   * (`lambda.Code.fromAssetImage()` or `lambda.Code.fromEcrImage()`) with the program as its entry point.
   *
   * @default - built from `manifestPath`
   */
  readonly code?: lambda.Code;
}

/** The binary of the reference server. */
const REFERENCE_BINARY = 'mcp-lambda-reference';

/** Code that knows the runtime it needs. Other code is for an OS-only runtime, or is a container image. */
export abstract class CodeWithRuntime extends lambda.Code {
  public abstract readonly runtime: lambda.Runtime;
}

/** The runtime and the handler of a function with this code. */
function runtimeOf(code: lambda.Code): { runtime: lambda.Runtime; handler: string } {
  const isImage = code instanceof lambda.AssetImageCode || code instanceof lambda.EcrImageCode;
  if (isImage) return { runtime: lambda.Runtime.FROM_IMAGE, handler: lambda.Handler.FROM_IMAGE };
  const runtime = code instanceof CodeWithRuntime ? code.runtime : lambda.Runtime.PROVIDED_AL2023;
  return { runtime, handler: 'bootstrap' };
}

/**
 * A function that runs the program. Functions of one program share one asset, whether it is built here or elsewhere.
 */
export function createFunction(
  scope: Construct,
  program: McpProgramOptions,
  options: lambda.FunctionOptions,
): lambda.Function {
  if (program.code) {
    return new lambda.Function(scope, 'Resource', { ...options, ...runtimeOf(program.code), code: program.code });
  }
  const { manifestPath, binaryName } = source(program);
  const build = { manifestPath, architecture: options.architecture, cargoLambdaFlags: program.cargoLambdaFlags };
  const { cargoLambdaFlags, isLocal } = prepareBuild(scope, build);
  const sources = { manifestPath, binaryName, architecture: options.architecture, cargoLambdaFlags };
  const assetHash = isLocal ? sourceHash({ ...sources, additionalSources: program.additionalSources ?? [] }) : undefined;
  return new RustFunction(scope, 'Resource', {
    ...options,
    manifestPath,
    ...(binaryName !== undefined && { binaryName }),
    bundling: { cargoLambdaFlags, ...(assetHash !== undefined && { assetHash, assetHashType: AssetHashType.CUSTOM }) },
  });
}

function source({ manifestPath, binaryName }: McpProgramOptions): { manifestPath: string; binaryName?: string } {
  if (manifestPath === undefined) return { manifestPath: referenceManifest(), binaryName: REFERENCE_BINARY };
  if (!existsSync(manifestPath)) {
    const rule = 'must be the path of a Cargo.toml that exists';
    fail('manifestPath', manifestPath, rule, 'the path is relative to the folder in which the app is synthesised');
  }
  return { manifestPath, ...(binaryName !== undefined && { binaryName }) };
}

/** The manifest of the reference server. This file is in `infra/lib`, compiled in `infra/dist`. */
function referenceManifest(): string {
  const manifest = join(__dirname, '..', '..', 'runtime', 'reference', 'Cargo.toml');
  if (existsSync(manifest)) return manifest;
  const rule = 'has no default outside the repository of this construct, which has the reference server';
  const wayOut = "set 'manifestPath' to your server's Cargo.toml, or 'code' to a directory with a built bootstrap";
  return fail('manifestPath', undefined, rule, wayOut);
}
