// The program of a server: a package that `npx` or `uvx` would download, or a folder, or an image.
import { resolve } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { McpStdioProgram, type McpStdioProgramOptions } from '../../lib';
import type { ServerEntry } from './schema';
import type { Source } from './source';

/** Where the program of a server is noted, and where its problems are. */
export interface ProgramPlace {
  readonly source: Source;
  readonly scope: Construct;
  readonly name: string;
  /** Paths of the file are relative to it. */
  readonly folder: string;
}

/** A package, and what `npx` or `uvx` would start of it. */
interface Package {
  readonly registry: 'npm' | 'pypi';
  readonly name: string;
  readonly version: string;
  readonly command?: string | undefined;
  readonly requirements?: string[];
  readonly args: string[];
}

const WAYS = ['npm', 'pypi', 'folder', 'image', 'command'] as const;

/** The program, or `undefined` if it has problems, which are noted. */
export function toProgram(place: ProgramPlace, entry: ServerEntry): McpStdioProgram | undefined {
  const { source, name } = place;
  const path = ['servers', name];
  const given = WAYS.filter(way => entry[way] !== undefined && !(way === 'command' && entry.folder !== undefined));
  const [way, other] = given;
  if (way === undefined) {
    return source.add(path, 'needs a program: command, npm, pypi, folder or image');
  }
  if (other !== undefined) return source.add([...path, other], `is another way to give the program than ${way}: keep one of them`);
  switch (way) {
    case 'image':
      return McpStdioProgram.containerImage(resolve(place.folder, entry.image ?? ''));
    case 'folder':
      return ofFolder(place, entry);
    case 'command':
      return ofPackage(place, entry, ofCommand(place, entry));
    default:
      return ofPackage(place, entry, ofName(place, entry, way));
  }
}

function ofFolder(place: ProgramPlace, entry: ServerEntry): McpStdioProgram | undefined {
  const { source, name, folder } = place;
  if (entry.command === undefined) return source.add(['servers', name, 'folder'], 'needs command, which is started in it');
  const options = { ...optionsOf(place, entry), args: entry.args };
  return McpStdioProgram.command(resolve(folder, entry.folder ?? ''), entry.command, options);
}

function ofPackage(place: ProgramPlace, entry: ServerEntry, found: Package | undefined): McpStdioProgram | undefined {
  if (!found) return undefined;
  const { registry, name, version, args } = found;
  const lockFolder = resolve(place.folder, 'mcp-servers', place.name);
  const options = { ...optionsOf(place, entry), args, lockFolder };
  if (registry === 'npm') {
    const ignoredInstallScripts = entry.ignored_install_scripts;
    return McpStdioProgram.npm(name, version, { ...options, bin: entry.bin ?? found.command, ignoredInstallScripts });
  }
  const requirements = [...(found.requirements ?? []), ...(entry.requirements ?? [])];
  const script = entry.script ?? found.command;
  return McpStdioProgram.pypi(name, version, { ...options, script, requirements, python: entry.python });
}

function optionsOf({ scope }: ProgramPlace, entry: ServerEntry): McpStdioProgramOptions & { runtime?: lambda.Runtime } {
  const secrets = Object.entries(entry.secrets ?? {}).map(([variable, secretName]) => [
    variable,
    secretsmanager.Secret.fromSecretNameV2(scope, `Secret${variable}`, secretName),
  ]);
  return {
    environment: entry.env,
    secretEnvironment: Object.fromEntries(secrets) as { [name: string]: secretsmanager.ISecret },
    ...(entry.runtime !== undefined && { runtime: toRuntime(entry.runtime) }),
  };
}

function toRuntime(name: string): lambda.Runtime {
  const known = lambda.Runtime.ALL.find(runtime => runtime.name === name);
  return known ?? new lambda.Runtime(name);
}

/** `npm: pkg@1.2.3` and `pypi: pkg==1.2.3`. */
function ofName(place: ProgramPlace, entry: ServerEntry, registry: 'npm' | 'pypi'): Package | undefined {
  const found = split(entry[registry] ?? '', registry);
  if (found) return { registry, ...found, args: entry.args ?? [] };
  return place.source.add(['servers', place.name, registry], needsVersion(entry[registry] ?? '', registry));
}

/** `command: npx` and `command: uvx`, as in the configuration of a client on a laptop. */
function ofCommand(place: ProgramPlace, entry: ServerEntry): Package | undefined {
  const { source, name } = place;
  const path = ['servers', name, 'command'];
  const args = entry.args ?? [];
  switch (entry.command) {
    case 'npx':
      return ofNpx(place, args);
    case 'uvx':
      return ofUvx(place, args);
    case 'docker':
      return source.add(path, 'Lambda has no Docker: give the folder of a Dockerfile as image, with mcp-lambda-stdio as its entry point');
    default:
      return source.add(path, `is not found on Lambda: give the folder with the program as folder, or a package as npm or pypi, got: ${entry.command}`);
  }
}

/** `npx [-y] pkg@1.2.3 [args]` and `npx [-y] --package pkg@1.2.3 command [args]`. */
function ofNpx(place: ProgramPlace, args: string[]): Package | undefined {
  const at = args.findIndex(arg => !['-y', '--yes', '-q', '--quiet'].includes(arg));
  const [option, value] = optionOf(args, at, ['-p', '--package']);
  if (option > 0) return packageOf(place, 'npm', value, at, args.slice(at + option));
  return packageOf(place, 'npm', args[at], at, [undefined, ...args.slice(at + 1)]);
}

/** `uvx pkg==1.2.3 [args]`, `uvx --from pkg==1.2.3 script [args]`, and `--with` for more requirements. */
function ofUvx(place: ProgramPlace, args: string[]): Package | undefined {
  const requirements: string[] = [];
  let from: string | undefined;
  let at = 0;
  for (;;) {
    const [withLength, requirement] = optionOf(args, at, ['--with']);
    const [fromLength, given] = optionOf(args, at, ['--from']);
    if (withLength > 0) requirements.push(requirement ?? '');
    if (fromLength > 0) from = given;
    if (withLength + fromLength === 0) break;
    at += withLength + fromLength;
  }
  const rest = from === undefined ? [undefined, ...args.slice(at + 1)] : args.slice(at);
  const found = packageOf(place, 'pypi', from ?? args[at], at, rest);
  return found && { ...found, requirements };
}

/** The number of arguments that an option with a value takes here, or 0, and its value. */
function optionOf(args: string[], at: number, names: string[]): [number, string | undefined] {
  const arg = args[at] ?? '';
  const name = names.find(it => arg === it || arg.startsWith(`${it}=`));
  if (name === undefined) return [0, undefined];
  return arg === name ? [2, args[at + 1]] : [1, arg.slice(name.length + 1)];
}

/** `rest` is the command of the package, if it is named, and the arguments of the program. */
function packageOf(
  { source, name }: ProgramPlace,
  registry: Package['registry'],
  given: string | undefined,
  at: number,
  rest: (string | undefined)[],
): Package | undefined {
  const path = ['servers', name, 'args', ...(at < 0 ? [] : [at])];
  if (given === undefined || given.startsWith('-')) {
    return source.add(path, `must name a package, got: ${given ?? 'nothing'}`);
  }
  const found = split(given, registry);
  if (!found) return source.add(path, needsVersion(given, registry));
  const [command, ...args] = rest;
  return { registry, ...found, command, args: args.filter(it => it !== undefined) };
}

function split(text: string, registry: Package['registry']): { name: string; version: string } | undefined {
  const pattern = registry === 'npm' ? /^(@?[^@]+)@(.+)$/ : /^([^=@]+)(?:==|@)(.+)$/;
  const [, name, version] = pattern.exec(text) ?? [];
  return name !== undefined && version !== undefined ? { name, version } : undefined;
}

function needsVersion(given: string, registry: Package['registry']): string {
  const example = registry === 'npm' ? `${given}@1.2.3` : `${given}==1.2.3`;
  return `needs an exact version, so that each deployment has the same one: write it as ${example}`;
}
