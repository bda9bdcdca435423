// What a cargo project is, and what it lacks to be a server that is deployed.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'smol-toml';
import { InitError } from './error';
import { isObject } from './template';

/** A package of cargo, as its manifest and its sources show it. */
export interface CargoProject {
  readonly name: string;
  readonly manifest: string;
  /** Names of its dependencies. */
  readonly dependencies: ReadonlySet<string>;
  /** The version of rmcp that it has, if it has one of its own. */
  readonly rmcp: string | undefined;
  /** The binaries that it names, or its only one. */
  readonly binaries: readonly string[];
  /** The lines that serve over stdio, as `src/main.rs:12`. */
  readonly stdio: readonly string[];
}

/** The package in a folder, if there is one. Fails for a workspace, which has no program of its own. */
export function readCargoProject(folder: string): CargoProject | undefined {
  const file = join(folder, 'Cargo.toml');
  if (!existsSync(file)) return undefined;
  const manifest = readFileSync(file, 'utf8');
  const values = toml(file, manifest);
  const own = values['package'];
  if (!isObject(own) || typeof own['name'] !== 'string') {
    throw new InitError(`${file} is the manifest of a workspace: run init --here in the folder of the package that is the server`);
  }
  const dependencies = isObject(values['dependencies']) ? values['dependencies'] : {};
  const bins = Array.isArray(values['bin']) ? (values['bin'] as { name?: string }[]) : [];
  const named = bins.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const main = existsSync(join(folder, 'src', 'main.rs')) ? [own['name']] : [];
  return {
    name: own['name'],
    manifest,
    dependencies: new Set(Object.keys(dependencies)),
    rmcp: versionOf(dependencies['rmcp']),
    binaries: named.length > 0 ? named : main,
    stdio: stdioServers(folder),
  };
}

function toml(file: string, text: string): { [key: string]: unknown } {
  try {
    return parse(text);
  } catch (error) {
    throw new InitError(`${file} is not TOML: ${(error as Error).message.split('\n')[0]}`);
  }
}

function versionOf(dependency: unknown): string | undefined {
  const version = isObject(dependency) ? dependency['version'] : dependency;
  return typeof version === 'string' ? version : undefined;
}

/** rmcp's transport of stdio, as programs begin to serve on it. */
const STDIO = /\.serve\(\s*(?:\w+::)*stdio\(\)|\.serve\(\s*\(\s*(?:\w+::)*stdin\(\)/;

function stdioServers(folder: string): string[] {
  const sources = join(folder, 'src');
  if (!existsSync(sources)) return [];
  const files = readdirSync(sources, { recursive: true, withFileTypes: true }).filter(it => it.isFile() && it.name.endsWith('.rs'));
  return files
    .map(it => join(it.parentPath, it.name))
    .sort()
    .flatMap(file =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, at) => (STDIO.test(line) ? [`${relative(folder, file)}:${at + 1}`] : [])),
    );
}

/** The manifest with dependencies that it lacks, in its own lines: comments and order stay. */
export function withDependencies(project: CargoProject, lines: { readonly [name: string]: string }): string {
  const missing = Object.entries(lines).filter(([name]) => !project.dependencies.has(name));
  if (missing.length === 0) return project.manifest;
  const added = missing.map(([, line]) => `${line}\n`).join('');
  const header = /^\[dependencies\][ \t]*(?:#.*)?\r?\n/m.exec(project.manifest);
  if (!header) return `${project.manifest.trimEnd()}\n\n[dependencies]\n${added}`;
  const end = header.index + header[0].length;
  return project.manifest.slice(0, end) + added + project.manifest.slice(end);
}
