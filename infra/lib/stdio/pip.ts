// pip of this machine, for wheels of another one.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '../private/validation';
import { lastLines, runTool, type ToolRun } from './tool';

/** The glibc of Amazon Linux 2023 is 2.34, and that of Amazon Linux 2, with Python up to 3.11, is 2.26. */
const NEWEST_GLIBC = 34;
const NEWEST_GLIBC_OF_AMAZON_LINUX_2 = 26;
const OLDEST_GLIBC = 17;

/** A package of a lock file. */
export interface Locked {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of its wheels. */
  readonly hashes: string[];
}

interface Report {
  readonly install: {
    readonly metadata: { readonly name: string; readonly version: string };
    readonly download_info: { readonly archive_info?: { readonly hashes?: { readonly sha256?: string } } };
  }[];
}

export class Pip {
  /** Whether the Python has the version of the one on Lambda, so that it can compile modules for that. */
  public readonly canCompile: boolean;
  private readonly python: string;

  public constructor(
    public readonly version: string,
    python: string | undefined,
  ) {
    const found = find(python === undefined ? [`python${version}`, 'python3', 'python'] : [python]);
    if (!found) {
      const rule = 'needs Python with pip to be bundled, and there is none on PATH';
      fail('program', python ?? `python${version}`, rule, `install Python ${version}, or set 'python' to its path`);
    }
    this.python = found.command;
    this.canCompile = found.version === version;
  }

  /** The packages that the requirements need, in the versions that are the newest now. */
  public resolve(requirements: string[], architecture: string): Locked[] {
    const { run, locked } = this.report(requirements, architecture);
    return locked ?? this.explain(run, requirements[0] ?? '', architecture);
  }

  public tryResolve(requirements: string[], architecture: string): Locked[] | undefined {
    return this.report(requirements, architecture).locked;
  }

  /** Installs the packages of a lock file into a folder. */
  public install(lockFile: string, architecture: string, folder: string, temporary: string): void {
    const exact = ['--no-deps', '--require-hashes', '--no-compile', '--requirement', lockFile];
    const target = [...this.platform(architecture), '--target', folder];
    const run = this.pip(['install', '--quiet', ...target, ...exact], temporary);
    if (!run.ok) this.explain(run, lockFile, architecture);
  }

  /** Compiles the modules of a folder, which is at `path` on Lambda: files are read-only there. */
  public compile(folder: string, path: string): void {
    if (!this.canCompile) return;
    const unchecked = ['--invalidation-mode', 'unchecked-hash'];
    // A package may have files that are no Python of this version, such as templates: those stay as they are.
    runTool(this.python, ['-m', 'compileall', '-q', ...unchecked, '-s', folder, '-p', path, folder], folder);
  }

  private report(requirements: string[], architecture: string): { run: ToolRun; locked?: Locked[] } {
    const folder = mkdtempSync(join(tmpdir(), 'mcp-pip-'));
    try {
      const file = join(folder, 'report.json');
      const dry = ['--dry-run', '--ignore-installed', '--quiet', '--report', file, '--target', join(folder, 'target')];
      const run = this.pip(['install', ...dry, ...this.platform(architecture), ...requirements], folder);
      return run.ok ? { run, locked: read(file) } : { run };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private platform(architecture: string): string[] {
    const amazonLinux2 = Number(this.version.split('.')[1]) < 12;
    const newest = amazonLinux2 ? NEWEST_GLIBC_OF_AMAZON_LINUX_2 : NEWEST_GLIBC;
    const tags = Array.from({ length: newest - OLDEST_GLIBC + 1 }, (_, at) => `manylinux_2_${newest - at}`);
    const platforms = [...tags, 'manylinux2014'].flatMap(tag => ['--platform', `${tag}_${architecture}`]);
    return ['--only-binary=:all:', '--implementation', 'cp', '--python-version', this.version, ...platforms];
  }

  private pip(args: string[], cwd: string): ToolRun {
    const flags = ['--disable-pip-version-check', '--no-input', '--no-python-version-warning'];
    const run = runTool(this.python, ['-m', 'pip', ...flags, ...args], cwd);
    return run ?? { ok: false, stdout: '', stderr: `${this.python} is no longer there` };
  }

  private explain(run: ToolRun, wanted: string, architecture: string): never {
    const missing = /No matching distribution found for ([^\s(;]+)/.exec(run.stderr)?.[1];
    if (missing !== undefined) this.explainMissing(missing, architecture);
    if (/do not match the hashes|THESE PACKAGES DO NOT MATCH|Hashes are required/i.test(run.stderr)) {
      const rule = `cannot be bundled: a wheel for Linux on ${architecture} has another hash than the lock file`;
      fail('program', wanted, rule, 'delete the lock file and synthesise again, if you trust the change');
    }
    if (/no such option/.test(run.stderr)) {
      fail('program', wanted, 'needs pip 22.2 or newer to be bundled', `run '${this.python} -m pip install --upgrade pip'`);
    }
    const rule = `cannot be bundled, pip failed: ${lastLines(run)}`;
    return fail('program', wanted, rule, 'correct what pip reports, and synthesise again');
  }

  /** pip has one message for an unknown package, an unknown version, and a package without a wheel. */
  private explainMissing(missing: string, architecture: string): never {
    const name = missing.split(/[=<>!~[]/)[0] ?? missing;
    const { stdout, stderr } = this.pip(['index', 'versions', name, '-vv'], tmpdir());
    // Files of the package: those for other platforms are in the lines that pip skips.
    const file = new RegExp(`(Found|Skipping) link.*/${name.replace(/[-_.]+/g, '[-_.]+')}-\\d`, 'i');
    const files = `${stdout}\n${stderr}`.split('\n').filter(line => file.test(line));
    if (files.length === 0) {
      fail('program', missing, 'cannot be bundled: the index has no such package', 'correct its name');
    }
    const exact = /==([^,;\s]+)/.exec(missing)?.[1];
    if (exact !== undefined && !files.some(line => line.includes(`-${exact}-`) || line.includes(`-${exact}.`))) {
      fail('program', missing, 'cannot be bundled: the index has no such version', 'correct the version');
    }
    const rule = `cannot be bundled: it has no wheel for Python ${this.version} on Linux (${architecture}), and nothing is compiled`;
    return fail('program', missing, rule, 'use another version or architecture, or McpStdioProgram.containerImage()');
  }
}

/** The first of the commands that is a Python with pip, and its version. */
function find(commands: string[]): { command: string; version: string } | undefined {
  for (const command of commands) {
    const code = 'import sys, pip; print(f"{sys.version_info.major}.{sys.version_info.minor}")';
    const run = runTool(command, ['-c', code], tmpdir());
    if (run?.ok) return { command, version: run.stdout.trim() };
  }
  return undefined;
}

function read(file: string): Locked[] {
  const { install } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  return install
    .map(({ metadata: { name, version }, download_info }) => ({
      name,
      version,
      hashes: [download_info.archive_info?.hashes?.sha256 ?? ''],
    }))
    .sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
}
