// The second half of the build, after jsii: bundles what the package runs itself, so that it has no dependencies besides the
// CDK. Writes app/, scripts/, THIRD-PARTY-LICENSES and dist/private/rust-function.js, and copies the licences.
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = dirname(fileURLToPath(import.meta.url));
// Another folder than the one above if the sources are a copy: scripts/language-packages.
const root = process.argv[2] ?? dirname(folder);
const at = (...path) => join(folder, ...path);

/** Imports of the construct library stay imports: the app shares its classes with the user's own code. */
const library = {
  name: 'library',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\.?\/.*\blib\b/ }, ({ path, resolveDir }) => {
      const file = relative(at('lib'), join(resolveDir, path));
      return file.startsWith('..') ? undefined : { path: `../${join('dist', file)}`, external: true };
    }),
};

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['aws-cdk-lib', 'constructs'],
  metafile: true,
  logLevel: 'warning',
};

await rm(at('app'), { recursive: true, force: true });
const app = await build({
  ...common,
  entryPoints: [at('bin', 'app.ts'), at('bin', 'mcp-lambda-server.ts')],
  outdir: at('app'),
  plugins: [library],
});
await chmod(at('app', 'mcp-lambda-server.js'), 0o755);

// cargo-lambda-cdk has no packages for all languages of jsii, and its own dependencies are 25 MB. No type of it is in the API.
const rustFunction = await build({
  ...common,
  entryPoints: [at('lib', 'private', 'rust-function.ts')],
  outdir: at('dist', 'private'),
});

await writeFile(at('THIRD-PARTY-LICENSES'), await licences([app.metafile, rustFunction.metafile]));
await mkdir(at('scripts'), { recursive: true });
for (const name of ['operate', 'aws.sh', 'lib.sh']) await copyFile(join(root, 'scripts', name), at('scripts', name));
for (const name of ['CHANGELOG.md', 'LICENSE-APACHE', 'LICENSE-MIT', 'deploy.example.toml']) await copyFile(join(root, name), at(name));

/** The licences of the packages in the bundles, and of those that their own files contain. */
async function licences(metafiles) {
  const packages = new Map();
  for (const input of metafiles.flatMap(({ inputs }) => Object.keys(inputs))) {
    const [path] = /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
    if (path !== undefined) await addPackage(join(process.cwd(), path), packages);
  }
  const texts = [...packages.values()].sort((a, b) => a.title.localeCompare(b.title));
  return texts.map(({ title, text }) => `${title}\n\n${text}\n`).join(`\n${'-'.repeat(80)}\n\n`);
}

/** Adds a package and its dependencies. One without a licence fails the build. */
async function addPackage(path, packages) {
  if (packages.has(path)) return;
  const { name, version, license, dependencies = {} } = JSON.parse(await readFile(join(path, 'package.json'), 'utf8'));
  const file = (await readdir(path)).find(it => /^licen[cs]e/i.test(it));
  if (file === undefined && license === undefined) throw new Error(`${name} has no licence`);
  const text = file === undefined ? `The package has no text of it.` : (await readFile(join(path, file), 'utf8')).trim();
  packages.set(path, { title: `${name} ${version} (${license})`, text });
  for (const dependency of Object.keys(dependencies)) await addPackage(installed(dependency, path), packages);
}

/** Where a package finds a dependency: in its own node_modules, or in those of a folder above. */
function installed(name, path) {
  const found = join(path, 'node_modules', name);
  if (existsSync(found)) return found;
  if (dirname(path) === path) throw new Error(`${name} is not installed`);
  return installed(name, dirname(path));
}
