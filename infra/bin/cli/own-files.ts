// Where the files of this package are. The program is bundled as `app/mcp-lambda-server.js`, one folder below the package.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');

/** The CDK app that reads deploy.toml and servers.yaml. */
export const APP = join(root, 'app', 'app.js');

/** The shell script `operate`. */
export const OPERATE = join(root, 'scripts', 'operate');

/** Is also the version of the crates. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return version;
}
