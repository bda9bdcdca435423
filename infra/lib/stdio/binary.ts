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

/** The file of the binary, and a text that differs where its content does. */
export interface StdioBinary {
  readonly file: string;
  readonly digest: string;
}

export function checkBinary(given: string | undefined): void {
  if (given === undefined) {
    manifest();
    return;
  }
  if (existsSync(given) && statSync(given).isFile()) return;
  const rule = `must be the path of a built ${BINARY}`;
  fail('binary', given, rule, 'the path is relative to the folder in which the app is synthesised');
}

/** The binary: the one that is given, or one that cargo-lambda builds from this repository. */
export function findBinary(given: string | undefined, architecture: lambda.Architecture): StdioBinary {
  const file = given === undefined ? build(architecture) : resolve(given);
  checkMachineCode('binary', file, architecture);
  return { file, digest: createHash('sha256').update(readFileSync(file)).digest('hex') };
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
  const target = [cpu === 'arm64' ? '--arm64' : '--x86-64', ...targetFlags(architecture), '--locked', '--release'];
  const args = ['lambda', 'build', ...target, '--manifest-path', manifest(), '--bin', BINARY, '--lambda-dir', folder];
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

/** The manifest of the binary. This file is in `infra/lib/stdio`, compiled in `infra/dist/stdio`. */
function manifest(): string {
  const file = join(__dirname, '..', '..', '..', 'runtime', 'stdio-server', 'Cargo.toml');
  if (existsSync(file)) return file;
  const rule = 'has no default outside the repository of this construct, which has its source';
  return fail('binary', undefined, rule, `set it to the path of a built ${BINARY}`);
}
