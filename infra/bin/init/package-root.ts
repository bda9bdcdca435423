// The folder of this npm package, from a source file of it as from a bundle.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Package {
  readonly root: string;
  readonly version: string;
}

/** The nearest folder, from this file up, that has a package.json and the templates. */
export function ownPackage(): Package {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && existsSync(join(folder, 'templates', 'versions.json'))) {
      const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
      return { root: folder, version };
    }
    if (folder === dirname(folder)) throw new Error('the files of this package are not complete: install it again');
  }
}
