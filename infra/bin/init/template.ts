// The files of a project, from the folders of `templates`.
//
// A file of a later layer replaces that of an earlier one; objects of JSON are merged. Lines between `@if auth=jwt|cognito` and
// `@end`, each in a comment, are kept for these answers. A version `*` is the one of versions.json, and `my-mcp-server` the name of the
// project.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Choices } from './choices';
import { ownPackage } from './package-root';

/** A project, and the values that its files have. */
export interface Project {
  readonly name: string;
  readonly choices: Choices;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly package?: string | undefined;
}

/** Texts of the files of a project, by their paths, in the order of the paths. */
export type Files = ReadonlyMap<string, string>;

/** Packages that are released together with this one. */
const OWN = ['mcp-lambda', 'mcp-lambda-server', '@mcp-lambda/stdio-linux-arm64'];

/** `npm pack` leaves out files with this name. */
const RENAMED: { [name: string]: string } = { _gitignore: '.gitignore' };

/** Renders the files of a project. */
export function projectFiles(project: Project): Files {
  const { root, version } = ownPackage();
  const templates = join(root, 'templates');
  const versions = JSON.parse(readFileSync(join(templates, 'versions.json'), 'utf8')) as { [name: string]: string };
  const own = Object.fromEntries(OWN.map(name => [name, version]));
  const all = { ...versions, ...own };
  const files = new Map<string, string>();
  for (const layer of layersOf(project.choices)) {
    for (const path of filesOf(join(templates, layer))) {
      const text = keep(readFileSync(join(templates, layer, path), 'utf8'), project.choices);
      const target = RENAMED[path] ?? path;
      files.set(target, merged(target, files.get(target), text));
    }
  }
  const entries = [...files].map(([path, text]) => [path, fill(setVersions(path, text, all), project)] as const);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The text of one file of the templates. */
export function templateFile(path: string): string {
  return readFileSync(join(ownPackage().root, 'templates', path), 'utf8');
}

function layersOf({ template, deploy }: Choices): string[] {
  const kind = template.startsWith('stdio-') ? 'stdio' : 'rust';
  return [...new Set(['common', kind, template, `${kind}-${deploy}`])];
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

const IF = /^\s*(?:#|\/\/|<!--) @if (\w+)=(\S+)(?: -->)?$/;
const END = /^\s*(?:#|\/\/|<!--) @end(?: -->)?$/;

/** The lines that these choices have. */
export function keep(text: string, choices: Choices): string {
  let kept = true;
  const lines = text.split('\n').filter(line => {
    const [, question, answers] = IF.exec(line) ?? [];
    if (question !== undefined && answers !== undefined) {
      kept = answers.split('|').includes(choices[question as keyof Choices]);
      return false;
    }
    if (!END.test(line)) return kept;
    kept = true;
    return false;
  });
  return `${lines.join('\n').replace(/\n{3,}/g, '\n\n').trimEnd()}\n`;
}

type Json = { [key: string]: unknown };

function merged(path: string, earlier: string | undefined, text: string): string {
  if (earlier === undefined || !path.endsWith('.json')) return text;
  return toJson(mergeJson(JSON.parse(earlier) as Json, JSON.parse(text) as Json));
}

/** The keys of both, with the values of `added` where both have one. */
export function mergeJson(base: Json, added: Json): Json {
  const result = { ...base };
  for (const [key, value] of Object.entries(added)) {
    const before = result[key];
    result[key] = isObject(before) && isObject(value) ? mergeJson(before, value) : value;
  }
  return result;
}

export function toJson(value: Json): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fails for a package that versions.json does not have, so that no project gets a version `*`. */
function setVersions(path: string, text: string, versions: { [name: string]: string }): string {
  const version = (name: string) => {
    const found = versions[name];
    if (found === undefined) throw new Error(`templates/versions.json has no version of ${name}, which ${path} needs`);
    return found;
  };
  if (path.endsWith('.toml')) {
    return text.replace(/^([\w-]+) = (\{ version = )?"\*"/gm, (_, name: string, table?: string) => `${name} = ${table ?? ''}"${version(name)}"`);
  }
  if (path !== 'package.json') return text;
  return text.replace(/^(\s*)"([^"]+)": "\*"/gm, (_, space: string, name: string) => {
    const found = version(name);
    return `${space}"${name}": "${/^\d/.test(found) ? `^${found}` : found}"`;
  });
}

function fill(text: string, { name, issuer, audience, choices, package: given }: Project): string {
  const values: [string, string | undefined][] = [
    ['my-mcp-server', name],
    ['https://issuer.example.com', issuer],
    ['https://mcp.example.com/mcp', audience],
    ...packageValues(DEFAULT_PACKAGES[choices.template], given),
    ...(MACHINE === 'arm64' || !choices.template.startsWith('stdio-') ? [] : ARCHITECTURES),
  ];
  return values.reduce((filled, [from, to]) => (from === '' || to === undefined ? filled : filled.replaceAll(from, to)), text);
}

/** A package as a client names it, and its name and version as TypeScript has them. */
function packageValues(from: string | undefined, to: string | undefined): [string, string][] {
  if (from === undefined || to === undefined) return [];
  const quoted = (text: string) => text.replace(/^(.+?)(?:==|@(?=[^@/]+$))(.+)$/, "'$1', '$2'");
  return [[from, to], [quoted(from), quoted(to)]];
}

/** The program of npm that a stdio server is deployed with also runs here, if both have one architecture. */
const MACHINE = process.arch;
const ARCHITECTURES: [string, string][] = [
  ['stdio-linux-arm64', 'stdio-linux-x64'],
  ['architecture: arm64', 'architecture: x86_64'],
  ['Architecture.ARM_64', 'Architecture.X86_64'],
];

/** The packages that the templates of stdio servers have. */
export const DEFAULT_PACKAGES: { [template: string]: string } = {
  'stdio-npm': '@modelcontextprotocol/server-everything@2026.8.31',
  'stdio-python': 'mcp-server-time==2026.10.19',
};
