// The app and the construct on machines that lack tools: each machine is a folder of small programs on the PATH.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { App, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { REQUIREMENT } from '../../infra/bin/cargo-lambda.ts';
import { findCargoLambda, prepareBuild } from '../../infra/lib/private/cargo-lambda.ts';
import { failureOf, root } from './synth.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-machine-'));
const [path, home] = [process.env['PATH'], process.cwd()];
afterEach(() => {
  process.env['PATH'] = path;
  process.chdir(home);
});
afterAll(() => rmSync(folder, { recursive: true }));

const script = (file: string, text: string) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
};

/** `cargo lambda` is the program `cargo-lambda` on the PATH, as for the real cargo. */
const CARGO = '[ "$1" = lambda ] && shift && exec cargo-lambda "$@"';
/** Builds the binary, and fails without a flag that skips the check of the target. */
const CARGO_LAMBDA = `[ "$1" = --version ] && exit
while [ "$1" != --lambda-dir ]; do shift; done
echo "$*" >"$MACHINE/build"
echo binary >"$2/bootstrap"`;
const WITHOUT = 'exit 1';

let machines = 0;
/** A machine with these programs, and without the others that a build looks for. */
function machine(programs: { [name: string]: string }): { bin: string; app: string } {
  const at = join(folder, String(++machines));
  const [bin, app] = [join(at, 'bin'), join(at, 'app')];
  mkdirSync(app, { recursive: true });
  for (const name of ['cargo', 'docker', 'rustc', 'rustup', 'python3']) script(join(bin, name), programs[name] ?? WITHOUT);
  if (programs['cargo-lambda']) script(join(bin, 'cargo-lambda'), programs['cargo-lambda']);
  return { bin, app };
}

interface BuildOptions {
  readonly text?: string;
  readonly bundling?: boolean;
  readonly flags?: string[];
  readonly lock?: boolean;
}

/** What the construct does there with a manifest. */
function build(
  programs: { [name: string]: string },
  { text = '[package]\nname = "notes"\n', bundling = true, flags, lock = true }: BuildOptions = {},
): string[] | string {
  const { bin, app } = machine(programs);
  process.env['PATH'] = [bin, '/usr/bin', '/bin'].join(delimiter);
  process.chdir(app);
  writeFileSync('Cargo.toml', text);
  if (lock) writeFileSync('Cargo.lock', '');
  const stack = new Stack(new App({ context: bundling ? {} : { 'aws:cdk:bundling-stacks': [] } }), 'Test');
  let result: string[] = [];
  const failure = failureOf(() => {
    ({ cargoLambdaFlags: result } = prepareBuild(stack, {
      manifestPath: 'Cargo.toml',
      architecture: lambda.Architecture.ARM_64,
      cargoLambdaFlags: flags,
    }));
  });
  return failure === 'it did not fail' ? result : failure;
}

const TWO_WAYS =
  "run 'python3 -m venv .venv && .venv/bin/pip install cargo-lambda' in the folder of the app (and install Rust, https://rustup.rs), or give a program that is built already as 'code'";

describe('the construct', () => {
  const works = { cargo: CARGO, 'cargo-lambda': CARGO_LAMBDA };

  it('skips the check of a target that is there', () => {
    expect(build({ ...works, rustc: 'echo /usr/lib' })).toEqual(['--locked', '--skip-target-check']);
  });

  it('lets cargo-lambda install a target that is not there, with rustup', () => {
    expect(build({ ...works, rustc: 'echo /nowhere', rustup: 'exit 0' })).toEqual(['--locked']);
  });

  it('says in one sentence that a target is not there, without rustup', () => {
    expect(build({ ...works, rustc: 'echo /nowhere' })).toBe(
      "'architecture' needs the Rust target aarch64-unknown-linux-gnu, which is not installed, nor is rustup, got: arm64; install the target, or use lambda.Architecture.X86_64",
    );
  });

  it('lets the first build of a project write its lock file', () => {
    expect(build({ ...works, rustc: 'echo /usr/lib' }, { lock: false })).toEqual(['--skip-target-check']);
  });

  it('leaves the flags that are given', () => {
    expect(build(works, { flags: ['--features', 'x'] })).toEqual(['--features', 'x']);
  });

  it('says in one sentence what is missing, with both ways out, on a machine without cargo-lambda and Docker', () => {
    expect(build({ cargo: WITHOUT })).toBe(
      `'manifestPath' needs cargo-lambda to be built, which is not found, nor is a running Docker, got: Cargo.toml; ${TWO_WAYS}`,
    );
  });

  it('builds in Docker where it runs, but no member of a workspace: Docker sees one folder', () => {
    expect(build({ docker: 'exit 0' })).toEqual(['--locked']);
    expect(build({ docker: 'exit 0' }, { text: '[package]\nname = "notes"\nedition.workspace = true\n' })).toBe(
      `'manifestPath' needs cargo-lambda to be built, which is not found: Docker sees one folder, and this package is of a workspace, got: Cargo.toml; ${TWO_WAYS}`,
    );
  });

  it('looks for nothing where nothing is built, as for cdk destroy', () => {
    expect(build({}, { bundling: false })).toEqual(['--locked']);
  });

  it('finds cargo-lambda in .venv of the folder, or of one above it', () => {
    const { bin, app } = machine({ cargo: CARGO });
    process.env['PATH'] = [bin, '/usr/bin', '/bin'].join(delimiter);
    process.chdir(app);
    expect(findCargoLambda()).toBe(false);
    script(join(app, '.venv', 'bin', 'cargo-lambda'), CARGO_LAMBDA);
    mkdirSync(join(app, 'infra'));
    process.chdir('infra');
    expect(findCargoLambda()).toBe(true);
    expect(process.env['PATH']?.split(delimiter)[0]).toMatch(/\.venv\/bin$/);
  });
});

describe('the app', () => {
  const run = ({ bin, app }: { bin: string; app: string }) => {
    const loader = join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs');
    const { status, stderr } = spawnSync(process.execPath, ['--import', loader, join(root, 'infra', 'bin', 'app.ts')], {
      cwd: app,
      encoding: 'utf8',
      env: { HOME: app, MACHINE: app, CDK_OUTDIR: join(app, 'cdk.out'), PATH: [bin, '/usr/bin', '/bin'].join(delimiter) },
    });
    return { status, lines: stderr.trim().split('\n') };
  };
  /** Makes a virtual environment whose pip installs cargo-lambda. */
  const python = (pip: string) => `mkdir -p "$3/bin"
cat >"$3/bin/python" <<'END'
#!/bin/sh
${pip}
END
chmod +x "$3/bin/python"`;
  const installs = `cat >.venv/bin/cargo-lambda <<'SCRIPT'
#!/bin/sh
${CARGO_LAMBDA}
SCRIPT
chmod +x .venv/bin/cargo-lambda
echo "$*" >"$MACHINE/pip"`;

  it('says that it builds and what a first deployment needs, installs cargo-lambda into .venv, and builds', () => {
    const fresh = machine({ cargo: CARGO, rustc: 'echo /usr/lib', python3: python(installs) });
    const { status, lines } = run(fresh);
    expect(status, lines.join('\n')).toBe(0);
    expect(lines[0]).toMatch(/^The program is built with cargo-lambda, .* needs `npx cdk bootstrap` before\.$/);
    expect(lines[1]).toMatch(new RegExp(`^cargo-lambda is not found: installing ${REQUIREMENT} from PyPI into .*\\.venv$`));
    expect(readFileSync(join(fresh.app, 'pip'), 'utf8')).toContain(`install --quiet --disable-pip-version-check ${REQUIREMENT}`);
    expect(readFileSync(join(fresh.app, 'build'), 'utf8')).toContain('--arm64 --bin mcp-lambda-reference');
  });

  it('refuses in one sentence with both ways, without a stack trace, where nothing can be installed', () => {
    const { status, lines } = run(machine({ cargo: CARGO, python3: python('exit 1') }));
    expect(status).toBe(1);
    expect(lines).toHaveLength(4);
    expect(lines[2]).toMatch(/^This did not work: .*-m pip install/);
    expect(lines[3]).toMatch(
      /^\[server\] manifest_path needs cargo-lambda to be built, .*pip install cargo-lambda.* or give .* \[server\] code$/,
    );
  });
});

describe('an app of the user, which cdk.json runs with `mcp-lambda-server app`', () => {
  const APP = `
import { App, Stack } from 'aws-cdk-lib';
import { McpLambdaServer } from '${join(root, 'infra', 'lib', 'index.ts')}';
new McpLambdaServer(new Stack(new App({ builtinCloudFormationValidation: false }), 'Test'), 'Mcp', { manifestPath: 'Cargo.toml' });
`;
  const run = ({ bin, app }: { bin: string; app: string }, context: object = {}, file = 'app.ts') => {
    symlinkSync(join(root, 'node_modules'), join(app, 'node_modules'));
    writeFileSync(join(app, 'app.ts'), APP);
    writeFileSync(join(app, 'Cargo.toml'), '[package]\nname = "notes"\n');
    const loader = join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs');
    const program = join(root, 'infra', 'bin', 'mcp-lambda-server.ts');
    const { status, stderr } = spawnSync(process.execPath, ['--import', loader, program, 'app', file], {
      cwd: app,
      encoding: 'utf8',
      env: {
        HOME: app,
        CDK_OUTDIR: join(app, 'cdk.out'),
        CDK_CONTEXT_JSON: JSON.stringify(context),
        PATH: [bin, '/usr/bin', '/bin'].join(delimiter),
      },
    });
    return { status, lines: stderr.trim().split('\n') };
  };

  it('looks for cargo-lambda before it builds, and ends in one sentence with both ways, without a stack trace', () => {
    const { status, lines } = run(machine({ cargo: CARGO }));
    expect(status).toBe(1);
    expect(lines[0]).toMatch(/needs `npx cdk bootstrap` before\.$/);
    expect(lines[1]).toMatch(/^cargo-lambda is not found: installing /);
    expect(lines.at(-1)).toBe(
      `'manifestPath' needs cargo-lambda to be built, which is not found, nor is a running Docker, got: Cargo.toml; ${TWO_WAYS}`,
    );
    expect(lines).toHaveLength(4);
  });

  it('looks for nothing where nothing is built', () => {
    const { status, lines } = run(machine({}), { 'aws:cdk:bundling-stacks': [] });
    expect([status, lines]).toEqual([0, ['']]);
  });

  it('has to exist', () => {
    const { status, lines } = run(machine({}), {}, 'other.ts');
    expect([status, lines]).toEqual([2, ['mcp-lambda-server: there is no file other.ts with a CDK app']]);
  });
});

it('the app installs the version that the tests use', () => {
  expect(readFileSync(join(root, 'scripts', 'requirements.txt'), 'utf8').split('\n')).toContain(REQUIREMENT);
});
