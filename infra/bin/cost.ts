// `scripts/cost --requests 1e6 --streams 5`: what a month of a server costs.
import { parseArgs } from 'node:util';
import { costOf, totalOf, type Usage } from './cost/cost';
import { PRICES_AS_OF, SOURCES } from './cost/prices';

/** The options, with their defaults. All numbers are for a month of 720 hours. */
const DEFAULTS: Usage = {
  requests: 0,
  milliseconds: 50,
  streams: 0,
  memory: 256,
  architecture: 'arm64',
  provisioned: 0,
  sessionShare: 0,
  events: 0,
  logBytes: 500,
  api: 'function-url',
  monitoring: 'basic',
};

const NUMBERS: { readonly [option: string]: { readonly key: keyof Usage; readonly most: number; readonly text: string } } = {
  requests: { key: 'requests', most: 1e12, text: 'requests of clients in a month' },
  ms: { key: 'milliseconds', most: 900_000, text: 'average duration of a request, in milliseconds' },
  streams: { key: 'streams', most: 1e6, text: 'streams that are open at a time, on average' },
  memory: { key: 'memory', most: 10_240, text: 'memory of the function, in MiB' },
  provisioned: { key: 'provisioned', most: 1e6, text: 'environments that are always initialized' },
  'session-share': { key: 'sessionShare', most: 1, text: 'part of the requests that belongs to a session, 0 to 1' },
  events: { key: 'events', most: 1e12, text: 'events that are published to the topic in a month' },
  'log-bytes': { key: 'logBytes', most: 1e6, text: 'bytes of log that a request writes' },
};

const CHOICES: { readonly [option: string]: { readonly key: keyof Usage; readonly choices: readonly string[] } } = {
  architecture: { key: 'architecture', choices: ['arm64', 'x86_64'] },
  api: { key: 'api', choices: ['function-url', 'rest', 'http'] },
  monitoring: { key: 'monitoring', choices: ['none', 'basic', 'full'] },
};

/** What the command prints, or a failure with what is wrong. */
export function costReport(args: readonly string[]): string {
  const names = [...Object.keys(NUMBERS), ...Object.keys(CHOICES)];
  const options = Object.fromEntries(names.map(name => [name, { type: 'string' as const }]));
  const parsed = parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean' } } });
  const values: { readonly [name: string]: string | boolean | undefined } = parsed.values;
  if (values['help']) return usageText();
  const given = names.flatMap(name => (values[name] === undefined ? [] : [[name, valueOf(name, String(values[name]))] as const]));
  const keyed = given.map(([name, value]) => [(NUMBERS[name] ?? CHOICES[name])?.key, value]);
  const items = costOf({ ...DEFAULTS, ...(Object.fromEntries(keyed) as Partial<Usage>) });
  const lines = items.map(({ name, count, usd }) => `    ${name.padEnd(38)}${count.padStart(28)}${money(usd).padStart(14)}`);
  const total = `    ${'together, in a month'.padEnd(38)}${''.padStart(28)}${money(totalOf(items)).padStart(14)}`;
  const sources = `Prices of us-east-1, on demand, as of ${PRICES_AS_OF}, before free tiers: ${SOURCES.lambda} and its siblings; docs/cost.md`;
  return [...lines, total, '', sources].join('\n');
}

function valueOf(name: string, text: string): number | string {
  const choice = CHOICES[name];
  if (choice) {
    if (choice.choices.includes(text)) return text;
    throw new Error(`--${name} must be ${choice.choices.join(', ')}, got: ${text}`);
  }
  const value = Number(text);
  const most = NUMBERS[name]?.most ?? 0;
  if (text.trim() !== '' && value >= 0 && value <= most) return value;
  throw new Error(`--${name} must be a number from 0 to ${most}, got: ${text}`);
}

function usageText(): string {
  const numbers = Object.entries(NUMBERS).map(([name, { key, text }]) => [name, text, DEFAULTS[key]] as const);
  const choices = Object.entries(CHOICES).map(([name, { key, choices: all }]) => [name, all.join(', '), DEFAULTS[key]] as const);
  const line = ([name, text, value]: readonly [string, string, unknown]) => `    --${name.padEnd(16)}${text} (${String(value)})`;
  return ['What a month of a server costs:', '', ...[...numbers, ...choices].map(line)].join('\n');
}

function money(usd: number): string {
  return `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`;
}

/** Runs the command. Returns the status of the process. */
export function runCost(args: readonly string[]): number {
  try {
    console.log(costReport(args));
    return 0;
  } catch (error) {
    console.error(`cost: ${(error as Error).message}`);
    return 2;
  }
}
