// The binary mcp-lambda-stdio, which speaks HTTP and Lambda's events on one side and stdio on the other.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { findCargoLambda, targetFlags } from '../private/cargo-lambda';
import { fail } from '../private/validation';
import { checkMachineCode } from './command';
import { namesOf } from './target';
import { lastLines, runTool } from './tool';

const BINARY = 'mcp-lambda-stdio';

/** The manifest of the binary. This file is in `infra/lib/stdio`, compiled in `infra/dist/stdio`. */
const MANIFEST = join(__dirname, '..', '..', '..', 'runtime', 'stdio-server', 'Cargo.toml');

/** The file of the binary, and a text that differs where its content does. */
export interface StdioBinary {
  readonly file: string;
  readonly digest: string;
}

export function checkBinary(given: string | undefined, architecture: lambda.Architecture): void {
  if (given === undefined) {
    if (!existsSync(MANIFEST) && packaged(architecture) === undefined) failWithoutSource(architecture);
    return;
  }
  if (existsSync(given) && statSync(given).isFile()) return;
  const rule = `must be the path of a built ${BINARY}`;
  fail('binary', given, rule, 'the path is relative to the folder in which the app is synthesised');
}

/** The binary: the one that is given, or one that cargo-lambda builds in this repository, or that of an npm package. */
export function findBinary(given: string | undefined, architecture: lambda.Architecture): StdioBinary {
  const file = given === undefined ? defaultBinary(architecture) : resolve(given);
  checkMachineCode('binary', file, architecture);
  return { file, digest: createHash('sha256').update(readFileSync(file)).digest('hex') };
}

function defaultBinary(architecture: lambda.Architecture): string {
  if (existsSync(MANIFEST)) return build(architecture);
  return packaged(architecture) ?? failWithoutSource(architecture);
}

/** Builds once per process: cargo itself sees what has changed since. */
const built = new Map<string, string>();

function build(architecture: lambda.Architecture): string {
  const { npm: cpu } = namesOf(architecture);
  const known = built.get(cpu);
  if (known !== undefined) return known;
  if (!findCargoLambda()) {
    const wayOut = `run 'python3 -m venv .venv && .venv/bin/pip install cargo-lambda' in the folder of the app (and install Rust, https://rustup.rs), or set 'binary' to a built ${BINARY}`;
    fail('binary', undefined, 'needs cargo-lambda to be built, which is not found', wayOut);
  }
  const folder = mkdtempSync(join(tmpdir(), 'mcp-stdio-'));
  const target = [cpu === 'arm64' ? '--arm64' : '--x86-64', ...targetFlags(architecture), '--locked', '--profile', 'stdio'];
  const program = ['--manifest-path', MANIFEST, '--bin', BINARY, '--features', 'full'];
  const args = ['lambda', 'build', ...target, ...program, '--lambda-dir', folder];
  const run = runTool('cargo', args, process.cwd());
  if (!run?.ok) {
    const reason = run ? lastLines(run) : 'there is no cargo on PATH';
    const wayOut = `correct what it reports, or set 'binary' to a built ${BINARY}`;
    fail('binary', undefined, `could not be built with cargo-lambda: ${reason}`, wayOut);
  }
  const file = join(folder, BINARY, 'bootstrap');
  built.set(cpu, file);
  return file;
}

/** The npm package with the binary, which does not depend on the machine that synthesises. */
function packageOf(architecture: lambda.Architecture): string {
  return `@mcp-lambda/stdio-linux-${namesOf(architecture).npm}`;
}

/** The binary of the npm package, if the project has it. */
function packaged(architecture: lambda.Architecture): string | undefined {
  try {
    return require.resolve(`${packageOf(architecture)}/${BINARY}`, { paths: [process.cwd(), __dirname] });
  } catch {
    return undefined;
  }
}

function failWithoutSource(architecture: lambda.Architecture): never {
  const rule = 'has no default outside the repository of this construct, which has its source';
  const wayOut = `run 'npm install --save-dev ${packageOf(architecture)}', or set it to the path of a built ${BINARY}`;
  return fail('binary', undefined, rule, wayOut);
}
