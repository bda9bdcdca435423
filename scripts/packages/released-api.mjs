// Notes the API of a release, with which `scripts/test languages` compares later ones: node scripts/packages/released-api.mjs
// `scripts/language-packages` has to have been run before. What is no API is left out: texts, and places in the sources.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const TEXTS = ['locationInModule', 'readme', 'symbolId'];

function apiOf(key, value) {
  if (TEXTS.includes(key)) return undefined;
  if (key !== 'docs') return value;
  const { stability, deprecated } = value;
  return stability === undefined && deprecated === undefined ? undefined : { stability, deprecated };
}

const assembly = JSON.parse(readFileSync(join(root, '.languages', 'infra', '.jsii'), 'utf8'));
const api = gzipSync(JSON.stringify(assembly, apiOf), { level: 9 });
const file = join(root, 'tests', 'languages', 'api', 'released.jsii.gz');
writeFileSync(file, api);
console.log(`${file}: ${assembly.version}, ${api.length} bytes`);
