import type * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecr_assets from 'aws-cdk-lib/aws-ecr-assets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { checkAll, fail } from '../private/validation';
import { CommandPart } from './command';
import { NpmPart } from './npm';
import type { StdioPart, StdioParts } from './part';
import { PypiPart } from './pypi';
import type { McpCommandProgramOptions, McpNpmProgramOptions, McpPypiProgramOptions } from './stdio-options';

/** The name of a server: the prefix of its tools, and in the lines of the log. */
const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Makes a container image for an architecture. */
type ImageFactory = (architecture: lambda.Architecture) => lambda.Code;

/**
 * An MCP server that speaks over its standard input and output, and how it gets to Lambda.
 *
 * Packages are bundled at synthesis, on this machine and without Docker: Lambda has a read-only disk, no `npx` that
 * could download, and no `uvx`. The lock file is kept in your project, so that each deployment has the same packages.
 */
export abstract class McpStdioProgram {
  /**
   * A package of npm, as `npx package@version` starts it. It needs npm at synthesis.
   *
   * @param packageName such as `@modelcontextprotocol/server-everything`
   * @param version an exact version
   */
  public static npm(packageName: string, version: string, options: McpNpmProgramOptions = {}): McpStdioProgram {
    return new SingleProgram(shortName(packageName), new NpmPart(packageName, version, options));
  }

  /**
   * A package of PyPI, as `uvx package@version` starts it. It needs Python with pip at synthesis. All packages are
   * installed from wheels: nothing is compiled.
   *
   * @param packageName such as `mcp-server-time`
   * @param version an exact version
   */
  public static pypi(packageName: string, version: string, options: McpPypiProgramOptions = {}): McpStdioProgram {
    return new SingleProgram(shortName(packageName), new PypiPart(packageName, version, options));
  }

  /**
   * A program of your own.
   *
   * @param folder the folder with all its files, already built for Linux and the function's architecture
   * @param command a file of the folder, such as `./server`, or a program that the runtime has, such as `node`
   */
  public static command(folder: string, command: string, options: McpCommandProgramOptions = {}): McpStdioProgram {
    return new SingleProgram('server', new CommandPart(folder, command, options));
  }

  /**
   * A container image, built from a Dockerfile at deployment. Its entry point is `mcp-lambda-stdio`, and it contains the
   * server.
   *
   * @param directory the folder with the Dockerfile
   */
  public static containerImage(directory: string, options: lambda.AssetImageCodeProps = {}): McpStdioProgram {
    return new ImageProgram(architecture => lambda.Code.fromAssetImage(directory, { ...platformOf(architecture), ...options }));
  }

  /**
   * A container image of a repository in ECR, for the function's architecture. Its entry point is `mcp-lambda-stdio`.
   */
  public static ecrImage(repository: ecr.IRepository, options: lambda.EcrImageCodeProps = {}): McpStdioProgram {
    return new ImageProgram(() => lambda.Code.fromEcrImage(repository, options));
  }

  /**
   * Several servers behind one endpoint. The names of tools and prompts begin with the name of their server.
   *
   * All run in one function: one of npm and one of PyPI have no managed runtime in common, and need a container image.
   *
   * @param programs by the name of the server: lower-case letters, digits and `-`
   */
  public static compose(programs: { [name: string]: McpStdioProgram }): McpStdioProgram {
    return new ComposedProgram(programs);
  }

  protected constructor() {}

  /**
   * The servers of the program, or `undefined` for a container image, which contains them.
   *
   * @internal
   */
  public abstract _parts(): StdioParts | undefined;

  /**
   * The container image, if the program is one.
   *
   * @internal
   */
  public _image(_architecture: lambda.Architecture): lambda.Code | undefined {
    return undefined;
  }

  /**
   * Fails for values that cannot work.
   *
   * @internal
   */
  public _check(): void {
    const parts = Object.values(this._parts() ?? {});
    checkAll(...parts.map(part => () => part.check()));
  }
}

class SingleProgram extends McpStdioProgram {
  public constructor(
    private readonly name: string,
    private readonly part: StdioPart,
  ) {
    super();
  }

  /** @internal */
  public _parts(): StdioParts {
    return { [this.name]: this.part };
  }
}

class ImageProgram extends McpStdioProgram {
  public constructor(private readonly factory: ImageFactory) {
    super();
  }

  /** @internal */
  public _parts(): undefined {
    return undefined;
  }

  /** @internal */
  public override _image(architecture: lambda.Architecture): lambda.Code {
    return this.factory(architecture);
  }
}

class ComposedProgram extends McpStdioProgram {
  public constructor(private readonly programs: { [name: string]: McpStdioProgram }) {
    super();
  }

  /** @internal */
  public _parts(): StdioParts {
    const parts = Object.entries(this.programs).map(([name, program]) => [name, this.onlyPart(name, program)] as const);
    return Object.fromEntries(parts);
  }

  /** @internal */
  public override _check(): void {
    const names = Object.keys(this.programs);
    if (names.length === 0) fail('program', 'none', 'must have a server or more', 'name the servers to compose');
    checkAll(
      ...names.map(name => () => {
        if (NAME.test(name)) return;
        const rule = 'must be 1 to 32 lower-case letters, digits and -, a letter first: it is a prefix of tools';
        fail(`program.${name}`, name, rule, 'rename it');
      }),
    );
    super._check();
    this.checkRuntimes();
  }

  private onlyPart(name: string, program: McpStdioProgram): StdioPart {
    const parts = Object.values(program._parts() ?? {});
    const [part] = parts;
    if (part && parts.length === 1) return part;
    const rule = 'cannot be composed: it is a container image, or composed itself';
    return fail(`program.${name}`, name, rule, 'compose packages and commands, or compose them within the image');
  }

  private checkRuntimes(): void {
    const needed = [...new Set(Object.values(this._parts()).map(({ runtime }) => runtime.name))];
    const managed = needed.filter(name => name !== lambda.Runtime.PROVIDED_AL2023.name);
    if (managed.length <= 1) return;
    const rule = `need one runtime, and these need ${managed.join(' and ')}`;
    const wayOut = 'make a server of each, or use McpStdioProgram.containerImage() with both interpreters';
    fail('program', Object.keys(this.programs).join(', '), rule, wayOut);
  }
}

/** The name of a package without its scope, as the name of a server. */
function shortName(packageName: string): string {
  return packageName.slice(packageName.lastIndexOf('/') + 1).toLowerCase().replace(/[^a-z0-9-]+/g, '-');
}

function platformOf(architecture: lambda.Architecture): lambda.AssetImageCodeProps {
  const isArm = architecture.name === lambda.Architecture.ARM_64.name;
  return { platform: isArm ? ecr_assets.Platform.LINUX_ARM64 : ecr_assets.Platform.LINUX_AMD64 };
}
