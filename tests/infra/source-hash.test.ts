// The hash of a program's sources: of a small package with a dependency beside it, which the real cargo describes.
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { forgetSourceHashes, sourceHash, type SourceHashOptions } from '../../infra/lib/private/source-hash.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-sources-'));
const argv = [...process.argv];
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  process.argv = [...argv];
  vi.unstubAllEnvs();
});

let at = '';
let count = 0;
const write = (path: string, text: string) => {
  mkdirSync(dirname(join(at, path)), { recursive: true });
  writeFileSync(join(at, path), text);
};
const manifest = (name: string, more = '') => `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2024"\n${more}`;

beforeEach(() => {
  at = join(folder, String(++count));
  write('notes/Cargo.toml', manifest('notes', '[dependencies]\ntexts = { path = "../texts" }\n[workspace]\n'));
  write('notes/src/main.rs', 'fn main() {}\n');
  write('notes/deploy.toml', '');
  write('texts/Cargo.toml', manifest('texts'));
  write('texts/src/lib.rs', '');
  // A package beside it that the program does not use.
  write('other/Cargo.toml', manifest('other'));
  write('other/src/lib.rs', '');
  expect(spawnSync('cargo', ['generate-lockfile', '--offline', '--manifest-path', join(at, 'notes', 'Cargo.toml')]).status).toBe(0);
});

/** The hash in a new process of the CDK. */
function hash(changed: Partial<SourceHashOptions> = {}): string {
  forgetSourceHashes();
  const options = {
    manifestPath: join(at, 'notes', 'Cargo.toml'),
    binaryName: undefined,
    architecture: lambda.Architecture.ARM_64,
    cargoLambdaFlags: ['--locked'],
    additionalSources: [],
  };
  return sourceHash({ ...options, ...changed }) ?? 'no hash';
}

/** Whether the hash is another one after the change. */
function changes(change: () => void): boolean {
  const before = hash();
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  change();
  return hash() !== before;
}

describe('the hash of the sources stays the same', () => {
  it.each<[string, () => void]>([
    ['without a change', () => {}],
    ['when a file is touched', () => utimesSync(join(at, 'notes/src/main.rs'), 1, 1)],
    ['when target/ changes', () => write('notes/target/debug/notes', 'binary')],
    ['when an output of another name changes', () => (write('notes/out/CACHEDIR.TAG', ''), write('notes/out/a', 'a'))],
    ['when the settings of the deployment change', () => write('notes/deploy.toml', '[server]\n')],
    ['when what is installed changes', () => write('notes/node_modules/a/index.js', '')],
    ['when a package changes that it does not use', () => write('other/src/lib.rs', '// other\n')],
  ])('%s', (_, change) => {
    expect(changes(change)).toBe(false);
  });

  it('in another place', () => {
    const before = hash();
    const moved = join(folder, `${count}-moved`);
    expect(spawnSync('cp', ['-r', at, moved]).status).toBe(0);
    at = moved;
    expect(hash()).toBe(before);
  });

  it('when the app changes that has a folder of its own in the package', () => {
    write('notes/infra/app.ts', '');
    const home = process.cwd();
    process.chdir(join(at, 'notes'));
    process.argv[1] = join(at, 'notes/infra/app.ts');
    try {
      expect(changes(() => write('notes/infra/stack.ts', ''))).toBe(false);
    } finally {
      process.chdir(home);
    }
  });
});

describe('the hash of the sources is another one', () => {
  it.each<[string, () => void]>([
    ['when a source changes', () => appendFileSync(join(at, 'notes/src/main.rs'), '// more\n')],
    ['when a file is renamed', () => (write('notes/src/a.rs', ''), rmSync(join(at, 'texts/src/lib.rs')), write('texts/src/lib.rs', ' '))],
    ['when a file is added that a macro may read', () => write('notes/prompts/greet.md', 'Hello')],
    ['when a package changes that it depends on', () => write('texts/src/lib.rs', '// texts\n')],
    ['when the manifest changes', () => appendFileSync(join(at, 'notes/Cargo.toml'), '# more\n')],
    ['when a dependency has another version', () => appendFileSync(join(at, 'notes/Cargo.lock'), '# more\n')],
    ['when the settings of cargo change', () => write('notes/.cargo/config.toml', '[build]\n')],
    ['when flags of the compiler are set', () => vi.stubEnv('RUSTFLAGS', '-C target-cpu=neoverse-n1')],
  ])('%s', (_, change) => {
    expect(changes(change)).toBe(true);
  });

  it('for another architecture, binary or flag', () => {
    const hashes = [
      hash(),
      hash({ architecture: lambda.Architecture.X86_64 }),
      hash({ binaryName: 'notes' }),
      hash({ cargoLambdaFlags: ['--features', 'x'] }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('when a file changes that is named as an additional source', () => {
    write('assets/logo.svg', '<svg/>');
    write('LICENSE', 'a');
    const named = { additionalSources: [join(at, 'assets'), join(at, 'LICENSE')] };
    const before = hash(named);
    write('assets/logo.svg', '<svg></svg>');
    const after = hash(named);
    write('LICENSE', 'b');
    expect(new Set([before, after, hash(named), hash()]).size).toBe(4);
  });
});

it('there is none where cargo cannot read the manifest: its build says why', () => {
  write('notes/Cargo.toml', '[package');
  expect(hash()).toBe('no hash');
  expect(readFileSync(join(at, 'notes/Cargo.toml'), 'utf8')).toBe('[package');
});
