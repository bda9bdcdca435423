// A server in Rust with tasks, and a CDK app of its own; getting-started.test.ts has the other template in Rust.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../../e2e/deploy/mcp.ts';
import { newUser, servedBy, type User } from '../user.ts';

const LIMIT_MS = 900_000;
let user: User;

beforeAll(async () => {
  user = await newUser();
});

afterAll(() => user?.leave());

const outputs = async () =>
  JSON.parse(await readFile(join(user.folder, 'jobs', 'outputs.json'), 'utf8')) as { jobs: { McpEndpoint: string; FunctionName: string } };

describe('a project with tasks and a CDK app', () => {
  it('is made by the construct library itself', async () => {
    const made = await user.sh('.', 'npx mcp-lambda-server init jobs --template rust-tasks --deploy cdk --auth none --yes');
    expect(made).toContain('created   infra/app.ts');
    await user.lock('jobs');
  }, LIMIT_MS);

  it('is formatted, and passes its tests and the checks of its workflow', async () => {
    await user.sh('jobs', 'cargo fmt --check');
    expect(await user.sh('jobs', 'npm test')).toContain('2 passed');
    await user.sh('jobs', 'npm install && npx tsc');
  }, LIMIT_MS);

  it('serves', async () => {
    const serving = await user.serve('jobs', 'npm start');
    try {
      expect(await call(`http://127.0.0.1:${serving.port}/mcp`, 'count', { to: 2 })).toBe('counted to 2');
    } finally {
      await serving.stop();
    }
  }, LIMIT_MS);

  it('is deployed, with a queue and a worker', async () => {
    await user.takeProgram('jobs', 'jobs');
    await user.edit('jobs/infra/app.ts', text =>
      text
        .replace("import { McpAuth", "import * as lambda from 'aws-cdk-lib/aws-lambda';\nimport { McpAuth")
        .replace(/manifestPath: .*$/m, "code: lambda.Code.fromAsset('program'), architecture: lambda.Architecture.X86_64,\n  monitoring: { alarms: false, savedQueries: false },"),
    );
    await user.sh('jobs', 'npx cdk bootstrap');
    await user.sh('jobs', 'npx cdk deploy --require-approval never --outputs-file outputs.json');
    expect(await call(servedBy(user.cloud, (await outputs()).jobs.McpEndpoint), 'count', { to: 2 })).toBe('counted to 2');
    const { QueueUrls } = await user.cloud.aws<{ QueueUrls: string[] }>('sqs', 'list-queues');
    expect(QueueUrls.some(it => it.includes('TaskQueue'))).toBe(true);
  }, LIMIT_MS);

  it('has its code replaced without CloudFormation by a hotswap, as cdk watch does', async () => {
    const stack = () =>
      user.cloud.aws<{ Stacks: { LastUpdatedTime?: string; CreationTime: string }[] }>('cloudformation', 'describe-stacks', '--stack-name', 'jobs');
    const code = async () => {
      const name = (await outputs()).jobs.FunctionName;
      return (await user.cloud.aws<{ CodeSha256: string }>('lambda', 'get-function-configuration', '--function-name', name)).CodeSha256;
    };
    const before = [await stack(), await code()];
    const program = join(user.folder, 'jobs', 'program', 'bootstrap');
    // Bytes after the end of a program change nothing of what it does.
    await writeFile(program, Buffer.concat([await readFile(program), Buffer.from('another')]));
    await user.sh('jobs', 'npx cdk deploy --hotswap --require-approval never');
    expect(await code()).not.toBe(before[1]);
    expect(await stack()).toEqual(before[0]);
  }, LIMIT_MS);
});
