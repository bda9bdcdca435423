// The self-test of scripts/import-circles: trees of a few files with known arrows and circles.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

import { circles } from './circles.mjs';
import { rustArrows } from './rust-imports.mjs';
import { typeScriptArrows } from './typescript-imports.mjs';

/** Each way to name an item of another file, and each thing that looks like one and is none. */
const RUST = {
  'lib.rs': `
    //! [crate::leaf::Leaf] in a doc comment is no arrow.
    pub mod room; mod leaf; mod user; mod globs; mod made;
    #[cfg(test)] mod only_tests;
    #[cfg(test)] use crate::user::never_in_tests;
    pub use room::Deep;
    pub(crate) use self::leaf::helper;
    macro_rules! loud { () => { crate::leaf::Leaf } }
    fn uses_a_re_export() -> u8 { helper() }
  `,
  'leaf.rs': `
    pub struct Leaf<'a, const N: usize>(&'a [u8; N]);
    pub const fn helper() -> u8 { b'\\'' }
    pub const TEXT: &str = r#"crate::user::User " { "#;
    /* use crate::user::User; /* nested */ */
    #[cfg(test)] mod tests { use crate::user::User; }
    #[test] fn alone<A, B>() { crate::user::never(); }
    #[cfg(all(test, unix))] fn helper_of_tests<A, B>() { crate::user::never(); }
  `,
  'made.rs': `
    macro_rules! newtype { ($name:ident) => { pub struct $name; pub fn made_by_macro() {} } }
    newtype!(Made);
  `,
  'room/mod.rs': `
    mod deep; pub mod other;
    pub use self::deep::{Deep, Deeper as Renamed};
    pub use other::*;
  `,
  'room/deep.rs': `
    pub struct Deep; pub enum Deeper { One }
    fn grand() { super::super::leaf::helper(); }
  `,
  'room/other.rs': `
    pub fn by_glob() {}
    mod inner { pub fn up() { super::super::Deep; } }
  `,
  'user.rs': `
    use std::{fmt, io::{self}};
    use crate::room::{self, Renamed};
    use crate::made::{Made, made_by_macro};
    use crate::Deep as Again;
    pub struct User { by_glob: u8 }
    fn inline() { room::by_glob(); let _ = Renamed::One; ::std::mem::drop(()); }
    fn inside() { use super::leaf::Leaf; }
    fn other_crate() { serde::room::by_glob(); fmt::Error; }
  `,
  'globs.rs': `
    use crate::room::*;
    fn called() { by_glob(); let up = 1; value.helper(); }
  `,
  'only_tests.rs': 'use crate::user::User;',
};

const RUST_ARROWS = [
  'globs.rs:3 -> room/other.rs',
  'lib.rs:8 -> leaf.rs',
  'lib.rs:9 -> leaf.rs',
  'room/deep.rs:3 -> leaf.rs',
  'room/other.rs:3 -> room/deep.rs',
  'user.rs:3 -> room/deep.rs',
  'user.rs:4 -> made.rs',
  'user.rs:5 -> room/deep.rs',
  'user.rs:7 -> room/deep.rs',
  'user.rs:7 -> room/other.rs',
  'user.rs:8 -> leaf.rs',
];

const TYPESCRIPT = {
  'a.ts': `import { b } from './b';\nimport type { C } from './c/index';\n// import './c/index';\n/**\n * import { d } from './d.js';\n */\n`,
  'b.ts': `export {\n  d,\n} from './d.js';\nimport aws from 'aws-cdk-lib';\n`,
  'c/index.ts': `import { type A } from '../a';\nexport type { B } from '../b';\n`,
  'd.ts': `const late = await import('./c');\n`,
};

const TYPESCRIPT_ARROWS = ['a.ts:1 -> b.ts', 'b.ts:3 -> d.ts', 'c/index.ts:1 -> a.ts', 'd.ts:1 -> c/index.ts'];

/** Two circles, one of them through a re-export, and a file that only leads into one. */
const CIRCLES = {
  'lib.rs': 'mod a; mod b; mod c; mod d; mod e; mod facade;',
  'a.rs': 'use crate::facade::B; pub struct A;',
  'b.rs': 'use super::c::C; pub struct B;',
  'c.rs': 'pub struct C; fn back() -> crate::a::A { todo!() }',
  'd.rs': 'use crate::e::E; pub struct D;',
  'e.rs': 'pub struct E; impl From<super::d::D> for E {}',
  'facade.rs': 'pub use crate::b::B; use crate::a::A;',
};

export function selfTest() {
  inTree(RUST, root => assert.deepEqual(asText(root, rustArrows(join(root, 'lib.rs'))), RUST_ARROWS));
  inTree(RUST, root => assert.deepEqual(circles(rustArrows(join(root, 'lib.rs'))), []));
  inTree(TYPESCRIPT, root => {
    const arrows = typeScriptArrows([root]);
    assert.deepEqual(asText(root, arrows), TYPESCRIPT_ARROWS);
    assert.deepEqual(groups(root, arrows), [['a.ts', 'b.ts', 'c/index.ts', 'd.ts']]);
  });
  inTree(CIRCLES, root => assert.deepEqual(groups(root, rustArrows(join(root, 'lib.rs'))), [['a.rs', 'b.rs', 'c.rs'], ['d.rs', 'e.rs']]));
  inTree({ 'lib.rs': 'mod a;', 'a.rs': 'use crate::gone::Gone;' }, root =>
    assert.throws(() => rustArrows(join(root, 'lib.rs')), /a\.rs:1: cannot find crate::gone::Gone/),
  );
  inTree({ 'lib.rs': 'mod gone;' }, root => assert.throws(() => rustArrows(join(root, 'lib.rs')), /the file of module gone is missing/));
  console.log('import-circles --self-test: the arrows and circles of 5 small trees are as expected');
}

/** Writes a tree to a temporary folder for the time of a test. */
function inTree(tree, test) {
  const root = mkdtempSync(join(tmpdir(), 'import-circles-'));
  try {
    for (const [name, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    test(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function asText(root, arrows) {
  const lines = arrows.map(({ from, to, line }) => `${relative(root, from)}:${line} -> ${relative(root, to)}`);
  return [...new Set(lines)].sort();
}

function groups(root, arrows) {
  return circles(arrows).map(files => files.map(file => relative(root, file)));
}
