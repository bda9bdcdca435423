// Builds need cargo-lambda: the app installs it into the folder's own virtual environment where it is missing.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findCargoLambda } from '../lib/private/cargo-lambda';

/** The version that the tests use: `scripts/requirements.txt`. */
export const REQUIREMENT = 'cargo-lambda==1.9.2';

const INSTALLED_WITHIN_MS = 300_000;

/**
 * Says that the program is built now, and what a first deployment needs besides. Installs cargo-lambda into `.venv` if it is
 * not found and can be installed; otherwise the construct says what to do.
 */
export function prepareToBuild(): void {
  console.error(
    'The program is built with cargo-lambda, which takes some minutes the first time. The first deployment to an account and region needs `npx cdk bootstrap` before.',
  );
  if (findCargoLambda()) return;
  const folder = resolve('.venv');
  const python = join(folder, 'bin', 'python');
  console.error(`cargo-lambda is not found: installing ${REQUIREMENT} from PyPI into ${folder}`);
  if (!existsSync(python) && !run('python3', '-m', 'venv', folder)) return;
  run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', REQUIREMENT);
}

function run(command: string, ...args: string[]): boolean {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'ignore'], timeout: INSTALLED_WITHIN_MS });
  if (status !== 0) console.error(`This did not work: ${command} ${args.join(' ')}`);
  return status === 0;
}
