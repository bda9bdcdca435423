// `init --here`: adds to a project what it lacks to be deployed, and says what is left to do by hand. A second run changes nothing.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readCargoProject, withDependencies, type CargoProject } from './cargo-project';
import { withDefaults } from './ask';
import { InitError } from './error';
import { checkName } from './name';
import type { Given } from './options';
import { isObject, mergeJson, projectFiles, templateFile, toJson, type Files } from './template';
import { write } from './write';

/** A file of the project, and what becomes of it. */
interface Change {
  readonly path: string;
  readonly done: 'created' | 'changed' | 'unchanged';
  readonly what: string;
}

/** What was changed, and what is to be done by hand. */
export interface Completed {
  readonly changes: readonly Change[];
  readonly byHand: readonly string[];
}

/** Completes the project in a folder. */
export function completeProject(folder: string, given: Given): Completed {
  const cargo = readCargoProject(folder);
  const cdkApp = appOf(folder);
  if (!cargo && cdkApp === undefined) {
    const makes = 'a new project is made by: npx mcp-lambda-server init FOLDER';
    throw new InitError(`there is no Cargo.toml and no cdk.json with an app in ${folder}, so nothing can be added; ${makes}`);
  }
  const completion = new Completion(folder, given, cargo);
  if (cdkApp !== undefined && !isOwnApp(cdkApp)) return completion.ofCdkApp();
  return completion.ofCargoProject(cargo as CargoProject);
}

function appOf(folder: string): string | undefined {
  const file = join(folder, 'cdk.json');
  if (!existsSync(file)) return undefined;
  const { app } = readJson(file);
  return typeof app === 'string' ? app : undefined;
}

/** Whether the app is the one of this package, which reads deploy.toml. */
function isOwnApp(app: string): boolean {
  return /\bmcp-lambda-server app$/.test(app);
}

class Completion {
  private readonly changes: Change[] = [];
  private readonly byHand: string[] = [];
  /** Written at the end: an error leaves the project as it was. */
  private readonly pending = new Map<string, string>();
  private readonly files: Files;
  private readonly name: string;

  public constructor(
    private readonly folder: string,
    given: Given,
    private readonly cargo: CargoProject | undefined,
  ) {
    this.name = given.name ?? checkName((cargo?.name ?? 'mcp-server').toLowerCase().replaceAll('_', '-'));
    const { issuer, audience } = given;
    const choices = { ...withDefaults(given.choices), deploy: 'toml' } as const;
    this.files = projectFiles({ name: this.name, choices, issuer, audience });
  }

  /** A package of Rust: a server already, or one that gets a program. */
  public ofCargoProject(cargo: CargoProject): Completed {
    this.dependencies(cargo);
    this.program(cargo);
    this.deployToml(cargo);
    this.add('cdk.json', 'what npx cdk deploy runs');
    this.add('AGENTS.md', 'notes for coding agents');
    this.packageJson(['devDependencies']);
    return this.finish();
  }

  /** A CDK app of the user gets a stack; a server too, if there is none. */
  public ofCdkApp(): Completed {
    if (this.cargo) {
      this.dependencies(this.cargo);
      this.program(this.cargo);
    } else {
      for (const path of ['Cargo.toml', 'src/main.rs', 'src/tests.rs']) this.add(join('server', path), 'a server with one tool', path);
    }
    const manifest = this.cargo ? 'Cargo.toml' : 'server/Cargo.toml';
    this.put('lib/mcp-server-stack.ts', 'a stack with the server', this.stack(manifest, this.has('src/bin/mcp.rs') ? 'mcp' : binaryOf(this.cargo)));
    this.packageJson(['devDependencies'], ['mcp-lambda-server', 'aws-cdk-lib', 'constructs']);
    this.byHand.push(
      `the file of your app (cdk.json names it): import McpServerStack from lib/mcp-server-stack.ts, and add new McpServerStack(app, '${this.name}')`,
    );
    return this.finish();
  }

  private finish(): Completed {
    this.mcpJson();
    this.gitignore();
    const workflows = join(this.folder, '.github', 'workflows');
    // The workflow tests a package of cargo in the folder itself.
    if (this.cargo && (!existsSync(workflows) || readdirSync(workflows).length === 0)) this.add('.github/workflows/ci.yml', 'tests in CI');
    for (const [path, text] of this.pending) write(join(this.folder, path), text);
    if (this.pending.has('package.json')) this.byHand.push('npm install');
    return { changes: this.changes, byHand: this.byHand };
  }

  private dependencies(cargo: CargoProject): void {
    const manifest = this.files.get('Cargo.toml') ?? '';
    const lines: { [name: string]: string } = {};
    for (const name of ['mcp-lambda-server', 'rmcp', 'serde']) {
      const line = new RegExp(`^${name} = .*$`, 'm').exec(manifest)?.[0];
      // An rmcp server knows what it needs of serde.
      if (line !== undefined && !(name === 'serde' && cargo.dependencies.has('rmcp'))) lines[name] = line;
    }
    this.put('Cargo.toml', `dependencies ${Object.keys(lines).filter(it => !cargo.dependencies.has(it)).join(', ')}`, withDependencies(cargo, lines));
    const wanted = /rmcp = \{ version = "(\d+)/.exec(manifest)?.[1];
    if (cargo.rmcp !== undefined && wanted !== undefined && !new RegExp(`^[\\^~=>]*\\s*${wanted}(?:\\.|$)`).test(cargo.rmcp)) {
      this.byHand.push(`Cargo.toml: rmcp ${cargo.rmcp} is not the major version ${wanted} that mcp-lambda-server uses: update it`);
    }
  }

  private program(cargo: CargoProject): void {
    for (const line of cargo.stdio) {
      this.byHand.push(
        `${line} serves over stdio: replace the call of serve() with mcp_lambda_server::McpLambdaServer::builder(handler).build().await?.serve().await?, which serves HTTP, here and on Lambda`,
      );
    }
    if (cargo.dependencies.has('rmcp') || cargo.dependencies.has('mcp-lambda-server') || this.has('src/bin/mcp.rs')) return;
    const source = (this.files.get('src/main.rs') ?? '').replace('#[cfg(test)]\nmod tests;\n\n', '');
    this.put('src/bin/mcp.rs', 'a server with one tool', source);
  }

  private deployToml(cargo: CargoProject): void {
    if (this.has('servers.yaml')) return;
    const text = this.files.get('deploy.toml') ?? '';
    const binary = this.has('src/bin/mcp.rs') ? 'mcp' : binaryOf(cargo);
    const line = 'manifest_path = "Cargo.toml" # built with cargo-lambda';
    const own = binary === undefined ? text : text.replace(line, `${line}\nbinary_name = "${binary}"`);
    if (this.has('deploy.toml')) this.changes.push({ path: 'deploy.toml', done: 'unchanged', what: '' });
    else this.put('deploy.toml', 'what is deployed, and how', own);
  }

  /** Dependencies that the project does not list; its own versions stay. */
  private packageJson(sections: string[], only?: string[]): void {
    const wanted = JSON.parse(this.files.get('package.json') ?? '{}') as { [key: string]: unknown };
    const file = join(this.folder, 'package.json');
    if (!existsSync(file)) {
      const { scripts, ...others } = wanted;
      const text = toJson(this.cargo ? { ...others, scripts } : others);
      this.put('package.json', 'the CDK, and the library of the deployment', text);
      return;
    }
    const has = readJson(file);
    const listed = new Set(['dependencies', 'devDependencies', 'peerDependencies'].flatMap(it => Object.keys(isObject(has[it]) ? has[it] : {})));
    const missing: { [section: string]: unknown } = {};
    for (const section of sections) {
      const entries = Object.entries((wanted[section] ?? {}) as { [name: string]: string });
      const added = entries.filter(([name]) => !listed.has(name) && (only?.includes(name) ?? true));
      if (added.length > 0) missing[section] = Object.fromEntries(added);
    }
    const text = Object.keys(missing).length === 0 ? readFileSync(file, 'utf8') : toJson(mergeJson(has, missing));
    const names = Object.values(missing).flatMap(it => Object.keys(it as object));
    this.put('package.json', `dependencies ${names.join(', ')}`, text);
  }

  private mcpJson(): void {
    const file = join(this.folder, '.mcp.json');
    const text = this.files.get('.mcp.json') ?? '';
    const has = existsSync(file) ? readJson(file) : {};
    const servers = isObject(has['mcpServers']) ? has['mcpServers'] : {};
    const known = servers[this.name] !== undefined;
    this.put('.mcp.json', `the server ${this.name}`, known ? readFileSync(file, 'utf8') : toJson(mergeJson(has, JSON.parse(text) as { [key: string]: unknown })));
  }

  private gitignore(): void {
    const wanted = (this.files.get('.gitignore') ?? '').trimEnd().split('\n');
    const has = this.has('.gitignore') ? readFileSync(join(this.folder, '.gitignore'), 'utf8') : '';
    const bare = (line: string) => line.trim().replace(/^\/|\/$/g, '');
    const lines = new Set(has.split('\n').map(bare));
    const missing = wanted.filter(line => !lines.has(bare(line)));
    const text = missing.length === 0 ? has : `${has === '' || has.endsWith('\n') ? has : `${has}\n`}${missing.join('\n')}\n`;
    this.put('.gitignore', missing.join(' '), text);
  }

  private stack(manifest: string, binary: string | undefined): string {
    const line = "manifestPath: 'Cargo.toml', // built with cargo-lambda\n";
    const program = binary === undefined ? '' : `      binaryName: '${binary}',\n`;
    return templateFile('here/lib/mcp-server-stack.ts')
      .replaceAll('my-mcp-server', this.name)
      .replace(line, line.replace('Cargo.toml', manifest) + program);
  }

  private has(path: string): boolean {
    return this.pending.has(path) || existsSync(join(this.folder, path));
  }

  /** Adds a file of the template, if it is missing. */
  private add(path: string, what: string, template = path): void {
    if (this.has(path)) this.changes.push({ path, done: 'unchanged', what: '' });
    else this.put(path, what, this.files.get(template) ?? '');
  }

  private put(path: string, what: string, text: string): void {
    const file = join(this.folder, path);
    const exists = existsSync(file);
    if (exists && readFileSync(file, 'utf8') === text) {
      this.changes.push({ path, done: 'unchanged', what: '' });
      return;
    }
    this.pending.set(path, text);
    this.changes.push({ path, done: exists ? 'changed' : 'created', what });
  }
}

/** The binary to build, for a package with several of them. */
function binaryOf(cargo: CargoProject | undefined): string | undefined {
  if (!cargo) return undefined;
  return cargo.binaries.length > 1 ? cargo.binaries[0] : undefined;
}

function readJson(file: string): { [key: string]: unknown } {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (isObject(value)) return value;
  } catch {
    // The same sentence for what is no JSON, and for JSON that is no object.
  }
  throw new InitError(`${file} is not a JSON object, so nothing can be added to it: correct it, then run this again`);
}
