// The modules of a Rust crate: what each defines, imports and names. Code that is compiled for tests only is left out.

import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { tokensOf } from './rust-tokens.mjs';

const DEFINITIONS = new Set(['struct', 'enum', 'union', 'trait', 'fn', 'const', 'static', 'type']);
const MODIFIERS = new Set(['async', 'unsafe', 'extern', 'default', 'auto']);
const ENDED_BY_SEMICOLON = new Set(['use', 'const', 'static', 'type', 'let']);
const FUNCTION = new Set(['fn', 'async', 'unsafe', 'extern']);
const ITEMS = new Set([...DEFINITIONS, ...MODIFIERS, 'use', 'impl', 'mod', 'let', 'macro_rules']);
const NAMED_HERE = new Set([...DEFINITIONS, 'let', 'mut', 'ref', 'mod']);
const OPENING = { '(': ')', '[': ']', '{': '}' };
const CLOSING = new Set([')', ']', '}']);

/**
 * Reads the crate of a root file (lib.rs or main.rs) and returns its root module. A module is { file, name, parent,
 * children, items, made, uses, globs, names }: `items` are the names that it defines, `made` those that a macro may define
 * there, `uses` and `globs` its imports, `names` all identifiers and paths of its code, without those of its imports.
 */
export function readCrate(file) {
  const root = newModule(file, 'crate', undefined);
  readFile(root, file, dirname(file));
  return root;
}

function newModule(file, name, parent) {
  const module = { file, name, parent, children: new Map(), items: new Set(), made: new Set(), uses: [], globs: [], names: [] };
  if (parent) parent.children.set(name, module);
  return module;
}

/** Reads a file as the body of a module. The files of its child modules are in `folder`. */
function readFile(module, file, folder) {
  let tokens;
  try {
    tokens = tokensOf(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file}: ${error.message}`);
  }
  new Body(tokens, file, folder).read(module, 0, tokens.length);
}

/** The tokens of one file, read from left to right. */
class Body {
  constructor(tokens, file, folder) {
    this.tokens = tokens;
    this.file = file;
    this.folder = folder;
  }

  text(at) {
    return this.tokens[at]?.text;
  }

  isIdentifier(at) {
    return this.tokens[at]?.kind === 'identifier';
  }

  /** Is this punctuation at a position? A text literal never is. */
  isMark(at, text) {
    return this.tokens[at]?.kind === 'other' && this.tokens[at].text === text;
  }

  /** The position after the bracket that closes the one at `at`. */
  closed(at) {
    const waiting = [];
    for (let index = at; index < this.tokens.length; index += 1) {
      if (this.tokens[index].kind !== 'other') continue;
      const text = this.text(index);
      if (Object.hasOwn(OPENING, text)) waiting.push(OPENING[text]);
      else if (CLOSING.has(text)) {
        if (waiting.pop() !== text) throw new Error(`${this.file}:${this.tokens[index].line}: '${text}' closes nothing`);
        if (waiting.length === 0) return index + 1;
      }
    }
    throw new Error(`${this.file}:${this.tokens[at].line}: '${this.text(at)}' is not closed`);
  }

  /** The position after an item, a statement, a field or a variant that begins at `at`. */
  ended(at, to) {
    const word = this.isIdentifier(at) ? this.text(at) : undefined;
    const braces = !(ENDED_BY_SEMICOLON.has(word) && !FUNCTION.has(this.text(at + 1)));
    const comma = !ITEMS.has(word);
    for (let index = at; index < to; ) {
      if (this.isMark(index, ';') || (comma && this.isMark(index, ','))) return index + 1;
      if (braces && this.isMark(index, '{')) return this.closed(index);
      index = ['(', '[', '{'].some(text => this.isMark(index, text)) ? this.closed(index) : index + 1;
    }
    return to;
  }

  /** Reads the items of a module between two positions. */
  read(module, from, to) {
    let path;
    for (let at = from; at < to; ) {
      if (this.isMark(at, '#')) {
        const bracket = this.isMark(at + 1, '!') ? at + 2 : at + 1;
        const end = this.closed(bracket);
        const inner = bracket === at + 2;
        if (this.isTestOnly(bracket, end)) {
          if (inner) return;
          at = this.ended(this.pastAttributes(end), to);
          path = undefined;
          continue;
        }
        if (this.text(bracket + 1) === 'path') path = this.text(bracket + 3);
        at = end;
        continue;
      }
      at = this.item(module, at, to, path);
      path = undefined;
    }
  }

  /** `#[cfg(test)]`, `#[cfg(all(test, ...))]`, `#[test]` and `#[tokio::test]`. */
  isTestOnly(from, to) {
    const words = this.tokens.slice(from + 1, to - 1).map(({ text }) => text);
    const text = words.join('');
    return /^cfg\((test|all\((.*,)?test(,.*)?\))\)$/.test(text) || /^(\w+::)*test(\(.*\))?$/.test(text);
  }

  pastAttributes(at) {
    let index = at;
    while (this.isMark(index, '#')) index = this.closed(index + 1);
    return this.pastVisibility(index);
  }

  pastVisibility(at) {
    if (this.text(at) !== 'pub') return at;
    return this.isMark(at + 1, '(') ? this.closed(at + 1) : at + 1;
  }

  /** Reads one item and returns the position after it. */
  item(module, from, to, path) {
    const at = this.pastVisibility(from);
    const visible = at > from;
    const word = this.isIdentifier(at) ? this.text(at) : undefined;
    if (word === 'use') return this.useItem(module, at, to, visible);
    if (word === 'mod') return this.modItem(module, at, path);
    if (word === 'macro_rules') {
      module.items.add(this.text(at + 2));
      return this.made(module, at + 3);
    }
    if (word && this.isMark(at + 1, '!')) return this.invocation(module, at);
    this.define(module, at);
    return this.code(module, at, this.ended(at, to));
  }

  define(module, from) {
    let at = from;
    while (MODIFIERS.has(this.text(at)) || this.tokens[at]?.kind === 'text') at += 1;
    if (!DEFINITIONS.has(this.text(at))) return;
    if (this.text(at) === 'const' && FUNCTION.has(this.text(at + 1))) {
      this.define(module, at + 1);
      return;
    }
    const name = this.text(at + 1) === 'mut' ? at + 2 : at + 1;
    if (this.isIdentifier(name)) module.items.add(this.text(name));
  }

  /** A macro that is called where items stand. */
  invocation(module, at) {
    module.names.push({ path: [this.text(at)], line: this.tokens[at].line });
    const end = this.made(module, at + 2);
    return this.isMark(end, ';') ? end + 1 : end;
  }

  /** The text of a macro, or what it is given, in brackets: each of its names may become one of the module. */
  made(module, open) {
    const end = this.closed(open);
    for (let index = open; index < end; index += 1) if (this.isIdentifier(index)) module.made.add(this.text(index));
    return this.code(module, open, end);
  }

  modItem(module, at, path) {
    const name = this.text(at + 1);
    if (this.isMark(at + 2, '{')) {
      const end = this.closed(at + 2);
      if (name === 'tests') return end;
      const inner = new Body(this.tokens, this.file, join(this.folder, name));
      inner.read(newModule(this.file, name, module), at + 3, end - 1);
      return end;
    }
    if (name !== 'tests') this.fileModule(module, name, path, this.tokens[at].line);
    return at + 3;
  }

  fileModule(module, name, path, line) {
    const choices = path ? [join(dirname(this.file), path)] : [join(this.folder, `${name}.rs`), join(this.folder, name, 'mod.rs')];
    const file = choices.find(choice => existsSync(choice));
    if (!file) throw new Error(`${this.file}:${line}: the file of module ${name} is missing`);
    const folder = path ? (basename(file) === 'mod.rs' ? dirname(file) : file.slice(0, -3)) : join(this.folder, name);
    readFile(newModule(file, name, module), file, folder);
  }

  useItem(module, from, to, visible) {
    const end = this.ended(from, to);
    this.useTree(module, from + 1, [], visible);
    return end;
  }

  /** Reads a tree of imports and returns the position after it. */
  useTree(module, from, prefix, visible) {
    const path = [...prefix];
    let at = this.isMark(from, '::') ? from + 1 : from;
    // A path that begins with `::` leads to another crate.
    if (at > from && prefix.length === 0) path.push('::');
    for (;;) {
      const { line } = this.tokens[at];
      if (this.isMark(at, '{')) {
        const end = this.closed(at);
        for (at += 1; at < end - 1; ) {
          at = this.useTree(module, at, path, visible);
          if (this.isMark(at, ',')) at += 1;
        }
        return end;
      }
      if (this.isMark(at, '*')) {
        module.globs.push({ path, line, visible });
        return at + 1;
      }
      path.push(this.text(at));
      at += 1;
      if (this.isMark(at, '::')) {
        at += 1;
        continue;
      }
      if (path.at(-1) === 'self' && path.length > 1) path.pop();
      const renamed = this.text(at) === 'as';
      const name = renamed ? this.text(at + 1) : path.at(-1);
      module.uses.push({ name, path, line, visible });
      return renamed ? at + 2 : at;
    }
  }

  /** Collects the paths and identifiers of code. Imports inside functions count as imports of the module. */
  code(module, from, to) {
    for (let at = from; at < to; ) {
      if (this.isMark(at, '#') && this.isMark(at + 1, '[')) {
        const end = this.closed(at + 1);
        at = this.isTestOnly(at + 1, end) ? this.ended(this.pastAttributes(end), to) : end;
      } else if (this.isIdentifier(at) && this.text(at) === 'use' && !this.isMark(at + 1, '<')) {
        at = this.useItem(module, at, to, false);
      } else if (this.isIdentifier(at) && !this.isMark(at - 1, '.')) {
        at = this.path(module, at);
      } else {
        at += 1;
      }
    }
    return to;
  }

  path(module, from) {
    const { line } = this.tokens[from];
    const path = this.isMark(from - 1, '::') && !this.isIdentifier(from - 2) ? ['::'] : [];
    let at = from;
    path.push(this.text(at));
    while (this.isMark(at + 1, '::') && this.isIdentifier(at + 2)) {
      at += 2;
      path.push(this.text(at));
    }
    // A variable or a definition of that name is no use of it. A function is used where it is called, a type anywhere.
    const single = path.length === 1 && (NAMED_HERE.has(this.text(from - 1)) || (/^[a-z_]/.test(path[0]) && !this.isMark(at + 1, '(') && !this.isMark(at + 1, '!')));
    if (!single) module.names.push({ path, line });
    return at + 1;
  }
}
