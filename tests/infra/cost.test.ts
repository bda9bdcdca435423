// The calculator of docs/cost.md, compared with examples that are computed by hand.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { costReport } from '../../infra/bin/cost.ts';
import { costOf, totalOf, type Usage } from '../../infra/bin/cost/cost.ts';
import { PRICES_AS_OF, SOURCES } from '../../infra/bin/cost/prices.ts';
import { root } from './synth.ts';

const nothing: Usage = {
  requests: 0,
  milliseconds: 0,
  streams: 0,
  memory: 256,
  architecture: 'arm64',
  provisioned: 0,
  sessionShare: 0,
  events: 0,
  logBytes: 0,
  api: 'function-url',
  monitoring: 'none',
};
const of = (usage: Partial<Usage>) => costOf({ ...nothing, ...usage });
const usd = (usage: Partial<Usage>, name: string) => of(usage).find(it => it.name === name)?.usd;

describe('a month', () => {
  it('in which nothing happens costs the secret, and the alarms of the level', () => {
    expect(of({}).map(({ name, usd: cost }) => [name, cost])).toEqual([['the secret of requestState', 0.4]]);
    expect(totalOf(of({ monitoring: 'basic' }))).toBeCloseTo(1.1, 6);
    expect(totalOf(of({ monitoring: 'full' }))).toBeCloseTo(0.4 + 2.8 + 0.5 + 3, 6);
  });

  it('of requests: a million of 100 ms with 512 MiB', () => {
    const usage = { requests: 1e6, milliseconds: 100, memory: 512, logBytes: 1000, sessionShare: 0.5 };
    expect(usd(usage, 'requests of Lambda')).toBeCloseTo(0.2, 9);
    // 100,000 s x 0.5 GB x $0.0000133334
    expect(usd(usage, 'duration of requests')).toBeCloseTo(0.66667, 5);
    expect(usd({ ...usage, architecture: 'x86_64' }, 'duration of requests')).toBeCloseTo(0.833335, 6);
    // 500,000 read units at $0.125 a million; one GB of logs
    expect(usd(usage, 'reads of sessions')).toBeCloseTo(0.0625, 9);
    expect(usd(usage, 'logs')).toBeCloseTo(0.5, 9);
    expect(usd({ ...usage, api: 'rest' }, 'requests of the API')).toBeCloseTo(3.5, 9);
    expect(usd({ ...usage, api: 'http' }, 'requests of the API')).toBeCloseTo(1, 9);
    expect(usd(usage, 'requests of the API')).toBeUndefined();
  });

  it('of an open stream: docs/cost.md has $8.64, and what opening it again and polling add', () => {
    const usage = { streams: 1 };
    // 0.25 GB x 2,592,000 s x $0.0000133334
    expect(usd(usage, 'open streams')).toBeCloseTo(8.64004, 4);
    // 43,200 x $0.20 a million; 86,400 x $0.625 a million; (43,200 + 810,000) x $0.125 a million
    expect(usd(usage, 'streams that are opened again')).toBeCloseTo(0.00864, 6);
    expect(usd(usage, 'writes of streams')).toBeCloseTo(0.054, 6);
    expect(usd(usage, 'reads of streams')).toBeCloseTo(0.10665, 6);
  });

  it('of a million events', () => {
    const usage = { events: 1e6 };
    // SNS, the invocation, 20 ms of 256 MiB, 7 writes, 2 reads: the table of docs/cost.md
    expect(totalOf(of(usage)) - 0.4).toBeCloseTo(0.5 + 0.2 + 0.066667 + 4.375 + 0.25, 5);
  });

  it('of provisioned environments: they cost while they wait, and requests in them cost less', () => {
    const usage = { provisioned: 1, requests: 1e6, milliseconds: 1000, memory: 1024 };
    // 2,592,000 GB-s at $0.0000033334; a million GB-s at $0.0000077778
    expect(usd(usage, 'provisioned concurrency')).toBeCloseTo(8.64017, 4);
    expect(usd(usage, 'duration in provisioned environments')).toBeCloseTo(7.7778, 4);
    expect(usd(usage, 'duration of requests')).toBeUndefined();
    // Three million GB-s: 408,000 of them are beyond what one environment can run.
    expect(usd({ ...usage, requests: 3e6 }, 'duration of requests')).toBeCloseTo(408_000 * 0.0000133334, 4);
  });
});

describe('the command', () => {
  it('prints each line, the sum, and when the prices were read', () => {
    const report = costReport(['--requests', '1e6', '--ms', '100', '--memory', '512', '--streams', '2']);
    expect(report).toMatch(/duration of requests +50,000 GB-s +\$0\.67\n/);
    expect(report).toMatch(/together, in a month +\$\d+\.\d\d\n/);
    expect(report).toContain(PRICES_AS_OF);
  });

  it('refuses what is no number of the option, and lists the options', () => {
    expect(() => costReport(['--requests', 'many'])).toThrow('--requests must be a number from 0 to 1000000000000, got: many');
    expect(() => costReport(['--session-share', '2'])).toThrow('--session-share must be a number from 0 to 1, got: 2');
    expect(() => costReport(['--api', 'soap'])).toThrow('--api must be function-url, rest, http, got: soap');
    expect(() => costReport(['--reqests', '5'])).toThrow(/reqests/);
    expect(costReport(['--help'])).toContain('--streams         streams that are open at a time, on average (0)');
  });

  it('is scripts/cost, with status 2 for what is wrong', () => {
    const run = (...args: string[]) => spawnSync(join(root, 'scripts', 'cost'), args, { encoding: 'utf8' });
    const made = run('--streams', '1');
    expect(made.stdout).toContain('open streams');
    expect(made.status).toBe(0);
    expect(run('--streams', 'x')).toMatchObject({ status: 2, stderr: 'cost: --streams must be a number from 0 to 1000000, got: x\n' });
  });
});

it('docs/cost.md has the date and the sources of the prices', () => {
  const page = readFileSync(join(root, 'docs', 'cost.md'), 'utf8');
  expect(page).toContain(PRICES_AS_OF);
  for (const source of Object.values(SOURCES)) expect(page).toContain(source);
});
