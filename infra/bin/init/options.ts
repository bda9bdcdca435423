// The command line of `init`.
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { suggestion } from '../nearest';
import { QUESTIONS, answersTo, type Choices, type Question } from './choices';
import { InitError } from './error';
import { checkName } from './name';

export const USAGE = `npx mcp-lambda-server init [FOLDER] [options]      a new project
npx mcp-lambda-server init --here [FOLDER]        what is missing in a project that exists
npx mcp-lambda-server init --from cargo-pmcp [FOLDER]   a deploy.toml from that of cargo-pmcp

    --name NAME           the name of the project; default: that of the folder
${Object.entries(QUESTIONS)
  .map(([option, { answers }]) => `    --${option.padEnd(9)} ${Object.keys(answers).join(' | ')}`)
  .join('\n')}
    --issuer URL          with --auth jwt: the issuer of the tokens
    --audience TEXT       with --auth jwt: what the tokens name as their audience
    --package NAME        with --template stdio-npm or stdio-python: the package, with its version (name@1.2.3, name==1.2.3)
    --yes                 asks nothing: the first of each list where an option is missing
    --force               replaces files that exist

Without --yes it asks for what is missing, in a terminal.`;

const OPTIONS = {
  here: { type: 'boolean' },
  from: { type: 'string' },
  name: { type: 'string' },
  template: { type: 'string' },
  auth: { type: 'string' },
  front: { type: 'string' },
  deploy: { type: 'string' },
  issuer: { type: 'string' },
  audience: { type: 'string' },
  package: { type: 'string' },
  yes: { type: 'boolean', short: 'y' },
  force: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** What the command line says. */
export interface Given {
  readonly folder: string | undefined;
  readonly name: string | undefined;
  readonly choices: Partial<Choices>;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly package: string | undefined;
  readonly here: boolean;
  readonly from: string | undefined;
  readonly yes: boolean;
  readonly force: boolean;
  readonly help: boolean;
}

/** Reads the command line, or fails with what is wrong with it. */
export function readArgs(args: string[]): Given {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) {
    throw new InitError(`init takes one folder, got: ${positionals.join(' ')}`);
  }
  const choices: { [name: string]: string } = {};
  for (const question of Object.keys(QUESTIONS) as Question[]) {
    const given = values[question];
    if (given !== undefined) choices[question] = checkChoice(question, given);
  }
  checkBelongs(values);
  return {
    folder: positionals[0],
    name: values.name === undefined ? undefined : checkName(values.name),
    choices,
    issuer: values.issuer === undefined ? undefined : checkIssuer(values.issuer),
    audience: values.audience,
    package: values.package,
    here: values.here ?? false,
    from: values.from === undefined ? undefined : checkFrom(values.from),
    yes: values.yes ?? false,
    force: values.force ?? false,
    help: values.help ?? false,
  };
}

/** The name of a project: the one that is given, or that of its folder. */
export function nameOf(given: Given, folder: string): string {
  return given.name ?? checkName(basename(resolve(folder)));
}

function parse(args: string[]) {
  const known = Object.keys(OPTIONS).map(name => `--${name}`);
  for (const arg of args) {
    const [name = ''] = arg.split('=');
    if (!name.startsWith('--') || name === '--' || known.includes(name)) continue;
    throw new InitError(`init has no option ${name}: ${suggestion(name, known)}`);
  }
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Its messages name the option; what follows the first sentence is about other programs.
    throw new InitError((error as Error).message.split(/\. (?=To|Did)|\n/)[0] ?? '');
  }
}

/** An answer that is one of the question's. */
export function checkChoice(question: Question, given: string): string {
  const answers = answersTo(question);
  if (answers.includes(given)) return given;
  throw new InitError(`--${question} must be one of ${answers.join(', ')}, got: ${given || 'nothing'}`);
}

function checkBelongs(values: { [name: string]: string | boolean | undefined }): void {
  for (const name of ['issuer', 'audience']) {
    if (values[name] !== undefined && values['auth'] !== 'jwt') throw new InitError(`--${name} needs --auth jwt`);
  }
  if (values['package'] !== undefined && !String(values['template']).startsWith('stdio-')) {
    throw new InitError('--package needs --template stdio-npm or stdio-python');
  }
  if (values['package'] !== undefined) checkPackage(String(values['template']), String(values['package']));
}

/** Each deployment has the same version: an exact one. */
function checkPackage(template: string, given: string): void {
  const [pattern, example] = template === 'stdio-npm' ? [/^(?:@[\w.-]+\/)?[\w.-]+@\d[\w.+-]*$/, 'name@1.2.3'] : [/^[\w.-]+==\d[\w.+!-]*$/, 'name==1.2.3'];
  if (!pattern.test(given)) throw new InitError(`--package must be a package with its version, such as ${example}, got: ${given}`);
}

function checkFrom(given: string): string {
  if (given === 'cargo-pmcp') return given;
  throw new InitError(`--from must be cargo-pmcp, got: ${given}`);
}

function checkIssuer(given: string): string {
  if (URL.canParse(given) && new URL(given).protocol === 'https:') return given;
  throw new InitError(`--issuer must be a URL that begins with https://, got: ${given}`);
}
