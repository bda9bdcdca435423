// Which file of a folder of TypeScript imports which other one.
//
// `import type` and `export type` are left out, since nothing of them is left in the JavaScript. An import with single
// names marked `type` counts.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const STATEMENT = /^[ \t]*(?:import|export)\b(?!\s+type\s+[{*\w])[^;'"`]*?\bfrom\s*['"](\.[^'"]*)['"]/gm;
const EFFECT = /^[ \t]*import\s*['"](\.[^'"]*)['"]/gm;
const CALL = /\b(?:import|require)\(\s*['"](\.[^'"]*)['"]\s*\)/g;

/** The arrows between the TypeScript files of some folders: { from, to, line, name }. */
export function typeScriptArrows(folders) {
  return folders.flatMap(filesOf).flatMap(arrowsOf);
}

function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesOf(path);
    return /(?<!\.d)\.[cm]?ts$/.test(entry.name) ? [path] : [];
  });
}

function arrowsOf(from) {
  // Comments become spaces: a line keeps its number.
  const source = readFileSync(from, 'utf8').replace(/^[ \t]*(\/\*[\s\S]*?\*\/|\/\/[^\n]*)/gm, text => text.replace(/[^\n]/g, ' '));
  return [STATEMENT, EFFECT, CALL].flatMap(pattern =>
    [...source.matchAll(pattern)].map(match => {
      const at = match.index + match[0].lastIndexOf(match[1]);
      const line = source.slice(0, at).split('\n').length;
      return { from, to: target(from, match[1], line), line, name: match[1] };
    }),
  );
}

function target(from, name, line) {
  const path = join(dirname(from), name);
  const stem = path.replace(/\.([cm]?)js$/, '.$1ts');
  const file = [stem, `${path}.ts`, join(path, 'index.ts')].find(choice => existsSync(choice) && statSync(choice).isFile());
  if (!file) throw new Error(`${from}:${line}: cannot find ${name}`);
  return file;
}
