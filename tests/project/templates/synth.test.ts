// Every choice of `init`: each project synthesises. Nothing is built: what a program of the choice does is in the other tests.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUser, type User } from '../user.ts';

type Resources = { [id: string]: { Type: string; Properties?: { [name: string]: unknown } } };

let user: User;

/** The resource types by which an auth is known, in front of a Function URL. */
const SIGN_OF: { readonly [auth: string]: (resources: Resources) => boolean } = {
  iam: all => typesOf(all, 'AWS::Lambda::Url').some(it => it.Properties?.['AuthType'] === 'AWS_IAM'),
  cognito: all => typesOf(all, 'AWS::Cognito::UserPool').length === 1,
  jwt: all => JSON.stringify(all).includes('https://issuer.example.com'),
};

const typesOf = (all: Resources, type: string) => Object.values(all).filter(it => it.Type === type);

const CHOICES = ['rust', 'rust-tasks', 'stdio-npm', 'stdio-python'].flatMap(template =>
  ['toml', 'cdk'].flatMap(deploy => ['iam', 'cognito', 'jwt'].map(auth => ({ template, deploy, auth }))),
);

beforeAll(async () => {
  user = await newUser({ stdio: true });
  // What every choice needs is installed once, above the projects.
  await user.sh('.', 'npx mcp-lambda-server init all --template stdio-npm --deploy cdk --auth none --yes');
  await user.sh('all', 'npm install');
  await user.sh('.', 'mkdir program && cp /bin/sh program/bootstrap');
});

afterAll(() => user?.leave());

describe.each(CHOICES)('--template $template --deploy $deploy --auth $auth', ({ template, deploy, auth }) => {
  it('synthesises', async () => {
    const name = `${template}-${deploy}-${auth}`;
    await user.sh('.', `node all/node_modules/.bin/mcp-lambda-server init ${name} --template ${template} --deploy ${deploy} --auth ${auth} --yes`);
    await user.sh(name, 'ln -s ../all/node_modules node_modules');
    if (template.startsWith('rust')) await useBuiltProgram(name, deploy);
    const { stderr, code } = await user.try(name, 'npx cdk synth --quiet --no-notices');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toMatch(/^\s+at /m);
    const { Resources } = JSON.parse(await readFile(join(user.folder, name, 'cdk.out', `${name}.template.json`), 'utf8')) as { Resources: Resources };
    expect(SIGN_OF[auth]!(Resources)).toBe(true);
    expect(typesOf(Resources, 'AWS::Lambda::EventSourceMapping').length > 0).toBe(template === 'rust-tasks');
  });
});

async function useBuiltProgram(name: string, deploy: string): Promise<void> {
  if (deploy === 'toml') await user.edit(`${name}/deploy.toml`, text => text.replace(/^manifest_path = .*$/m, 'code = "../program"'));
  else
    await user.edit(`${name}/infra/app.ts`, text =>
      text
        .replace('import { McpAuth', "import * as lambda from 'aws-cdk-lib/aws-lambda';\nimport { McpAuth")
        .replace(/manifestPath: .*$/m, "code: lambda.Code.fromAsset('../program'),"));
}
