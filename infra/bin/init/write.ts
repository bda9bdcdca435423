// Writes the files of a project, and replaces none that is there unless it is asked to.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InitError } from './error';
import type { Files } from './template';

/** What was done with a file. */
export interface Written {
  readonly path: string;
  readonly done: 'created' | 'replaced' | 'unchanged';
}

/**
 * Writes all files into the folder, or none. Fails if a file exists with other contents, unless `force` is given.
 */
export function writeFiles(folder: string, files: Files, force: boolean): Written[] {
  if (existsSync(folder) && !statSync(folder).isDirectory()) throw new InitError(`${folder} is a file, not a folder`);
  const states = [...files].map(([path, text]) => ({ path, text, done: stateOf(join(folder, path), text) }));
  const different = states.filter(({ done }) => done === 'replaced').map(({ path }) => path);
  if (different.length > 0 && !force) {
    const which = different.length === 1 ? `${different[0]} exists` : `${different.join(', ')} exist`;
    throw new InitError(
      `${which} in ${folder} with other contents: nothing was written; take another folder, add what is missing with --here, or replace with --force`,
    );
  }
  for (const { path, text, done } of states) if (done !== 'unchanged') write(join(folder, path), text);
  return states.map(({ path, done }) => ({ path, done }));
}

function stateOf(file: string, text: string): Written['done'] {
  if (!existsSync(file)) return 'created';
  if (statSync(file).isDirectory()) throw new InitError(`${file} is a folder, and would be a file of the project`);
  return readFileSync(file, 'utf8') === text ? 'unchanged' : 'replaced';
}

export function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    throw new InitError(`${file} cannot be written: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
  }
}
