// The table of docs/getting-started.md: every command of it, one after the other, as a new user types them.
//
// What differs from that user: the packages are those of this repository (user.ts), AWS is an emulator, so that the deployment has the
// architecture of this machine and neither alarms nor saved queries, and the program that is deployed is the one that `npm start` has
// built, since a build for release takes minutes. Nothing asks for a confirmation.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../e2e/server.ts';
import { newUser, servedBy, type Serving, type User } from './user.ts';

let user: User;
let serving: Serving | undefined;
let folder = '.';
let url = '';

/** Before the first command that builds for a deployment. */
async function useBuiltProgram(): Promise<void> {
  await user.takeProgram('notes', 'notes');
  await user.edit('notes/deploy.toml', text => {
    const built = text.replace(/^manifest_path = .*$/m, 'code = "program"').replace('"arm64"', '"x86_64"');
    return `${built}\n[observability]\nalarms = false\nsaved_queries = false\n`;
  });
}

type Step = (command: string) => Promise<void>;

/** How each command is run, and what is expected of it. */
const STEPS: { readonly [command: string]: Step } = {
  'npm create mcp-lambda@latest notes -- --auth none --yes': async command => {
    expect(await user.sh('.', command)).toContain('created   src/main.rs');
  },
  'cd notes': async () => {
    folder = 'notes';
    await user.lock(folder);
  },
  'npm install': async command => {
    await user.sh(folder, command);
    expect(await readdir(join(user.folder, folder, 'node_modules', 'mcp-lambda-server'))).toContain('app');
  },
  'npm test': async command => {
    expect(await user.sh(folder, command)).toMatch(/test tests::greet_uses_the_name \.\.\. ok[^]*2 passed/);
  },
  'npm start': async command => {
    serving = await user.serve(folder, command);
  },
  'npx mcp-lambda call http://127.0.0.1:9000/mcp greet name=Ada': async command => {
    expect(await user.sh(folder, command.replace('9000', String(serving!.port)))).toContain('Hello, Ada!');
    await serving!.stop();
    serving = undefined;
  },
  'npx cdk synth --quiet': async command => {
    await useBuiltProgram();
    await user.sh(folder, command);
    expect(await readdir(join(user.folder, folder, 'cdk.out'))).toContain('notes.template.json');
  },
  'npx cdk bootstrap': async command => {
    await user.sh(folder, command);
  },
  'npx cdk deploy': async command => {
    await user.sh(folder, `${command} --require-approval never --outputs-file outputs.json`);
    const outputs = JSON.parse(await readFile(join(user.folder, folder, 'outputs.json'), 'utf8')) as { notes: { McpEndpoint: string } };
    url = servedBy(user.cloud, outputs.notes.McpEndpoint);
  },
  'npx mcp-lambda call $URL greet name=Ada': async command => {
    expect(await user.sh(folder, command, { URL: url })).toContain('Hello, Ada!');
  },
  'npx cdk diff': async command => {
    await user.sh(folder, `${command} --fail --no-change-set`);
  },
  'npx cdk destroy': async command => {
    await user.sh(folder, `${command} --force`);
    const { Functions } = await user.cloud.aws<{ Functions: unknown[] }>('lambda', 'list-functions');
    expect(Functions).toEqual([]);
  },
};

const page = await readFile(join(root, 'docs', 'getting-started.md'), 'utf8');
const [table = ''] = page.split('\n## ');
const commands = [...table.matchAll(/^\|.*\| `([^`]+)` \|$/gm)].map(([, command]) => command!);

beforeAll(async () => {
  user = await newUser();
});

afterAll(async () => {
  await serving?.stop();
  await user?.leave();
});

describe('docs/getting-started.md', () => {
  it('has the commands that are run here, in this order', () => {
    expect(commands).toEqual(Object.keys(STEPS));
  });

  // One that fails leaves nothing for those after it.
  let failed = false;
  it.each(commands)('%s', async command => {
    expect(failed, 'a command before it has failed').toBe(false);
    failed = true;
    await STEPS[command]!(command);
    failed = false;
  }, 900_000);
});
