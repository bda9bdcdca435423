// The work of scripts/npm-binaries, which describes it.
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const source = join(root, 'runtime', 'client', 'npm');

/** The platforms of each program, by Node.js's names: `process.platform` and `process.arch`. */
const PLATFORMS = {
  client: ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'],
  stdio: ['linux-x64', 'linux-arm64'],
};

class UsageError extends Error {}

/** `linux-x64=target/release/mcp-lambda` of an option. */
function readBinary(option, given) {
  const [platform, ...rest] = given.split('=');
  const file = rest.join('=');
  const known = PLATFORMS[option];
  if (!known.includes(platform)) throw new UsageError(`--${option}: '${given}' is not for ${known.join(', ')}`);
  if (!existsSync(file) || !statSync(file).isFile()) throw new UsageError(`--${option}: there is no file '${file}'`);
  return { platform, file };
}

function readArguments() {
  const binaries = { type: 'string', multiple: true, default: [] };
  const { values, positionals } = parseArgs({ options: { client: binaries, stdio: binaries }, allowPositionals: true });
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0) throw new UsageError('the folder of the packages is needed, and nothing else');
  const client = values.client.map(it => readBinary('client', it));
  const stdio = values.stdio.map(it => readBinary('stdio', it));
  if (client.length + stdio.length === 0) throw new UsageError('a binary is needed: --client or --stdio');
  return { folder, client, stdio };
}

/** Writes a package: its package.json, the licences, and files by their names in it. */
async function writePackage(folder, manifest, files) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) await copyFile(join(root, name), join(folder, name));
  for (const [name, file] of Object.entries(files)) {
    await copyFile(file, join(folder, name));
    if (!name.endsWith('.md')) await chmod(join(folder, name), 0o755);
  }
  console.log(folder);
}

/** The manifest of a package with nothing but a program. */
function programPackage({ name, description, program, launcher }) {
  const { version, license, author, repository, homepage, publishConfig } = launcher;
  const files = [program, 'LICENSE-APACHE', 'LICENSE-MIT'];
  return { name, version, description, license, author, repository, homepage, files, preferUnplugged: true, publishConfig };
}

async function main() {
  const { folder, client, stdio } = readArguments();
  const launcher = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
  for (const { platform, file } of client) {
    const [os, cpu] = platform.split('-');
    const description = `The program mcp-lambda for ${platform}; install the package mcp-lambda, which starts it`;
    const manifest = programPackage({ name: `@mcp-lambda/${platform}`, description, program: 'mcp-lambda', launcher });
    await writePackage(join(folder, `mcp-lambda-${platform}`), { ...manifest, os: [os], cpu: [cpu] }, { 'mcp-lambda': file });
  }
  for (const { platform, file } of stdio) {
    const name = `@mcp-lambda/stdio-${platform}`;
    // For any machine: it is deployed from there, and runs on Lambda.
    const description = `The program mcp-lambda-stdio for Lambda functions on ${platform}, for the construct library mcp-lambda-server`;
    const manifest = programPackage({ name, description, program: 'mcp-lambda-stdio', launcher });
    // On Linux it is a program of the project as well.
    const bin = { 'mcp-lambda-stdio': 'mcp-lambda-stdio' };
    await writePackage(join(folder, `mcp-lambda-stdio-${platform}`), { ...manifest, bin }, { 'mcp-lambda-stdio': file });
  }
  if (client.length === 0) return;
  const optionalDependencies = Object.fromEntries(client.map(({ platform }) => [`@mcp-lambda/${platform}`, launcher.version]));
  const files = { 'mcp-lambda.js': join(source, 'mcp-lambda.js'), 'README.md': join(source, 'README.md') };
  await writePackage(join(folder, 'mcp-lambda'), { ...launcher, optionalDependencies }, files);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  console.error(`npm-binaries: ${error.message}`);
  process.exitCode = 2;
}
