// The work of scripts/local-registry, which describes it.
// The format: https://doc.rust-lang.org/cargo/reference/registry-index.html (read 2026-11-27)
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const CRATES_IO = 'https://github.com/rust-lang/crates.io-index';

function cargo(...args) {
  const { status, stdout } = spawnSync('cargo', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
  return stdout;
}

/** Where an index has the file of a crate. */
function indexPath(name) {
  if (name.length <= 2) return join(String(name.length), name);
  if (name.length === 3) return join('3', name[0], name);
  return join(name.slice(0, 2), name.slice(2, 4), name);
}

/** A dependency as an index has it. Those of tests are left out: they are built in this repository only. */
function toDependency({ name, rename, req, features, optional, uses_default_features, target, kind, source }) {
  const names = rename ? { name: rename, package: name } : { name };
  // Crates without a source are of this repository, and so of the same registry.
  const registry = source === null ? null : CRATES_IO;
  return { ...names, req, features, optional, default_features: uses_default_features, target, kind: kind ?? 'normal', registry };
}

/** The line of a crate in the index. */
function toEntry({ name, version, dependencies, features, links, rust_version }, cksum) {
  const deps = dependencies.filter(({ kind }) => kind !== 'dev').map(toDependency);
  return { v: 2, name, vers: version, deps, cksum, features: {}, features2: features, yanked: false, links, rust_version };
}

const folder = resolve(process.argv[2]);
const metadata = JSON.parse(cargo('metadata', '--no-deps', '--format-version', '1', '--locked'));
const published = metadata.packages.filter(({ publish }) => publish === null);
cargo('package', '--quiet', '--no-verify', '--allow-dirty', '--locked', ...published.flatMap(({ name }) => ['--package', name]));
for (const crate of published) {
  const file = `${crate.name}-${crate.version}.crate`;
  const packed = join(metadata.target_directory, 'package', file);
  const index = join(folder, 'index', indexPath(crate.name));
  mkdirSync(dirname(index), { recursive: true });
  copyFileSync(packed, join(folder, file));
  const cksum = createHash('sha256').update(readFileSync(packed)).digest('hex');
  writeFileSync(index, `${JSON.stringify(toEntry(crate, cksum))}\n`);
  console.log(join(folder, file));
}
