// The hash of all that the build of a program depends on. A program that has not changed is neither built nor uploaded again, on
// this machine and on another one.
import { spawnSync } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type * as lambda from 'aws-cdk-lib/aws-lambda';

/** What is built, and how. */
export interface SourceHashOptions {
  readonly manifestPath: string;
  readonly binaryName: string | undefined;
  readonly architecture: lambda.Architecture | undefined;
  readonly cargoLambdaFlags: string[];
  /** Files and folders beside the packages that the build reads. */
  readonly additionalSources: string[];
}

/** What builds write, and what is installed. Entries that begin with a dot are no sources either, but for those of cargo. */
const OUTPUTS = new Set(['target', 'node_modules', 'cdk.out']);
const DOT_SOURCES = new Set(['.cargo', '.sqlx']);

/** Settings of the deployment: a change of them is no other program. */
const DEPLOYMENT = new Set(
  'cdk.json cdk.context.json deploy.toml servers.yaml package.json package-lock.json tsconfig.json'.split(' '),
);

/** Beside the manifest of a workspace, and in the folders above. */
const OF_WORKSPACE = ['Cargo.toml', 'Cargo.lock', 'rust-toolchain', 'rust-toolchain.toml', '.cargo/config.toml', '.cargo/config'];

/** Variables of cargo and rustc that change what is built. */
const VARIABLES = /^(?:RUSTFLAGS|RUSTC(?:_WRAPPER)?|CARGO_ENCODED_RUSTFLAGS|CARGO_PROFILE_\w+|CARGO_BUILD_RUSTFLAGS|CARGO_TARGET_\w+_RUSTFLAGS)$/;

const ANSWERS_WITHIN_MS = 120_000;
const MOST_OUTPUT = 256 * 1024 * 1024;

/** Functions of a stack have one program. */
const known = new Map<string, string | undefined>();

/** The hash, or `undefined` where cargo does not say which packages the program consists of: then the build itself says why. */
export function sourceHash(options: SourceHashOptions): string | undefined {
  const key = JSON.stringify([resolve(options.manifestPath), { ...options, architecture: options.architecture?.name }]);
  if (!known.has(key)) known.set(key, compute(options));
  return known.get(key);
}

/** For tests, which change sources. */
export function forgetSourceHashes(): void {
  known.clear();
}

function compute(options: SourceHashOptions): string | undefined {
  const { binaryName, architecture, cargoLambdaFlags } = options;
  const found = localPackages(options.manifestPath, cargoLambdaFlags.includes('--locked') ? ['--locked'] : []);
  if (!found) return undefined;
  const { workspace, folders } = found;
  const hash = createHash('sha256');
  const variables = Object.entries(process.env).filter(([name]) => VARIABLES.test(name)).sort();
  const own = relative(workspace, dirname(realpathSync(options.manifestPath)));
  add(hash, 'build', JSON.stringify({ own, binaryName, architecture: architecture?.name, cargoLambdaFlags, variables }));
  add(hash, 'rustc', output('rustc', ['-vV'], workspace) ?? '');
  add(hash, 'cargo-lambda', output('cargo', ['lambda', '--version'], workspace) ?? '');
  for (const name of OF_WORKSPACE) {
    if (existsSync(join(workspace, name))) addFile(hash, name, join(workspace, name));
  }
  const app = appFolder();
  for (const folder of folders) {
    for (const file of sourcesOf(folder, app)) addFile(hash, relative(workspace, file), file);
  }
  for (const given of options.additionalSources) {
    for (const file of sourcesOf(resolve(given), undefined)) addFile(hash, relative(workspace, file), file);
  }
  return hash.digest('hex');
}

interface LocalPackages {
  readonly workspace: string;
  /** In a stable order. */
  readonly folders: string[];
}

interface Metadata {
  readonly workspace_root: string;
  readonly packages: { readonly id: string; readonly source: string | null; readonly manifest_path: string }[];
  readonly resolve: { readonly nodes: { readonly id: string; readonly dependencies: string[] }[] } | null;
}

/** The folders of the program's package, and of all packages that it depends on by a path. */
function localPackages(manifestPath: string, flags: string[]): LocalPackages | undefined {
  const args = ['metadata', '--format-version', '1', '--manifest-path', resolve(manifestPath), ...flags];
  const json = output('cargo', args, dirname(manifestPath));
  if (json === undefined) return undefined;
  const { workspace_root: workspace, packages, resolve: graph } = JSON.parse(json) as Metadata;
  const own = packages.filter(it => realpathSync(it.manifest_path) === realpathSync(manifestPath));
  // The manifest of a workspace: each of its members may have the binary.
  const from = own.length > 0 ? own : packages.filter(it => it.source === null);
  const needed = reachable(
    from.map(({ id }) => id),
    new Map(graph?.nodes.map(({ id, dependencies }) => [id, dependencies])),
  );
  const local = packages.filter(({ id, source }) => source === null && needed.has(id));
  return { workspace, folders: local.map(it => dirname(it.manifest_path)).sort() };
}

function reachable(from: string[], edges: ReadonlyMap<string, string[]>): Set<string> {
  const seen = new Set(from);
  for (const id of seen) for (const next of edges.get(id) ?? []) seen.add(next);
  return seen;
}

/** The files of a package, or of a folder, or a file itself. A folder with a manifest of its own is another package. */
function sourcesOf(path: string, app: string | undefined): string[] {
  const files: string[] = [];
  const visit = (folder: string) => {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const file = join(folder, entry.name);
      if (!isSource(entry.name) || file === app) continue;
      if (!entry.isDirectory()) files.push(file);
      else if (!existsSync(join(file, 'Cargo.toml')) && !existsSync(join(file, 'CACHEDIR.TAG'))) visit(file);
    }
  };
  try {
    visit(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
    files.push(path);
  }
  return files;
}

function isSource(name: string): boolean {
  return name.startsWith('.') ? DOT_SOURCES.has(name) : !OUTPUTS.has(name) && !DEPLOYMENT.has(name);
}

/** The folder of the CDK app, if the app has a folder of its own within the package, else its file. */
function appFolder(): string | undefined {
  const entry = process.argv[1];
  if (entry === undefined || !existsSync(entry)) return undefined;
  const file = realpathSync(entry);
  return dirname(file) === realpathSync('.') ? file : join(realpathSync('.'), relative('.', file).split(sep)[0] ?? basename(file));
}

function add(hash: Hash, name: string, content: string | Buffer): void {
  hash.update(`${name}\0${content.length}\0`).update(content);
}

function addFile(hash: Hash, name: string, file: string): void {
  add(hash, name.split(sep).join('/'), readFileSync(file));
}

function output(command: string, args: string[], cwd: string): string | undefined {
  const { status, stdout } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: ANSWERS_WITHIN_MS,
    maxBuffer: MOST_OUTPUT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout : undefined;
}
