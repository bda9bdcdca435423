// A package of npm: its lock file is kept in the user's project, and `npm ci` installs exactly that.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { checkAll, fail } from '../private/validation';
import type { PreparedPart, StdioEntry, StdioPart } from './part';
import type { McpNpmProgramOptions } from './stdio-options';
import { namesOf } from './target';
import { runTool, type ToolRun } from './tool';

const NAME = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const EXACT_VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/** No script of a package runs, and the lock file names no registry. */
const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--omit-lockfile-registry-resolved'];

interface LockFile {
  readonly packages?: { readonly [path: string]: { readonly version?: string; readonly hasInstallScript?: boolean } };
}

export class NpmPart implements StdioPart {
  public readonly runtime: lambda.Runtime;
  private readonly lockFolder: string;

  public constructor(
    private readonly packageName: string,
    private readonly version: string,
    public readonly options: McpNpmProgramOptions,
  ) {
    this.runtime = options.runtime ?? lambda.Runtime.NODEJS_24_X;
    this.lockFolder = resolve(options.lockFolder ?? join('mcp-servers', folderName(packageName)));
  }

  public check(): void {
    checkAll(
      () => {
        if (NAME.test(this.packageName)) return;
        fail('program', this.packageName, 'must be the name of an npm package', "write it as in 'npm install'");
      },
      () => {
        if (EXACT_VERSION.test(this.version)) return;
        const rule = `needs an exact version of ${this.packageName}, so that each deployment has the same one`;
        fail('program', this.version, rule, "write all of it, such as '1.2.3'");
      },
    );
  }

  public prepare(architecture: lambda.Architecture): PreparedPart {
    const file = join(this.lockFolder, 'package-lock.json');
    const isNew = this.lock();
    const lock = readFileSync(file, 'utf8');
    this.checkInstallScripts(JSON.parse(lock) as LockFile);
    const { npm } = namesOf(architecture);
    return {
      key: JSON.stringify(['npm', npm, this.packageName, this.options.bin, this.options.args, lock]),
      warnings: [],
      newLock: isNew ? file : undefined,
      install: (folder, path) => this.install(folder, path, npm),
    };
  }

  /** Writes the lock file if there is none for this version. Returns whether it did. */
  private lock(): boolean {
    const manifest = { private: true, dependencies: { [this.packageName]: this.version } };
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    const file = join(this.lockFolder, 'package.json');
    if (existsSync(file) && readFileSync(file, 'utf8') === text && this.isLocked()) return false;
    mkdirSync(this.lockFolder, { recursive: true });
    writeFileSync(file, text);
    this.withSettings(this.lockFolder, () => this.npm(['install', '--package-lock-only', ...FLAGS], this.lockFolder));
    return true;
  }

  private isLocked(): boolean {
    const file = join(this.lockFolder, 'package-lock.json');
    if (!existsSync(file)) return false;
    const { packages } = JSON.parse(readFileSync(file, 'utf8')) as LockFile;
    return packages?.[`node_modules/${this.packageName}`]?.version === this.version;
  }

  private checkInstallScripts({ packages = {} }: LockFile): void {
    const ignored = this.options.ignoredInstallScripts ?? [];
    const scripted = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
      .filter(name => !ignored.includes(name));
    if (scripted.length === 0) return;
    const rule = `cannot be bundled: install scripts do not run, since they may compile for this machine, and these packages have one`;
    const wayOut = "list them in 'ignoredInstallScripts' if the server works without, or use McpStdioProgram.containerImage()";
    fail('program', [...new Set(scripted)].join(', '), rule, wayOut);
  }

  private install(folder: string, path: string, cpu: string): StdioEntry {
    for (const name of ['package.json', 'package-lock.json']) {
      copyFileSync(join(this.lockFolder, name), join(folder, name));
    }
    const target = ['--omit=dev', '--bin-links=false', '--os=linux', `--cpu=${cpu}`, '--libc=glibc'];
    this.withSettings(folder, () => this.npm(['ci', ...target, ...FLAGS], folder));
    rmSync(join(folder, 'node_modules', '.package-lock.json'), { force: true });
    const script = posix.join(path, 'node_modules', this.packageName, this.binOf(folder));
    // Many servers write beside the place where they are started.
    return { command: 'node', args: [script, ...(this.options.args ?? [])], cwd: '/tmp' };
  }

  /**
   * npm reads the settings of a project, such as its registry, in the folder where it runs. They may have tokens, so that
   * the copy is deleted in any case.
   */
  private withSettings(folder: string, run: () => void): void {
    const copy = join(folder, '.npmrc');
    const given = [join(this.lockFolder, '.npmrc'), resolve('.npmrc')].find(file => existsSync(file));
    if (given === undefined || given === copy) {
      run();
      return;
    }
    copyFileSync(given, copy);
    try {
      run();
    } finally {
      rmSync(copy);
    }
  }

  private binOf(folder: string): string {
    const manifest = readFileSync(join(folder, 'node_modules', this.packageName, 'package.json'), 'utf8');
    const { bin } = JSON.parse(manifest) as { bin?: string | { [name: string]: string } };
    const unscoped = this.packageName.slice(this.packageName.indexOf('/') + 1);
    const bins = typeof bin === 'string' ? { [unscoped]: bin } : (bin ?? {});
    const names = Object.keys(bins);
    const name = this.options.bin ?? (names.length === 1 ? names[0] : unscoped);
    const file = name === undefined ? undefined : bins[name];
    if (file !== undefined) return file;
    if (names.length === 0) {
      const rule = `cannot be started: the package ${this.packageName} has no command`;
      fail('program', this.version, rule, 'use McpStdioProgram.command() with a program of your own');
    }
    const rule = `cannot be started: the package ${this.packageName} has no command of that name`;
    return fail('program', name, rule, `set 'bin' to one of ${names.join(', ')}`);
  }

  private npm(args: string[], cwd: string): void {
    const run = runTool('npm', args, cwd);
    if (!run) {
      fail('program', this.packageName, 'needs npm to be bundled, and there is none on PATH', 'install Node.js');
    }
    if (!run.ok) this.explain(run);
  }

  private explain(run: ToolRun): never {
    const wanted = `${this.packageName}@${this.version}`;
    const code = /npm (?:error|ERR!) code (\w+)/.exec(run.stderr)?.[1];
    switch (code) {
      case 'E404':
        return fail('program', wanted, 'cannot be bundled: the registry has no such package', 'correct its name');
      case 'ETARGET':
        return fail('program', wanted, 'cannot be bundled: the registry has no such version', 'correct the version');
      case 'EBADPLATFORM':
        return fail('program', wanted, 'cannot be bundled: it does not run on Linux', 'use another server');
      case 'EUSAGE':
        return fail('program', wanted, 'cannot be bundled: its lock file does not match', `delete ${this.lockFolder}`);
      default: {
        const rule = `cannot be bundled, npm failed: ${reasonOf(run)}`;
        return fail('program', wanted, rule, 'correct what npm reports, and synthesise again');
      }
    }
  }
}

/** The first lines of npm's error that say why. */
function reasonOf({ stderr }: ToolRun): string {
  const lines = stderr.split('\n').map(line => line.replace(/^npm (error|ERR!) ?/, '').trim());
  const reasons = lines.filter(line => line !== '' && !/^(code|errno|syscall) \S+$|^A complete log|^\/.*debug-0\.log$/.test(line));
  return reasons.slice(0, 2).join(' | ');
}

/** The name of a folder for a package: `@scope/name` is `scope-name`. */
function folderName(packageName: string): string {
  return packageName.replace(/^@/, '').replace('/', '-');
}
