// A function on four environments over one DynamoDB, each request on whichever the dice say, frozen between requests.
import { program, type Program } from '../program.ts';
import { build } from '../server.ts';

export interface Environments {
  readonly url: string;
  /** Kills an environment at once. */
  kill(environment: string): Promise<void>;
  stop(): Promise<void>;
}

const credentials = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_REGION: 'us-east-1' };

/** Without `tables` everything is in the memory of one environment. `seed` decides which environment serves which request: the same one gives the same order. */
export async function environments(server: string, seed: number, timeoutSeconds = 30, tables = true): Promise<Environments> {
  const [binary, emulator, database] = [await build(server), await build('lambda-emulator'), await build('local-dynamodb')];
  const programs: Program[] = [];
  const stop = async () => void (await Promise.all(programs.reverse().map(one => one.stop())));
  try {
    const dynamodb = await program(database, ['0']);
    programs.push(dynamodb);
    const variables = {
      ...credentials,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.ready,
      ...(tables && { SESSION_TABLE_NAME: 'state', EVENT_TABLE_NAME: 'events' }),
      MCP_STATE_KEYS: `test:${Buffer.alloc(32, 1).toString('base64')}`,
    };
    const args = [
      ...['--binary', binary, '--environments', tables ? '4' : '1', '--timeout', `${timeoutSeconds}`],
      ...['--routing', `random:${seed}`, '--queue', '64'],
      ...Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ];
    const running = await program(emulator, args);
    programs.push(running);
    const { url, control } = JSON.parse(running.ready) as { url: string; control: string };
    return {
      url: `${url}/mcp`,
      kill: async environment => void (await fetch(`${control}/environments/${environment}/kill`, { method: 'POST' })),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
