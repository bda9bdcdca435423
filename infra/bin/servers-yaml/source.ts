// The text of a servers.yaml with the positions of its keys, and what is wrong with it.
import { LineCounter, isMap, isNode, isPair, isScalar, parseDocument, type Document, type Node } from 'yaml';
import { PropertyError } from '../../lib/private/validation';

/** The way to a value: names of keys, and indexes of lists. */
export type Path = readonly (string | number)[];

/** A servers.yaml that is invalid. The message has a line for each problem. */
export class ServersConfigError extends Error {}

/** What is wrong, and where in the text. */
interface Problem {
  readonly offset: number | undefined;
  readonly text: string;
}

export class Source {
  private readonly problems: Problem[] = [];
  private readonly lines = new LineCounter();
  private readonly document: Document;

  /** `name` is that of the file in messages. */
  public constructor(
    text: string,
    private readonly name: string,
  ) {
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false, version: '1.2' });
    for (const { message, pos } of this.document.errors) this.problems.push({ offset: pos[0], text: message });
    this.throwAny();
  }

  /** The values of the file, with aliases and merge keys replaced by what they stand for. */
  public value(): unknown {
    try {
      return this.document.toJS({ maxAliasCount: 100 }) ?? {};
    } catch (error) {
      throw new ServersConfigError(`${this.name}: ${(error as Error).message}`);
    }
  }

  /** Notes a problem of the value at the path, or of the nearest key above. */
  public add(path: Path, problem: string): undefined {
    const name = path.map(key => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('').replace(/^\./, '');
    this.problems.push({ offset: this.position(path), text: name === '' ? problem : `${name}: ${problem}` });
  }

  /** The result of the call, or `undefined` if the construct refuses properties: that is noted, at the paths of these. */
  public attempt<T>(pathOf: (property: string) => Path, translate: (text: string) => string, call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof PropertyError)) throw error;
      for (const { property, rule, value, wayOut } of error.problems) {
        const given = value === 'undefined' ? 'nothing' : value;
        this.add(pathOf(property), `${translate(rule)}, got: ${given}; ${translate(wayOut)}`);
      }
      return undefined;
    }
  }

  /** Throws all problems that were noted, each once, in the order of the file. */
  public throwAny(): void {
    if (this.problems.length === 0) return;
    const inOrder = this.problems.toSorted((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
    const lines = inOrder.map(({ offset, text }) => `${this.at(offset)}: ${text}`);
    throw new ServersConfigError([...new Set(lines)].join('\n'));
  }

  private position(path: Path): number | undefined {
    for (let length = path.length; length > 0; length -= 1) {
      const offset = this.offsetOf(path.slice(0, length));
      if (offset !== undefined) return offset;
    }
    return undefined;
  }

  /** Where the key of a map begins, or the item of a list. */
  private offsetOf(path: Path): number | undefined {
    const parent = path.length === 1 ? this.document.contents : this.document.getIn(path.slice(0, -1), true);
    const last = path.at(-1);
    if (!isMap(parent)) return startOf(this.document.getIn(path, true));
    const pair = parent.items.find(item => isPair(item) && isScalar(item.key) && item.key.value === last);
    return pair && startOf(pair.key);
  }

  private at(offset: number | undefined): string {
    if (offset === undefined) return this.name;
    const { line, col } = this.lines.linePos(offset);
    return `${this.name}:${line}:${col}`;
  }
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
