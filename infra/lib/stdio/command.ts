// A program of the user's own: a folder that is copied as it is.
import { cpSync, existsSync, openSync, readSync, closeSync, statSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { FileSystem } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { fail } from '../private/validation';
import type { PreparedPart, StdioEntry, StdioPart } from './part';
import type { McpCommandProgramOptions } from './stdio-options';
import { namesOf } from './target';

export class CommandPart implements StdioPart {
  public readonly runtime: lambda.Runtime;
  private readonly folder: string;

  public constructor(
    private readonly given: string,
    private readonly command: string,
    public readonly options: McpCommandProgramOptions,
  ) {
    this.runtime = options.runtime ?? lambda.Runtime.PROVIDED_AL2023;
    this.folder = resolve(given);
  }

  public check(): void {
    if (!existsSync(this.folder) || !statSync(this.folder).isDirectory()) {
      const rule = 'must be the path of a folder with the program';
      fail('program', this.given, rule, 'the path is relative to the folder in which the app is synthesised');
    }
    if (!this.isInFolder() || existsSync(join(this.folder, this.command))) return;
    fail('program', this.command, `must be a file of the folder ${this.given}`, 'build it first, or correct its name');
  }

  public prepare(architecture: lambda.Architecture): PreparedPart {
    if (this.isInFolder()) checkMachineCode('program', join(this.folder, this.command), architecture);
    const fingerprint = FileSystem.fingerprint(this.folder);
    return {
      key: JSON.stringify(['command', this.command, this.options.args, fingerprint]),
      warnings: [],
      install: (folder, path) => this.install(folder, path),
    };
  }

  private install(folder: string, path: string): StdioEntry {
    cpSync(this.folder, folder, { recursive: true });
    const command = this.isInFolder() ? posix.join(path, this.command) : this.command;
    return { command, args: [...(this.options.args ?? [])], cwd: path };
  }

  /** `./server` is a file of the folder; `node` is found on the PATH of Lambda. */
  private isInFolder(): boolean {
    return this.command.includes('/');
  }
}

/** Fails if the file is an ELF file of another architecture. */
export function checkMachineCode(property: string, file: string, architecture: lambda.Architecture): void {
  const head = Buffer.alloc(20);
  const descriptor = openSync(file, 'r');
  const length = readSync(descriptor, head, 0, head.length, 0);
  closeSync(descriptor);
  if (length < head.length || head.toString('latin1', 0, 4) !== '\x7fELF') return;
  if (head.readUInt16LE(18) === namesOf(architecture).elf) return;
  const rule = `must be machine code for Linux on ${architecture.name}, which is the function's architecture`;
  fail(property, file, rule, "build it for that, or set 'architecture'");
}
