// The name of a project: that of its folder, its package, its binary and its stack.
import { InitError } from './error';

const NAME = /^[a-z](?:[a-z0-9]|-(?=[a-z0-9])){0,62}$/;

/** Names that cargo refuses for a package or its binary: keywords of Rust, and folders of a build. */
const REFUSED = new Set(
  `abstract as async await become box break build const continue core crate deps do dyn else enum examples extern false final fn for
  gen if impl in incremental let loop macro match mod move mut override priv proc-macro pub ref return self static std struct super
  test trait true try type typeof unsafe unsized use virtual where while yield alloc`.split(/\s+/),
);

/** Returns the name, or fails with what a name is. */
export function checkName(name: string): string {
  if (!NAME.test(name)) {
    const rule = 'lower-case letters, digits and single - between them, a letter first, 63 at most';
    throw new InitError(`the name of a project has ${rule}, got: ${name || 'nothing'}; give another one with --name`);
  }
  if (REFUSED.has(name)) throw new InitError(`cargo takes no package with the name ${name}: give another one with --name`);
  return name;
}
