// Which file of a Rust crate uses which other one: an arrow leads to the file that defines the name.
//
// Re-exports are followed to the definition, and make no arrow themselves; neither does `mod x;`, nor the import of a module,
// since its members make the arrows where they are named. A method that is called on a value names no file and makes none.

import { readCrate } from './rust-modules.mjs';

/** The arrows of a crate by its root file: { from, to, line, name }, each pair of files with its first line. */
export function rustArrows(rootFile) {
  const resolver = new Resolver(readCrate(rootFile));
  const arrows = [];
  const walk = module => {
    arrows.push(...arrowsOf(resolver, module));
    for (const child of module.children.values()) walk(child);
  };
  walk(resolver.root);
  return arrows;
}

function arrowsOf(resolver, module) {
  const arrows = [];
  const point = (path, line, targets) => {
    for (const to of targets) if (to !== module.file) arrows.push({ from: module.file, to, line, name: path.join('::') });
  };
  // A re-export brings its name into scope too: it is used where the code names it, as a name of a glob is.
  for (const { path, line, visible } of module.uses) {
    const found = resolver.absolute(module, path, new Set());
    if (!found) continue;
    if (isEmpty(found)) throw new Error(`${module.file}:${line}: cannot find ${path.join('::')}`);
    if (!visible) point(path, line, found.files);
  }
  for (const { path, line } of module.names) {
    if (path.length === 1) {
      point(path, line, resolver.unnamed(module, path[0]).files);
      continue;
    }
    const found = resolver.absolute(module, path, new Set());
    if (!found) continue;
    if (isEmpty(found)) throw new Error(`${module.file}:${line}: cannot find ${path.join('::')}`);
    point(path, line, found.files);
  }
  return arrows;
}

const isEmpty = ({ modules, files }) => modules.size === 0 && files.size === 0;

/** What a name can stand for: modules, and the files of the items that have it. */
const nothing = () => ({ modules: new Set(), files: new Set() });

function add(to, from) {
  for (const module of from.modules) to.modules.add(module);
  for (const file of from.files) to.files.add(file);
}

class Resolver {
  constructor(root) {
    this.root = root;
  }

  /** What a path of a module leads to; undefined for a path into another crate. */
  absolute(module, path, seen) {
    let [first, ...rest] = path;
    if (first === '::') return undefined;
    let start;
    if (first === 'crate') start = this.root;
    else if (first === 'self') start = module;
    else if (first === 'super') start = module.parent;
    if (start) {
      while (rest[0] === 'super') {
        start = start?.parent;
        rest = rest.slice(1);
      }
      if (!start) throw new Error(`${module.file}: ${path.join('::')} leads out of the crate`);
      return this.follow(onlyModule(start), rest, seen);
    }
    const named = this.lookup(module, first, seen);
    return named && !isEmpty(named) ? this.follow(named, rest, seen) : undefined;
  }

  follow(from, path, seen) {
    let found = from;
    for (const name of path) {
      // Behind an item stand its own members: a variant, an associated function.
      if (found.modules.size === 0) return found;
      const next = nothing();
      let outside = false;
      for (const module of found.modules) {
        const named = this.lookup(module, name, seen);
        if (named) add(next, named);
        else outside = true;
      }
      if (isEmpty(next) && outside) return undefined;
      if (isEmpty(next) && found.files.size > 0) return found;
      found = next;
    }
    return found;
  }

  /** What a module knows by a name; undefined for a name of another crate. */
  lookup(module, name, seen) {
    const key = `${module.file}\0${module.name}\0${name}`;
    if (seen.has(key)) return nothing();
    const inner = new Set(seen).add(key);
    const found = nothing();
    if (module.children.has(name)) found.modules.add(module.children.get(name));
    if (module.items.has(name)) found.files.add(module.file);
    let outside = false;
    for (const use of module.uses.filter(use => use.name === name)) {
      const used = this.absolute(module, use.path, inner);
      if (used) add(found, used);
      else outside = true;
    }
    if (isEmpty(found) && !outside) add(found, this.ofGlobs(module, name, inner));
    if (isEmpty(found) && module.made.has(name)) found.files.add(module.file);
    return isEmpty(found) && outside ? undefined : found;
  }

  ofGlobs(module, name, seen) {
    const found = nothing();
    for (const { path } of module.globs) {
      const target = this.absolute(module, path, seen);
      if (!target) continue;
      for (const of of target.modules) {
        const named = this.lookup(of, name, seen);
        if (named) add(found, named);
      }
    }
    return found;
  }

  /** The files of a single name in code that no import of its own brings into scope: by a glob or a re-export. */
  unnamed(module, name) {
    const found = nothing();
    if (module.items.has(name)) return found;
    const uses = module.uses.filter(use => use.name === name);
    if (uses.some(({ visible }) => !visible)) return found;
    for (const use of uses) add(found, this.absolute(module, use.path, new Set()) ?? nothing());
    if (uses.length === 0 && !module.children.has(name)) add(found, this.ofGlobs(module, name, new Set()));
    return found;
  }
}

const onlyModule = module => ({ modules: new Set([module]), files: new Set() });
