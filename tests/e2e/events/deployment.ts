// A deployment on one machine: DynamoDB, SNS, and two functions of the same binary under Lambda's rules. One serves
// requests, the other takes in what the topic delivers, as the construct deploys them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, program, type Program } from '../program.ts';
import { run } from '../run.ts';
import { build, root } from '../server.ts';

const account = '000000000000';
const credentials = {
  AWS_ACCESS_KEY_ID: account,
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
};

export interface Deployment {
  /** The MCP endpoint, behind a Function URL. */
  readonly url: string;
  readonly topicArn: string;
  /** The emulator's commands over the environments that serve. */
  readonly control: string;
  /** Gives the function that takes events in one invocation, and waits for its answer. */
  invokeIngest(event: unknown): Promise<void>;
  /** `aws ...` against the machine's own SNS and Lambda; what it answers, as JSON. */
  aws(...args: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** An empty zip file: the function's code is never looked at, its invocations go elsewhere. */
const emptyZip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex');

export async function deploy(environments: number, ingesting = 2): Promise<Deployment> {
  const [server, emulator, database] = [
    await build('mcp-lambda-reference'),
    await build('lambda-emulator'),
    await build('local-dynamodb'),
  ];
  const programs: Program[] = [];
  const started = async (starting: Promise<Program>) => {
    const one = await starting;
    programs.push(one);
    return one;
  };
  const stop = async () => void (await Promise.all(programs.reverse().map(one => one.stop())));
  const folder = await mkdtemp(join(tmpdir(), 'deployment-'));
  try {
    const dynamodb = (await started(program(database, ['0']))).ready;
    const port = await freePort();
    const sns = `http://127.0.0.1:${port}`;
    const answers = () => fetch(`${sns}/_ministack/health`).then(() => true, () => false);
    const own = { BIND_HOST: '127.0.0.1', GATEWAY_PORT: `${port}`, MINISTACK_STATE_DIR: folder };
    await started(program(join(root, '.venv/bin/ministack'), [], own, answers));
    const topicArn = `arn:aws:sns:us-east-1:${account}:mcp-global-events`;
    const variables = {
      ...credentials,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
      AWS_ENDPOINT_URL_SNS: sns,
      SESSION_TABLE_NAME: 'state',
      EVENT_TABLE_NAME: 'events',
      SNS_TOPIC_ARN: topicArn,
      // All clients here are anonymous, and the streams of a killed environment are free only when their leases expire.
      MCP_STREAMS_PER_PRINCIPAL: '1000',
      MCP_STATE_KEYS: `test:${Buffer.alloc(32, 1).toString('base64')}`,
    };
    const emulated = async (name: string, count: number) => {
      const env = Object.entries(variables).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
      const args = ['--binary', server, '--name', name, '--environments', `${count}`, '--timeout', '60'];
      const line = (await started(program(emulator, [...args, '--routing', 'spread', '--queue', '32', ...env]))).ready;
      return JSON.parse(line) as { url: string; forward: string; control: string };
    };
    const [serving, ingest] = [await emulated('server', environments), await emulated('ingest', ingesting)];
    const aws = async (...args: string[]): Promise<unknown> => {
      const cli = ['--endpoint-url', sns, '--output', 'json', ...args];
      const { code, stdout, stderr } = await run(join(root, '.venv/bin/aws'), cli, credentials);
      if (code !== 0) throw new Error(`aws ${args.join(' ')} failed (${code}): ${stderr}`);
      return stdout.trim() === '' ? undefined : (JSON.parse(stdout) as unknown);
    };
    await writeFile(join(folder, 'function.zip'), emptyZip);
    await aws('sns', 'create-topic', '--name', 'mcp-global-events');
    await aws(
      ...['lambda', 'create-function', '--function-name', 'ingest', '--runtime', 'provided.al2023'],
      ...['--handler', 'bootstrap', '--role', `arn:aws:iam::${account}:role/ingest`],
      ...['--zip-file', `fileb://${join(folder, 'function.zip')}`],
      ...['--environment', `Variables={MINISTACK_LAMBDA_PROXY_URL=${ingest.forward}}`],
    );
    const functionArn = `arn:aws:lambda:us-east-1:${account}:function:ingest`;
    await aws('sns', 'subscribe', '--topic-arn', topicArn, '--protocol', 'lambda', '--notification-endpoint', functionArn);
    return {
      url: `${serving.url}/mcp`,
      topicArn,
      control: serving.control,
      invokeIngest: async event => {
        const invoke = `${ingest.control}/2015-03-31/functions/ingest/invocations`;
        const response = await fetch(invoke, { method: 'POST', body: JSON.stringify(event) });
        const text = await response.text();
        if (!response.ok || response.headers.has('x-amz-function-error')) throw new Error(`ingest failed: ${text}`);
      },
      aws,
      stop: async () => {
        await stop();
        await rm(folder, { recursive: true });
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
