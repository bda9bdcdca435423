// Where a property of the construct is in a servers.yaml, and how it is called there.
import { KEYS } from '../deploy-toml/keys';
import { Problems, translate } from '../deploy-toml/problems';
import type { Path, Source } from './source';

/** The part of the file that describes one function: `['servers', name]` or `['compose', name]`. */
export type Place = readonly ['servers' | 'compose', string];

/** Keys of a server by the property that they set. */
const OF_SERVER: { readonly [property: string]: string } = {
  program: 'command',
  timeout: 'timeout',
  memorySize: 'memory',
  reservedConcurrentExecutions: 'reserved_concurrency',
  childPer: 'child_per',
  vpc: 'vpc_config',
  securityGroups: 'vpc_config',
  description: 'description',
};

/** The path of a property: of the server if it has the key, else of the section that sets it for all servers. */
export function pathOf(place: Place, entry: object, property: string): Path {
  const [root = '', ...rest] = property.split('.');
  if (root === 'binary') return ['binary'];
  if (root === 'program') return programPath(place, entry, rest);
  const key = OF_SERVER[property];
  if (key !== undefined && key in entry) return [...place, key];
  const [, section, name] = /^\[([\w.]+)\] (\w+)$/.exec(KEYS[property] ?? '') ?? [];
  if (section === undefined || name === undefined) return place;
  return section === 'lambda.environment' ? ['lambda', 'environment', rest.join('.')] : [section, name];
}

/** `program`, `program.<server>` of a composition, and `program.environment.<variable>`. */
function programPath(place: Place, entry: object, [kind, name]: string[]): Path {
  if (kind === 'environment' && name !== undefined) {
    const key = ['env', 'secrets'].find(it => name in ((entry as Record<string, object | undefined>)[it] ?? {}));
    return key === undefined ? place : [...place, key, name];
  }
  if (kind !== undefined) return ['servers', kind];
  const key = ['args', 'npm', 'pypi', 'folder', 'image', 'command', 'servers'].find(it => it in entry);
  return key === undefined ? place : [...place, key];
}

/** The construct's words as those of the file: `[section] key` of a deploy.toml is `section.key` here. */
export function inWordsOfFile(text: string): string {
  return translate(text)
    .replace(/\[(\w+)\] (\w+) = "?(\w+)"?/g, '$1.$2: $3')
    .replace(/\[([\w.]+)\] (\w+)/g, '$1.$2')
    .replace(/no \[(\w+)\]/g, 'no $1')
    .replaceAll('McpStdioProgram.containerImage()', 'image')
    .replaceAll('McpStdioProgram.command()', 'folder')
    .replaceAll("'ignoredInstallScripts'", 'ignored_install_scripts')
    .replaceAll("'architecture'", 'lambda.architecture')
    .replaceAll("'binary'", 'binary');
}

/** Problems of the sections that apply to all servers. */
export class SectionProblems extends Problems {
  public constructor(
    private readonly file: Source,
    private readonly place: Place,
    private readonly entry: object,
  ) {
    super();
  }

  public override add(section: string, key: string, expected: string, value: unknown): undefined {
    const given = value === undefined ? 'nothing' : JSON.stringify(value);
    return this.file.add([section, key], `must be ${inWordsOfFile(expected)}, got: ${given}`);
  }

  public override attempt<T>(call: () => T): T | undefined {
    return this.file.attempt(property => pathOf(this.place, this.entry, property), inWordsOfFile, call);
  }
}
