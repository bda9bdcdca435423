// A package of PyPI: a lock file with hashes is kept in the user's project, and pip installs exactly these wheels.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix, resolve } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { checkAll, fail } from '../private/validation';
import type { PreparedPart, StdioEntry, StdioPart } from './part';
import { LAUNCHER, clean, consoleScript, launcher } from './python-files';
import { Pip, type Locked } from './pip';
import type { McpPypiProgramOptions } from './stdio-options';
import { namesOf } from './target';

const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const EXACT_VERSION = /^\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?$/;
const OTHER = { aarch64: 'x86_64', x86_64: 'aarch64' } as const;

export class PypiPart implements StdioPart {
  public readonly runtime: lambda.Runtime;
  private readonly lockFolder: string;

  public constructor(
    private readonly packageName: string,
    private readonly version: string,
    public readonly options: McpPypiProgramOptions,
  ) {
    this.runtime = options.runtime ?? lambda.Runtime.PYTHON_3_13;
    this.lockFolder = resolve(options.lockFolder ?? join('mcp-servers', packageName.toLowerCase()));
  }

  public check(): void {
    checkAll(
      () => {
        if (NAME.test(this.packageName)) return;
        fail('program', this.packageName, 'must be the name of a package on PyPI', "write it as in 'pip install'");
      },
      () => {
        if (EXACT_VERSION.test(this.version)) return;
        const rule = `needs an exact version of ${this.packageName}, so that each deployment has the same one`;
        fail('program', this.version, rule, "write all of it, such as '1.2.3'");
      },
    );
  }

  public prepare(architecture: lambda.Architecture): PreparedPart {
    const pip = new Pip(this.pythonVersion(), this.options.python);
    const wheel = namesOf(architecture).wheel as keyof typeof OTHER;
    const { text: lock, newLock } = this.lock(pip, wheel);
    const { args, script } = this.options;
    const compiles = pip.canCompile;
    const slow = `no Python ${pip.version} was found on this machine: ${this.packageName} is bundled without compiled modules and starts about half a second later`;
    return {
      key: JSON.stringify(['pypi', wheel, pip.version, compiles, this.packageName, script, args, lock]),
      warnings: compiles ? [] : [slow],
      newLock,
      install: (folder, path) => this.install(pip, wheel, folder, path),
    };
  }

  /** The version of Python on Lambda, such as `3.13`. With an OS-only runtime it is that of the newest runtime here. */
  private pythonVersion(): string {
    const { family, name } = this.runtime;
    if (family === lambda.RuntimeFamily.PYTHON) return name.replace('python', '');
    return (this.options.python && /(\d\.\d+)$/.exec(this.options.python)?.[1]) || '3.13';
  }

  /** The text of the lock file, which is written if there is none for these requirements. */
  private lock(pip: Pip, wheel: keyof typeof OTHER): { text: string; newLock?: string } {
    const file = join(this.lockFolder, 'requirements.txt');
    if (existsSync(file)) {
      const text = readFileSync(file, 'utf8');
      if ([wheel, 'aarch64, x86_64'].some(it => text.startsWith(this.title(pip, it)))) return { text };
    }
    const [locked, architectures] = this.resolve(pip, wheel);
    const lines = locked.map(({ name, version, hashes }) =>
      [`${name}==${version}`, ...hashes.map(hash => `    --hash=sha256:${hash}`)].join(' \\\n'),
    );
    const notice = '# Delete this file to lock newer versions of the dependencies.';
    const text = `${this.title(pip, architectures)}\n${notice}\n${lines.join('\n')}\n`;
    mkdirSync(this.lockFolder, { recursive: true });
    writeFileSync(file, text);
    return { text, newLock: file };
  }

  private title(pip: Pip, architectures: string): string {
    return `# ${this.requirements().join(' ')}: for Python ${pip.version} on Linux (${architectures}), by mcp-lambda-server`;
  }

  private requirements(): string[] {
    return [`${this.packageName}==${this.version}`, ...(this.options.requirements ?? [])];
  }

  /** The packages for both architectures where their versions are the same, else for the one that is needed. */
  private resolve(pip: Pip, wheel: keyof typeof OTHER): [Locked[], string] {
    const locked = pip.resolve(this.requirements(), wheel);
    const other = pip.tryResolve(this.requirements(), OTHER[wheel]);
    const versions = (packages: Locked[]) => packages.map(({ name, version }) => `${name}==${version}`).join();
    if (!other || versions(other) !== versions(locked)) return [locked, wheel];
    const both = locked.map((it, at) => ({ ...it, hashes: [...new Set([...it.hashes, ...(other[at]?.hashes ?? [])])].sort() }));
    return [both, 'aarch64, x86_64'];
  }

  private install(pip: Pip, wheel: string, folder: string, path: string): StdioEntry {
    const packages = join(folder, 'python');
    const temporary = mkdtempSync(join(tmpdir(), 'mcp-pip-'));
    try {
      pip.install(join(this.lockFolder, 'requirements.txt'), wheel, packages, temporary);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
    const script = consoleScript(packages, this.packageName, this.options.script);
    clean(packages);
    writeFileSync(join(folder, LAUNCHER), launcher(script));
    pip.compile(folder, path);
    return { command: 'python3', args: [posix.join(path, LAUNCHER), ...(this.options.args ?? [])], cwd: '/tmp' };
  }
}
