// What is bundled for a package: its files, its lock file, and what cannot be bundled.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Annotations, Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { McpStdioProgram, McpStdioServer, type McpStdioServerProps } from '../../../infra/lib/index.ts';
import { STDIO_CONTRACT } from '../../../infra/lib/stdio/program-contract.ts';
import { failureOf, one } from '../synth.ts';
import { python, pythonRuntime, startRegistry, type Registry } from './registry.ts';

let registry: Registry;
let runtime: lambda.Runtime;
let binary: string;
let project: string;
let run = 0;

beforeAll(async () => {
  registry = await startRegistry();
  runtime = pythonRuntime();
  binary = join(registry.folder, 'binary');
  writeFileSync(binary, '#!/bin/sh\n');
});
afterAll(() => registry.stop());
beforeEach(() => {
  run += 1;
  project = join(registry.folder, `project-${run}`);
  mkdirSync(project);
});

const npm = (name: string, options = {}) =>
  McpStdioProgram.npm(name, '1.0.0', { lockFolder: join(project, 'npm'), ...options });
const pypi = (name: string, options = {}) =>
  McpStdioProgram.pypi(name, '1.0.0', { lockFolder: join(project, 'pypi'), runtime, python, ...options });

interface Bundled {
  readonly stack: Stack;
  /** The name of the asset's folder, with its hash. */
  readonly asset: string;
  readonly folder: string;
  readonly entry: { command: string; args: string[]; cwd: string; env: Record<string, string> };
}

/** Synthesises a server into a new folder, and returns its asset. */
function bundle(program: McpStdioProgram, props: Partial<McpStdioServerProps> = {}): Bundled {
  const outdir = join(project, `out-${(run += 1)}`);
  const app = new App({ outdir, builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test');
  new McpStdioServer(stack, 'Mcp', { program, binary, ...props });
  const assets = readdirSync(outdir).filter(name => name.startsWith('asset.'));
  expect(assets).toHaveLength(1);
  const folder = join(outdir, assets[0]!);
  const { servers } = JSON.parse(readFileSync(join(folder, 'mcp-stdio.json'), 'utf8'));
  // The binary reads these keys: tests/contract/stdio.json.
  for (const entry of Object.values(servers)) expect(STDIO_CONTRACT.keys).toEqual(expect.arrayContaining(Object.keys(entry as object)));
  return { stack, asset: assets[0]!, folder, entry: Object.values(servers)[0] as Bundled['entry'] };
}

/** A digest of all names, modes and contents. */
function digest(folder: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    hash.update(`${name}\n`);
    try {
      hash.update(readFileSync(join(folder, name)));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('EISDIR');
    }
  }
  return hash.digest('hex');
}

/** Starts the server of a bundle, as the runtime does when the asset is at `/var/task`. */
function start({ folder, entry }: Bundled, interpreter: string): string {
  const args = entry.args.map(arg => arg.replace('${LAMBDA_TASK_ROOT}', folder));
  const { stdout, stderr } = spawnSync(interpreter, args, { encoding: 'utf8', cwd: entry.cwd, env: {} });
  expect(stderr).toBe('');
  return stdout.trim();
}

describe('a package of npm', () => {
  it('is installed with its dependencies for the architecture of the function, and starts', () => {
    const bundled = bundle(npm('@tiny/server', { args: ['--port', '1'] }));
    expect(readdirSync(bundled.folder).sort()).toEqual([
      'bootstrap',
      'mcp-stdio-idle.json',
      'mcp-stdio.json',
      'servers',
    ]);
    const modules = readdirSync(join(bundled.folder, 'servers', 'server', 'node_modules'));
    expect(modules.sort()).toEqual(['@tiny', 'tiny-arm64', 'tiny-dependency']);
    expect(bundled.entry).toEqual({
      command: 'node',
      args: ['${LAMBDA_TASK_ROOT}/servers/server/node_modules/@tiny/server/server.js', '--port', '1'],
      cwd: '/tmp',
      env: {},
    });
    expect(start(bundled, process.execPath)).toBe('@tiny/server');
  });

  it('has the packages of the other architecture there', () => {
    const { folder } = bundle(npm('@tiny/server'), { architecture: lambda.Architecture.X86_64 });
    expect(readdirSync(join(folder, 'servers', 'server', 'node_modules'))).toContain('tiny-x64');
  });

  it('writes a lock file to the project, which names no registry, and installs from it from then on', () => {
    const first = bundle(npm('@tiny/server'));
    const lock = readFileSync(join(project, 'npm', 'package-lock.json'), 'utf8');
    expect(lock).not.toContain('127.0.0.1');
    expect(JSON.parse(lock).packages['node_modules/tiny-dependency'].version).toBe('1.0.0');
    const note = `${join(project, 'npm', 'package-lock.json')} is new: commit it, so that each deployment has the same packages`;
    Annotations.fromStack(first.stack).hasInfo('*', note);
    const second = bundle(npm('@tiny/server'));
    Annotations.fromStack(second.stack).hasNoInfo('*', note);
    expect(readFileSync(join(project, 'npm', 'package-lock.json'), 'utf8')).toBe(lock);
    expect(second.asset).toBe(first.asset);
    expect(digest(second.folder)).toBe(digest(first.folder));
  });

  it('has another asset with another lock file, another binary, other arguments or other variables', () => {
    const assets = [
      bundle(npm('@tiny/server')),
      bundle(npm('@tiny/server', { args: ['x'] })),
      bundle(npm('@tiny/server', { environment: { TOKEN_URL: 'https://example.com' } })),
    ].map(({ asset }) => asset);
    writeFileSync(join(registry.folder, 'other'), '#!/bin/sh\nexit 1\n');
    assets.push(bundle(npm('@tiny/server'), { binary: join(registry.folder, 'other') }).asset);
    const lock = join(project, 'npm', 'package-lock.json');
    writeFileSync(lock, `${readFileSync(lock, 'utf8')}\n`);
    assets.push(bundle(npm('@tiny/server')).asset);
    expect(new Set(assets).size).toBe(5);
  });

  it('starts the command that is chosen of several', () => {
    const { entry } = bundle(npm('several', { bin: 'second' }));
    expect(entry.args[0]).toMatch(/several\/b\.js$/);
  });

  it('with an install script is bundled if the server works without', () => {
    expect(start(bundle(npm('scripted', { ignoredInstallScripts: ['scripted'] })), process.execPath)).toBe('scripted');
  });

  it('is installed with the settings of the project, which are not in the asset', () => {
    mkdirSync(join(project, 'npm'));
    const settings = join(project, 'npm', '.npmrc');
    writeFileSync(settings, '//example.com/:_authToken=planted\n');
    const { folder } = bundle(npm('@tiny/server'));
    expect(existsSync(join(folder, 'servers', 'server', '.npmrc'))).toBe(false);
    expect(readFileSync(settings, 'utf8')).toContain('planted');
    // A registry that is not there: the settings are read.
    const registry = process.env['npm_config_registry'];
    delete process.env['npm_config_registry'];
    writeFileSync(settings, 'registry=http://127.0.0.1:9/\nfetch-retries=0\n');
    try {
      expect(failureOf(() => bundle(npm('several', { bin: 'first' })))).toMatch(/cannot be bundled, npm failed: .*127\.0\.0\.1:9/);
    } finally {
      process.env['npm_config_registry'] = registry;
    }
    const left = readdirSync(project, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.npmrc'));
    expect(left).toEqual([join('npm', '.npmrc')]);
  });

  it('fails if it is unknown, or has no such version', () => {
    expect(failureOf(() => bundle(npm('nothing-of-that-name')))).toBe(
      "'program' cannot be bundled: the registry has no such package, got: nothing-of-that-name@1.0.0; correct its name",
    );
    const program = McpStdioProgram.npm('@tiny/server', '7.0.0', { lockFolder: join(project, 'other') });
    expect(failureOf(() => bundle(program))).toBe(
      "'program' cannot be bundled: the registry has no such version, got: @tiny/server@7.0.0; correct the version",
    );
  });

  it('fails if it has an install script, no command, or several', () => {
    expect(failureOf(() => bundle(npm('scripted')))).toBe(
      "'program' cannot be bundled: install scripts do not run, since they may compile for this machine, and these packages have one, got: scripted; list them in 'ignoredInstallScripts' if the server works without, or use McpStdioProgram.containerImage()",
    );
    expect(failureOf(() => bundle(npm('library')))).toBe(
      "'program' cannot be started: the package library has no command, got: 1.0.0; use McpStdioProgram.command() with a program of your own",
    );
    expect(failureOf(() => bundle(npm('several')))).toBe(
      "'program' cannot be started: the package several has no command of that name, got: several; set 'bin' to one of first, second",
    );
  });

  it('fails if there is no npm', () => {
    const path = process.env['PATH'];
    process.env['PATH'] = registry.folder;
    try {
      expect(failureOf(() => bundle(npm('@tiny/server')))).toBe(
        "'program' needs npm to be bundled, and there is none on PATH, got: @tiny/server; install Node.js",
      );
    } finally {
      process.env['PATH'] = path;
    }
  });
});

describe('a package of PyPI', () => {
  it('is installed with its dependencies, compiled, and starts as its console script', () => {
    const bundled = bundle(pypi('tiny-server', { args: ['--local-timezone', 'UTC'] }));
    const folder = join(bundled.folder, 'servers', 'tiny-server');
    expect(bundled.entry).toEqual({
      command: 'python3',
      args: ['${LAMBDA_TASK_ROOT}/servers/tiny-server/start.py', '--local-timezone', 'UTC'],
      cwd: '/tmp',
      env: {},
    });
    const compiled = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.pyc'));
    expect(compiled).toHaveLength(3);
    // The flags of a module that is never compared with its source: https://peps.python.org/pep-0552/
    expect(readFileSync(join(folder, compiled[0]!)).readUInt32LE(4)).toBe(1);
    expect(start(bundled, python)).toBe("['tiny-server', '--local-timezone', 'UTC'] tiny_dependency");
  });

  it('writes a lock file to the project, with the hashes for both architectures, and installs from it', () => {
    const first = bundle(pypi('tiny-server'));
    const lock = readFileSync(join(project, 'pypi', 'requirements.txt'), 'utf8');
    expect(lock).toMatch(/^# tiny-server==1\.0\.0: for Python 3\.\d+ on Linux \(aarch64, x86_64\), by mcp-lambda-server\n/);
    expect(lock).toMatch(/tiny-dependency==1\.2\.0 \\\n( {4}--hash=sha256:[0-9a-f]{64} ?\\?\n){2}/);
    const note = `${join(project, 'pypi', 'requirements.txt')} is new: commit it, so that each deployment has the same packages`;
    Annotations.fromStack(first.stack).hasInfo('*', note);
    const second = bundle(pypi('tiny-server'));
    Annotations.fromStack(second.stack).hasNoInfo('*', note);
    expect(second.asset).toBe(first.asset);
    expect(digest(second.folder)).toBe(digest(first.folder));
    const other = bundle(pypi('tiny-server'), { architecture: lambda.Architecture.X86_64 });
    expect(other.asset).not.toBe(first.asset);
    expect(readFileSync(join(project, 'pypi', 'requirements.txt'), 'utf8')).toBe(lock);
  });

  it('is locked again with other requirements', () => {
    bundle(pypi('tiny-server'));
    bundle(pypi('tiny-server', { requirements: ['library==1.0.0'] }));
    expect(readFileSync(join(project, 'pypi', 'requirements.txt'), 'utf8')).toContain('\nlibrary==1.0.0 \\\n');
  });

  it('is locked for one architecture where it has wheels for no other', () => {
    bundle(pypi('only-x86'), { architecture: lambda.Architecture.X86_64 });
    expect(readFileSync(join(project, 'pypi', 'requirements.txt'), 'utf8')).toContain('on Linux (x86_64), by');
  });

  it('warns if its modules are not compiled, since there is no Python of that version', () => {
    const old = new lambda.Runtime('python3.99', lambda.RuntimeFamily.PYTHON);
    const { stack, folder } = bundle(pypi('tiny-server', { runtime: old }));
    Annotations.fromStack(stack).hasWarning(
      '*',
      'no Python 3.99 was found on this machine: tiny-server is bundled without compiled modules and starts about half a second later [ack: Annotation::mcp-lambda-server:stdio-bundle-tiny-server]',
    );
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(files.filter(name => name.endsWith('.pyc'))).toEqual([]);
  });

  it('fails if a wheel has another hash than the lock file', () => {
    bundle(pypi('tiny-server'));
    const file = join(project, 'pypi', 'requirements.txt');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/sha256:[0-9a-f]{8}/g, 'sha256:00000000'));
    expect(failureOf(() => bundle(pypi('tiny-server')))).toBe(
      `'program' cannot be bundled: a wheel for Linux on aarch64 has another hash than the lock file, got: ${file}; delete the lock file and synthesise again, if you trust the change`,
    );
  });

  it('fails for what has no wheel, is unknown, or has no such version', () => {
    const version = runtime.name.replace('python', '');
    expect(failureOf(() => bundle(pypi('only-x86')))).toBe(
      `'program' cannot be bundled: it has no wheel for Python ${version} on Linux (aarch64), and nothing is compiled, got: only-x86==1.0.0; use another version or architecture, or McpStdioProgram.containerImage()`,
    );
    expect(failureOf(() => bundle(pypi('source-only')))).toContain('it has no wheel for Python');
    expect(failureOf(() => bundle(pypi('nothing-of-that-name')))).toBe(
      "'program' cannot be bundled: the index has no such package, got: nothing-of-that-name==1.0.0; correct its name",
    );
    const program = McpStdioProgram.pypi('tiny-server', '7.0.0', { lockFolder: join(project, 'x'), runtime, python });
    expect(failureOf(() => bundle(program))).toBe(
      "'program' cannot be bundled: the index has no such version, got: tiny-server==7.0.0; correct the version",
    );
  });

  it('fails without a console script, with several, with an old pip, and without Python', () => {
    expect(failureOf(() => bundle(pypi('library')))).toBe(
      "'program' cannot be started: the package library has no console script, got: library; use McpStdioProgram.command() with a program of your own",
    );
    expect(failureOf(() => bundle(pypi('several')))).toBe(
      "'program' cannot be started: the package several has no console script of that name, got: several; set 'script' to one of first, second",
    );
    const old = join(project, 'old-python');
    writeFileSync(old, '#!/bin/sh\nif [ "$1" = -c ]; then echo 3.9; else echo "no such option: --report" >&2; exit 2; fi\n');
    chmodSync(old, 0o755);
    expect(failureOf(() => bundle(pypi('tiny-server', { python: old })))).toBe(
      `'program' needs pip 22.2 or newer to be bundled, got: tiny-server==1.0.0; run '${old} -m pip install --upgrade pip'`,
    );
    expect(failureOf(() => bundle(pypi('tiny-server', { python: '/nothing/python3' })))).toMatch(
      /^'program' needs Python with pip to be bundled, and there is none on PATH, got: \/nothing\/python3; install Python /,
    );
  });
});

describe('a program of your own', () => {
  const command = (file: string, options = {}) => {
    const folder = join(project, 'own');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'server'), '#!/bin/sh\necho own "$@"\n');
    chmodSync(join(folder, 'server'), 0o755);
    return McpStdioProgram.command(folder, file, options);
  };

  it('is copied, and a file of its folder is started there', () => {
    const bundled = bundle(command('./server', { args: ['one'], environment: { LEVEL: 'debug' } }));
    expect(bundled.entry).toEqual({
      command: '${LAMBDA_TASK_ROOT}/servers/server/server',
      args: ['one'],
      cwd: '${LAMBDA_TASK_ROOT}/servers/server',
      env: { LEVEL: '${LEVEL}' },
    });
    // Functions that serve no requests start no server, and have none of its variables.
    const idle = JSON.parse(readFileSync(join(bundled.folder, 'mcp-stdio-idle.json'), 'utf8'));
    expect(idle.servers.server).toMatchObject({ command: bundled.entry.command, start: 'first-use' });
    expect(idle.servers.server).not.toHaveProperty('env');
    const { stdout } = spawnSync(join(bundled.folder, 'servers', 'server', 'server'), ['one'], { encoding: 'utf8' });
    expect(stdout).toBe('own one\n');
  });

  it('is started by a program of the runtime', () => {
    const { entry } = bundle(command('node', { args: ['server.js'], runtime: lambda.Runtime.NODEJS_24_X }));
    expect(entry).toMatchObject({ command: 'node', args: ['server.js'] });
  });

  it('fails if it is machine code of another architecture, as the binary does', () => {
    const elf = Buffer.alloc(64);
    elf.write('\x7fELF', 'latin1');
    elf.writeUInt16LE(0x3e, 18);
    const program = command('./server');
    const file = join(project, 'own', 'server');
    writeFileSync(file, elf);
    const message = `'program' must be machine code for Linux on arm64, which is the function's architecture, got: ${file}; build it for that, or set 'architecture'`;
    expect(failureOf(() => bundle(program))).toBe(message);
    bundle(program, { architecture: lambda.Architecture.X86_64 });
    expect(failureOf(() => bundle(npm('@tiny/server'), { binary: file }))).toBe(message.replace('program', 'binary'));
  });

  it('fails if there is no such folder or file', () => {
    expect(failureOf(() => bundle(McpStdioProgram.command('nowhere', './server')))).toBe(
      "'program' must be the path of a folder with the program, got: nowhere; the path is relative to the folder in which the app is synthesised",
    );
    expect(failureOf(() => bundle(command('./other')))).toContain("must be a file of the folder");
  });
});

it('is at most 250 MB unzipped', () => {
  const folder = join(project, 'large');
  mkdirSync(folder);
  writeFileSync(join(folder, 'server'), '');
  spawnSync('truncate', ['--size', '251M', join(folder, 'model.bin')]);
  const program = McpStdioProgram.command(folder, './server');
  expect(failureOf(() => bundle(program))).toBe(
    "'program' must be at most 250 MB, which is the limit of Lambda for unzipped code, got: 252 MB; use McpStdioProgram.containerImage(), which may have 10 GB",
  );
});

it('has several servers in one asset, which all functions share', () => {
  const program = McpStdioProgram.compose({ first: npm('@tiny/server'), second: npm('several', { bin: 'first', lockFolder: join(project, 'second') }) });
  const { stack, folder } = bundle(program);
  const { servers } = JSON.parse(readFileSync(join(folder, 'mcp-stdio.json'), 'utf8'));
  expect(Object.keys(servers)).toEqual(['first', 'second']);
  const template = Template.fromStack(stack);
  const code = (id: string) => one(template, 'AWS::Lambda::Function', id).Properties.Code;
  expect(code('McpServer')).toEqual(code('McpIngest'));
});
