// The work of scripts/version, which describes it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const SEMVER = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

class VersionError extends Error {}

/** The files that have the version, and where: `pattern` finds it as its group `version`, once at least. */
const FILES = [
  { path: 'Cargo.toml', pattern: /(?<=^\[workspace\.package\]\nversion = ")(?<version>[^"]+)(?=")/gm },
  { path: 'Cargo.toml', pattern: /(?<=^mcp-lambda-[a-z]+ = \{ path = "[^"]+", version = ")(?<version>[^"]+)(?=")/gm },
  // A package of the workspace has no line `source`.
  { path: 'Cargo.lock', pattern: /(?<=^name = "[^"]+"\nversion = ")(?<version>[^"]+)(?="\n(?!source))/gm },
  ...['package.json', 'infra/package.json', 'runtime/client/npm/package.json', 'infra/create-mcp-lambda/package.json'].map(path => ({
    path,
    pattern: /(?<=^\{\n {2}"name": "[^"]+",\n {2}"version": ")(?<version>[^"]+)(?=")/g,
  })),
  { path: 'package-lock.json', pattern: /(?<=^\{\n {2}"name": "[^"]+",\n {2}"version": ")(?<version>[^"]+)(?=")/g },
  { path: 'package-lock.json', pattern: /(?<="": \{\n {6}"name": "[^"]+",\n {6}"version": ")(?<version>[^"]+)(?=")/g },
];

const read = path => readFileSync(join(root, path), 'utf8');

function currentVersion() {
  const [version] = /(?<=^\[workspace\.package\]\nversion = ")[^"]+/m.exec(read('Cargo.toml')) ?? [];
  if (version === undefined) throw new VersionError('Cargo.toml has no version in [workspace.package]');
  return version;
}

/** Each version that is found, with its file. */
function found() {
  return FILES
    .filter(({ path }) => existsSync(join(root, path)))
    .flatMap(({ path, pattern }) => {
      const versions = [...read(path).matchAll(pattern)].map(({ groups }) => groups.version);
      if (versions.length === 0) throw new VersionError(`${path} has no version where one is expected`);
      return versions.map(version => ({ path, version }));
    });
}

function check() {
  const current = currentVersion();
  const other = found().filter(({ version }) => version !== current);
  if (other.length === 0) return;
  const lines = other.map(({ path, version }) => `${path} has ${version}, Cargo.toml has ${current}`);
  throw new VersionError([...new Set(lines)].join('\n'));
}

/** The changelog with a heading for the version above what was unreleased. */
function changelogOf(version) {
  const text = read('CHANGELOG.md');
  if (text.includes(`\n## [${version}]`)) throw new VersionError(`CHANGELOG.md has a section [${version}] already`);
  const [section] = /(?<=^## \[Unreleased\]\n)[^]*?(?=^## \[|$(?![^]))/m.exec(text) ?? [];
  if (section === undefined) throw new VersionError('CHANGELOG.md has no section [Unreleased]');
  if (section.trim() === '') throw new VersionError('CHANGELOG.md has nothing under [Unreleased] to release');
  const today = new Date().toISOString().slice(0, 10);
  return text.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - ${today}\n`);
}

function set(version) {
  if (!SEMVER.test(version)) throw new VersionError(`'${version}' is not a version: write it as 1.2.3 or 1.2.3-rc.1`);
  const current = currentVersion();
  check();
  const changelog = changelogOf(version);
  for (const { path, pattern } of FILES) {
    if (existsSync(join(root, path))) writeFileSync(join(root, path), read(path).replaceAll(pattern, version));
  }
  writeFileSync(join(root, 'CHANGELOG.md'), changelog);
  const paths = [...new Set([...found().map(({ path }) => path), 'CHANGELOG.md'])];
  console.log(`${current} -> ${version} in ${paths.join(', ')}`);
}

try {
  const [what, ...others] = process.argv.slice(2);
  if (others.length > 0) throw new VersionError('one version at most: scripts/version [X.Y.Z | --check]');
  if (what === undefined) console.log(currentVersion());
  else if (what === '--check') check();
  else set(what);
} catch (error) {
  if (!(error instanceof VersionError)) throw error;
  for (const line of error.message.split('\n')) console.error(`version: ${line}`);
  process.exitCode = 1;
}
