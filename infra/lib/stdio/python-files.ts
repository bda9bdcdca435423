// The files of Python packages that pip has installed into a folder.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../private/validation';

/** The file that starts the console script. */
export const LAUNCHER = 'start.py';

/** A console script: its name, and the function that it calls. */
export interface ConsoleScript {
  readonly name: string;
  readonly module: string;
  readonly function: string;
}

/** The console script of a package: the one that is wanted, or its only one, or the one with the package's name. */
export function consoleScript(packages: string, packageName: string, wanted: string | undefined): ConsoleScript {
  const scripts = scriptsOf(packages, packageName);
  const names = scripts.map(({ name }) => name);
  const name = wanted ?? (names.length === 1 ? names[0] : names.find(it => normalised(it) === normalised(packageName)));
  const script = scripts.find(it => it.name === name);
  if (script) return script;
  if (names.length === 0) {
    const rule = `cannot be started: the package ${packageName} has no console script`;
    fail('program', packageName, rule, 'use McpStdioProgram.command() with a program of your own');
  }
  const rule = `cannot be started: the package ${packageName} has no console script of that name`;
  return fail('program', name ?? packageName, rule, `set 'script' to one of ${names.join(', ')}`);
}

function scriptsOf(packages: string, packageName: string): ConsoleScript[] {
  const info = readdirSync(packages).find(
    name => name.endsWith('.dist-info') && normalised(name.split('-')[0] ?? '') === normalised(packageName),
  );
  const file = join(packages, info ?? '', 'entry_points.txt');
  if (info === undefined || !existsSync(file)) return [];
  const section = /\[console_scripts\]([^[]*)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  return section.split('\n').flatMap(line => {
    const [, name, module, target] = /^\s*([^=\s]+)\s*=\s*([\w.]+)\s*:\s*([\w.]+)/.exec(line) ?? [];
    return name && module && target ? [{ name, module, function: target }] : [];
  });
}

/** As PyPI compares names: https://packaging.python.org/en/latest/specifications/name-normalization/ */
function normalised(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

/**
 * A script that does what the console script does. That one names the interpreter of the machine on which it was
 * installed.
 */
export function launcher({ name, module, function: target }: ConsoleScript): string {
  return `import os
import site
import sys

packages = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python")
sys.path.insert(0, packages)
site.addsitedir(packages)
sys.argv[0] = "${name}"

from ${module} import ${target.split('.')[0]}

sys.exit(${target}())
`;
}

/** Removes what depends on the machine: console scripts, and pip's notes of what it did. */
export function clean(packages: string): void {
  const scripts = join(packages, 'bin');
  const removed = (existsSync(scripts) ? readdirSync(scripts) : []).filter(name => isScript(join(scripts, name)));
  for (const name of removed) rmSync(join(scripts, name));
  for (const info of readdirSync(packages).filter(name => name.endsWith('.dist-info'))) {
    for (const note of ['INSTALLER', 'REQUESTED', 'direct_url.json']) rmSync(join(packages, info, note), { force: true });
    const record = join(packages, info, 'RECORD');
    if (!existsSync(record)) continue;
    const lines = readFileSync(record, 'utf8').split('\n');
    writeFileSync(record, lines.filter(line => !/(^|\/)(bin\/|INSTALLER,|REQUESTED,|direct_url)/.test(line)).join('\n'));
  }
}

function isScript(file: string): boolean {
  return readFileSync(file).subarray(0, 2).toString('latin1') === '#!';
}
