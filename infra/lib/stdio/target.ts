import * as lambda from 'aws-cdk-lib/aws-lambda';


/** The names of an architecture in the worlds of npm, of Python's wheels, and of ELF. */
export interface ArchitectureNames {
  readonly npm: string;
  readonly wheel: string;
  /** `e_machine`, the number at offset 18 of an ELF file. */
  readonly elf: number;
}

const ARM: ArchitectureNames = { npm: 'arm64', wheel: 'aarch64', elf: 0xb7 };
const X86: ArchitectureNames = { npm: 'x64', wheel: 'x86_64', elf: 0x3e };

export function namesOf(architecture: lambda.Architecture): ArchitectureNames {
  return architecture.name === lambda.Architecture.ARM_64.name ? ARM : X86;
}

/** Whether a managed runtime has the interpreter. It starts our binary as its exec wrapper. */
export function isManaged({ family }: lambda.Runtime): boolean {
  return family === lambda.RuntimeFamily.NODEJS || family === lambda.RuntimeFamily.PYTHON;
}
