import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { fail } from './validation';

/** What the build of a program needs to know. */
export interface Build {
  readonly manifestPath: string;
  readonly architecture: lambda.Architecture | undefined;
  /** Flags that the user of the construct has given. */
  readonly cargoLambdaFlags: string[] | undefined;
}

/** How a program is built. */
export interface PreparedBuild {
  readonly cargoLambdaFlags: string[];
  /** Whether it is built on this machine, now. */
  readonly isLocal: boolean;
}

/** A tool answers this quickly, or it does not work: Docker waits for a daemon that is not there. */
const ANSWERS_WITHIN_MS = 20_000;

/**
 * The flags of `cargo lambda build`. Fails in one sentence if the program cannot be built on this machine; without that,
 * the failure would be the stack trace of a process. A synthesis that builds nothing looks for no tools.
 */
export function prepareBuild(scope: Construct, build: Build): PreparedBuild {
  if (!Stack.of(scope).bundlingRequired) return { cargoLambdaFlags: build.cargoLambdaFlags ?? lockedFlag(build), isLocal: false };
  if (!findCargoLambda()) return { cargoLambdaFlags: checkDocker(build), isLocal: false };
  const flags = () => [...lockedFlag(build), ...targetFlags(build.architecture ?? lambda.Architecture.ARM_64)];
  return { cargoLambdaFlags: build.cargoLambdaFlags ?? flags(), isLocal: true };
}

/** The first build of a new project writes the lock file; later ones must not change it. */
function lockedFlag({ manifestPath }: Build): string[] {
  return aboveWith('Cargo.lock', dirname(resolve(manifestPath))) === undefined ? [] : ['--locked'];
}

/**
 * Whether `cargo lambda` works here. One in a virtual environment `.venv` of the folder, or of one above it, is put on
 * the PATH of this process, with the Zig that is beside it.
 */
export function findCargoLambda(): boolean {
  if (works('cargo', 'lambda', '--version')) return true;
  const folder = aboveWith(join('.venv', 'bin', 'cargo-lambda'));
  if (folder === undefined) return false;
  process.env['PATH'] = [join(folder, '.venv', 'bin'), process.env['PATH']].join(delimiter);
  return works('cargo', 'lambda', '--version');
}

/** The build runs in Docker where there is no cargo-lambda, for a package that needs no files beside its own folder. */
function checkDocker(build: Build): string[] {
  const { manifestPath, cargoLambdaFlags } = build;
  const wayOut =
    "run 'python3 -m venv .venv && .venv/bin/pip install cargo-lambda' in the folder of the app (and install Rust, https://rustup.rs), or give a program that is built already as 'code'";
  if (!works('docker', 'info')) {
    fail('manifestPath', manifestPath, 'needs cargo-lambda to be built, which is not found, nor is a running Docker', wayOut);
  }
  if (/\bworkspace\s*=\s*(true|")/.test(readFileSync(manifestPath, 'utf8'))) {
    const rule = 'needs cargo-lambda to be built, which is not found: Docker sees one folder, and this package is of a workspace';
    fail('manifestPath', manifestPath, rule, wayOut);
  }
  return cargoLambdaFlags ?? lockedFlag(build);
}

/**
 * cargo-lambda installs a missing target with rustup. It does not look for a target that is there without rustup, and
 * asks for one that is not there.
 */
export function targetFlags(architecture: lambda.Architecture): string[] {
  const target = architecture === lambda.Architecture.ARM_64 ? 'aarch64-unknown-linux-gnu' : 'x86_64-unknown-linux-gnu';
  if (existsSync(output('rustc', '--print', 'target-libdir', '--target', target))) return ['--skip-target-check'];
  if (works('rustup', '--version')) return [];
  const rule = `needs the Rust target ${target}, which is not installed, nor is rustup`;
  const other = architecture === lambda.Architecture.ARM_64 ? 'X86_64' : 'ARM_64';
  return fail('architecture', architecture.name, rule, `install the target, or use lambda.Architecture.${other}`);
}

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: ANSWERS_WITHIN_MS }).status === 0;
}

function output(command: string, ...args: string[]): string {
  return spawnSync(command, args, { encoding: 'utf8', timeout: ANSWERS_WITHIN_MS }).stdout?.trim() ?? '';
}

/** The nearest folder, from the given one up, that has the file. */
function aboveWith(path: string, from = resolve('.')): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, path))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
