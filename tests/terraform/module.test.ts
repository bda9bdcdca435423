// The Terraform module: Terraform accepts it, and creates a server with it on the emulator of AWS.
import { copyFile, cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCloud, type Cloud } from '../e2e/deploy/cloud.ts';
import { call } from '../e2e/deploy/mcp.ts';
import { runIn, type Ran } from '../e2e/run.ts';
import { build, root } from '../e2e/server.ts';

const MODULE = join(root, 'infra', 'terraform');
const BUCKET = 'programs';

/** No auth, since ministack checks no signatures; no alarms and no saved queries, since it has no metric math and no query definitions. */
const SETTINGS = `
[lambda]
architecture = "x86_64"
[auth]
enabled = false
[observability]
alarms = false
saved_queries = false
`;

const CONFIGURATION = `
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

module "notes" {
  source = "./module"

  name        = "notes"
  template    = "\${path.module}/template.json"
  program     = "\${path.module}/program.zip"
  bucket      = "${BUCKET}"
  memory_size = 512
  tags        = { project = "notes" }
}

output "endpoint" {
  value = module.notes.endpoint
}

output "function_name" {
  value = module.notes.function_name
}
`;

let cloud: Cloud;

const within = (folder: string, command: string, args: string[]): Promise<Ran> =>
  runIn(folder, command, args, { env: { ...process.env, ...cloud.env, CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' }, withinMs: 240_000 });

async function must(command: string, args: string[], folder = cloud.folder): Promise<string> {
  const { code, stdout, stderr } = await within(folder, command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** Providers come from the registry of Terraform, or from a folder where that is not reached. */
function init(folder: string): Promise<string> {
  const providers = process.env['TERRAFORM_PLUGINS'];
  return must('terraform', ['init', '-backend=false', '-input=false', '-no-color', ...(providers ? [`-plugin-dir=${providers}`] : [])], folder);
}

const output = async (name: string) => (await must('terraform', ['output', '-raw', name])).trim();

beforeAll(async () => {
  const program = await build('mcp-lambda-reference');
  cloud = await startCloud();
  await cp(MODULE, join(cloud.folder, 'module'), { recursive: true });
  await copyFile(program, join(cloud.folder, 'bootstrap'));
  const zip = 'import zipfile; zipfile.ZipFile("program.zip", "w", zipfile.ZIP_DEFLATED).write("bootstrap")';
  await must(join(root, '.venv', 'bin', 'python'), ['-c', zip]);
  await writeFile(join(cloud.folder, 'deploy.toml'), SETTINGS);
  await writeFile(join(cloud.folder, 'template.json'), await must(join(root, 'scripts', 'cloudformation-template'), []));
  await writeFile(join(cloud.folder, 'main.tf'), CONFIGURATION);
  await cloud.aws('s3api', 'create-bucket', '--bucket', BUCKET, '--create-bucket-configuration', 'LocationConstraint=eu-central-1');
});

afterAll(() => cloud?.stop());

describe('the module', () => {
  it('is formatted', async () => {
    expect(await must('terraform', ['fmt', '-check', '-diff', MODULE])).toBe('');
  });

  it('is valid by itself', async () => {
    const folder = join(cloud.folder, 'module');
    await init(folder);
    expect(await must('terraform', ['validate', '-no-color'], folder)).toContain('The configuration is valid');
  });

  it('refuses a memory and an architecture that Lambda does not have', async () => {
    const folder = join(cloud.folder, 'module');
    const values = ['name=notes', 'template=../template.json', 'program=../program.zip', 'bucket=b', 'memory_size=64', 'architecture=arm'];
    const { code, stderr } = await within(folder, 'terraform', ['plan', '-input=false', '-no-color', ...values.map(it => `-var=${it}`)]);
    expect(code).toBe(1);
    expect(stderr).toContain('The memory must be from 128 to 10240 MiB.');
    expect(stderr).toContain('The architecture must be arm64 or x86_64.');
  });

  it('creates a server that responds, with the settings of the module', async () => {
    await init(cloud.folder);
    await must('terraform', ['apply', '-auto-approve', '-input=false', '-no-color']);
    const url = `${cloud.url}/_aws/lambda-url/${new URL(await output('endpoint')).hostname.split('.')[0]}/mcp`;
    expect(await call(url, 'echo', { message: 'from Terraform' })).toBe('from Terraform');
    const created = await cloud.aws<{ MemorySize: number }>('lambda', 'get-function-configuration', '--function-name', await output('function_name'));
    expect(created.MemorySize).toBe(512);
  });

  it('plans no change of what it has created', async () => {
    const { code, stdout } = await within(cloud.folder, 'terraform', ['plan', '-detailed-exitcode', '-input=false', '-no-color']);
    expect(code, stdout).toBe(0);
  });

  it('deletes the server', async () => {
    await must('terraform', ['destroy', '-auto-approve', '-input=false', '-no-color']);
    expect((await cloud.aws<{ Functions: unknown[] }>('lambda', 'list-functions')).Functions).toEqual([]);
  });
});
