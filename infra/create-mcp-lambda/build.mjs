// Bundles the command, and copies the templates and the licences: the package has no dependencies.
import { chmod, copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = dirname(fileURLToPath(import.meta.url));
const infra = dirname(folder);
const root = dirname(infra);

const { metafile } = await build({
  entryPoints: [join(infra, 'bin', 'create-mcp-lambda.ts')],
  outfile: join(folder, 'create.js'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  metafile: true,
  absWorkingDir: root,
  logLevel: 'warning',
});
await chmod(join(folder, 'create.js'), 0o755);
const packages = new Set(Object.keys(metafile.inputs).flatMap(input => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []));
const texts = [...packages].sort().map(async name => `${name}\n\n${await readFile(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}`);
await writeFile(join(folder, 'THIRD-PARTY-LICENSES'), (await Promise.all(texts)).join('\n\n'));
await rm(join(folder, 'templates'), { recursive: true, force: true });
await cp(join(infra, 'templates'), join(folder, 'templates'), { recursive: true });
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) await copyFile(join(root, name), join(folder, name));
