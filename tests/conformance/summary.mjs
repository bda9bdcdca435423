// Judges a run of the conformance suite by its checks.json files and closes it with one line:
//
//     summary.mjs SUITE REVISION BASELINE OUT SUITE_EXIT_CODE [SCENARIO]
//
// scripts/conformance says what passes. Only scored scenarios count: those that the suite's frozen requirements list,
// all that ran where there are none (2025-06-18), or the one scenario that was asked for.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [suite, revision, baselineFile, out, suiteExitCode, only] = process.argv.slice(2);
// The suite's own YAML parser: what it reads as a list is what is judged here.
const { parse } = createRequire(resolve(suite, 'package.json'))('yaml');
const log = readFileSync(join(out, 'suite.log'), 'utf8');

const folders = readdirSync(out, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const ran = only ? [only] : [...log.matchAll(/^=== Running scenario: (.+) ===$/gm)].map((match) => match[1]);
const requirements = join(suite, 'requirements', `${revision}.yaml`);
const scored = !only && existsSync(requirements) ? parse(readFileSync(requirements, 'utf8')).server : ran;
const baseline = (parse(readFileSync(baselineFile, 'utf8'))?.server ?? []).filter((entry) => !only || scenarioOf(entry) === only);

const problems = [];
const failed = new Set();
const expected = new Set();
for (const scenario of scored) {
  for (const { entry, text } of failures(scenario)) {
    const known = baseline.find((listed) => listed === scenario || listed === entry);
    if (known) expected.add(known);
    else {
      failed.add(scenario);
      problems.push(text);
    }
  }
}
const stale = baseline.filter((entry) => !expected.has(entry));
for (const entry of stale) problems.push(`STALE    ${entry} does not fail: take it out of ${baselineFile}`);
if (ran.length === 0) problems.push(`NOTHING  no scenario ran; the end of ${join(out, 'suite.log')}:\n${log.trimEnd().split('\n').slice(-10).join('\n')}`);
if (problems.length === 0 && suiteExitCode !== '0') problems.push(`SUITE    it ended with exit code ${suiteExitCode}: see ${join(out, 'suite.log')}`);

if (problems.length > 0) console.log(`\n${problems.join('\n')}`);
const excused = new Set([...expected].map(scenarioOf).filter((scenario) => !failed.has(scenario)));
const counts = [`${scored.length - failed.size - excused.size} passed`, `${failed.size} failed`];
if (excused.size > 0) counts.push(`${excused.size} failed as expected`);
if (stale.length > 0) counts.push(`${stale.length} stale`);
console.log(`\n${counts.join(', ')}`);
process.exit(problems.length > 0 ? 1 : 0);

/** The part of a baseline entry before its check. */
function scenarioOf(entry) {
  return entry.split(':', 1)[0];
}

/** What is wrong with a scenario: its failing checks, or that there is nothing to judge. */
function failures(scenario) {
  const checks = checksOf(scenario);
  if (!checks) return [{ entry: scenario, text: `FAILURE  ${scenario}: it left no result` }];
  const failing = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
  if (failing.length === 0 && !checks.some(({ status }) => status === 'SUCCESS')) {
    return [{ entry: scenario, text: `FAILURE  ${scenario}: no check passed, so nothing was proved` }];
  }
  return failing.map(({ id, status, errorMessage, details }) => ({
    entry: `${scenario}:${id}`,
    text: `${status}  ${scenario}:${id}: ${errorMessage ?? details?.message ?? JSON.stringify(details)}`,
  }));
}

/** The checks of a scenario's folder, `server-<scenario>-<ISO time>`. */
function checksOf(scenario) {
  const prefix = `server-${scenario}-`;
  const isTime = /^\d{4}-\d{2}-\d{2}T[\d-]+Z$/;
  const folder = folders.find(({ name }) => name.startsWith(prefix) && isTime.test(name.slice(prefix.length)));
  const file = folder && join(out, folder.name, 'checks.json');
  return file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}
