// The text of a deploy.toml with the positions of its sections and keys.
import { ParseError, getStaticTOMLValue, parseTOML, type AST } from 'toml-eslint-parser';

/** The way to a value: names of sections and keys, and indexes of lists. */
export type Path = readonly (string | number)[];

/** A deploy.toml, or the context beside it, that is invalid. The message has a line for each problem. */
export class DeployConfigError extends Error {}

/** Where something begins in the text. Both numbers count from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

export class Source {
  /** What the file contains. */
  public readonly value: { readonly [section: string]: unknown };
  private readonly positions = new Map<string, Position>();

  /** `name` is that of the file in messages. */
  public constructor(
    text: string,
    public readonly name: string,
  ) {
    const program = parse(text, name);
    this.value = getStaticTOMLValue(program) as { [section: string]: unknown };
    for (const node of program.body[0].body) {
      if (node.type === 'TOMLTable') this.collectTable(node);
      else this.collect([], node);
    }
  }

  /** The position of the key at the path, or of the nearest section above. */
  public position(path: Path): Position | undefined {
    for (let length = path.length; length > 0; length -= 1) {
      const found = this.positions.get(nameOf(path.slice(0, length)));
      if (found) return found;
    }
    return undefined;
  }

  private collectTable(table: AST.TOMLTable): void {
    for (let length = 1; length <= table.resolvedKey.length; length += 1) {
      this.note(table.resolvedKey.slice(0, length), table.loc.start);
    }
    for (const pair of table.body) this.collect(table.resolvedKey, pair);
  }

  private collect(above: Path, { key, value }: AST.TOMLKeyValue): void {
    const path = [...above];
    for (const part of key.keys) {
      path.push(part.type === 'TOMLBare' ? part.name : part.value);
      this.note(path, part.loc.start);
    }
    this.collectValue(path, value);
  }

  private collectValue(path: Path, value: AST.TOMLContentNode): void {
    if (value.type === 'TOMLInlineTable') for (const pair of value.body) this.collect(path, pair);
    if (value.type !== 'TOMLArray') return;
    for (const [at, element] of value.elements.entries()) {
      this.note([...path, at], element.loc.start);
      this.collectValue([...path, at], element);
    }
  }

  private note(path: Path, { line, column }: Position): void {
    const name = nameOf(path);
    if (!this.positions.has(name)) this.positions.set(name, { line, column: column + 1 });
  }
}

function parse(text: string, name: string): AST.TOMLProgram {
  try {
    return parseTOML(text, { tomlVersion: '1.0' });
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new DeployConfigError(`${name}:${error.lineNumber}:${error.column + 1}: not TOML: ${error.message}`);
  }
}

/** A text for the path that no other path has. */
function nameOf(path: Path): string {
  return JSON.stringify(path);
}
