// What a 2025-11-25 client may rely on when each of its requests lands on another environment, and some of them die.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session, type Message, type Reply } from './client.ts';
import { environments, type Environments } from './environments.ts';

let lambda: Environments;
let answering: Environments;

beforeAll(async () => {
  lambda = await environments('mcp-lambda-reference', 7, 12);
  answering = await environments('conformance-server', 11);
}, 900_000);
afterAll(async () => void (await Promise.all([lambda?.stop(), answering?.stop()])));

/** Has every environment up, so that the dice have four sides: four calls that cannot wait for one another. */
async function warm(session: Session): Promise<void> {
  const slow = async () => all(await session.call('progress', { steps: 1, delay_ms: 300 }));
  await Promise.all([slow(), slow(), slow(), slow()]);
}

const value = (message: Message) => (message.result?.structuredContent as { value?: number } | undefined)?.value;

/** Everything a reply says until it ends. */
async function all({ messages }: Reply): Promise<Message[]> {
  const said = [];
  for await (const { message } of messages) if (message) said.push(message);
  return said;
}

describe('each request on another environment', () => {
  it('a session is served by all of them, also after one has died', async () => {
    const session = await Session.open(lambda.url);
    await warm(session);
    const seen = new Set<string>();
    for (let round = 0; round < 40; round += 1) {
      const { environment, message } = await session.answer('echo', { message: `round ${round}` });
      expect(message.result?.content?.[0]?.text).toBe(`round ${round}`);
      seen.add(environment);
      if (round === 20) await lambda.kill(environment);
    }
    expect(seen.size).toBeGreaterThanOrEqual(4);
  });

  it('200 increments by four clients at a time end at 200', async () => {
    const session = await Session.open(lambda.url);
    const told = new Set<number>();
    const seen = new Set<string>();
    const client = async () => {
      for (let turn = 0; turn < 50; turn += 1) {
        const { environment, message } = await session.answer('counter', { by: 1 });
        told.add(value(message) ?? Number.NaN);
        seen.add(environment);
      }
    };
    await Promise.all([client(), client(), client(), client()]);
    expect([...told].sort((one, other) => one - other)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
    expect(seen.size).toBe(4);
  }, 60_000);

  it.each([
    ['test_sampling', { prompt: 'hello' }, { sampling: {} }, { role: 'assistant', model: 'm', content: { type: 'text', text: 'an answer' } }],
    ['test_elicitation', { message: 'who?' }, { elicitation: {} }, { action: 'accept', content: { response: 'an answer' } }],
  ])('%s waits on one of them for the answer that is posted to another', async (tool, args, capabilities, result) => {
    const session = await Session.open(answering.url, capabilities);
    const call = await session.call(tool, args);
    let last: Message | undefined;
    for await (const { message } of call.messages) {
      if (message?.method !== undefined && message.id !== undefined) {
        const posted = await session.post({ id: message.id, result });
        expect(posted.status).toBe(202);
        expect(posted.environment).not.toBe(call.environment);
      }
      last = message ?? last;
    }
    expect(last?.error).toBeUndefined();
    expect(last?.result?.content?.[0]?.text).toContain('an answer');
  });

  it('reset_counter of the reference server waits for its user, whose answer is posted to another', async () => {
    const session = await Session.open(lambda.url, { elicitation: {} });
    const name = crypto.randomUUID();
    await session.answer('counter', { name, by: 5 });
    const call = await session.call('reset_counter', { name });
    let last: Message | undefined;
    for await (const { message } of call.messages) {
      if (message?.method !== undefined && message.id !== undefined) {
        const posted = await session.post({ id: message.id, result: { action: 'accept', content: { confirm: true } } });
        expect(posted.environment).not.toBe(call.environment);
      }
      last = message ?? last;
    }
    expect(last?.result?.structuredContent).toEqual({ name, before: 5, value: 0 });
  });

  it('a cancellation that is posted to another ends the call', async () => {
    const session = await Session.open(lambda.url);
    const began = Date.now();
    const id = 'to be cancelled';
    const params = { name: 'progress', arguments: { steps: 100, delay_ms: 100 }, _meta: { progressToken: 't' } };
    const call = await session.post({ id, method: 'tools/call', params });
    const said: Message[] = [];
    let cancelled = false;
    for await (const { message } of call.messages) {
      if (message) said.push(message);
      if (cancelled || message?.method !== 'notifications/progress') continue;
      const posted = await session.post({ method: 'notifications/cancelled', params: { requestId: id } });
      expect(posted.status).toBe(202);
      expect(posted.environment).not.toBe(call.environment);
      cancelled = true;
    }
    // Ten seconds of work, ended long before; and who cancels gets no answer.
    expect(Date.now() - began).toBeLessThan(6_000);
    expect(said.filter(message => 'id' in message)).toEqual([]);
  });

  it('a stream whose environment has died goes on at another, with exactly what is missing', async () => {
    const session = await Session.open(lambda.url);
    const call = await session.call('progress', { steps: 100, delay_ms: 40 }, 't');
    const heard: number[] = [];
    // The connection is lost after the tenth, the environment dies at the fortieth.
    let place = '';
    for await (const { id, message } of call.messages) {
      if (message?.params?.progress !== undefined) heard.push(message.params.progress);
      if (heard.length <= 10 && id !== undefined) place = id;
      if (heard.length === 40) await lambda.kill(call.environment);
    }
    expect(heard.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));

    const missing: number[] = [];
    let answer: Message | undefined;
    for (let tries = 0; answer === undefined && tries < 5; tries += 1) {
      const resumed = await session.resume(place);
      expect(resumed.status).toBe(200);
      expect(resumed.environment).not.toBe(call.environment);
      for await (const { id, message } of resumed.messages) {
        place = id ?? place;
        if (message?.params?.progress !== undefined) missing.push(message.params.progress);
        if (message && 'id' in message) answer = message;
      }
    }
    expect(missing).toEqual(missing.map((_, at) => 11 + at));
    // The last messages before the kill may have reached the client without being stored.
    expect(missing.length).toBeGreaterThan(25);
    // No environment works on the call any more: its client learns that when the call must be over.
    expect(answer?.error).toMatchObject({ code: -32603 });
  }, 60_000);

  it('a session that was ended on one of them is unknown to all', async () => {
    const session = await Session.open(lambda.url);
    await warm(session);
    expect((await session.answer('counter', { by: 1 })).message.result).toBeDefined();
    expect([200, 202, 204]).toContain((await session.end()).status);
    const seen = new Set<string>();
    for (let round = 0; round < 40; round += 1) {
      const { status, environment } = await session.call('echo', { message: 'anybody?' });
      expect(status).toBe(404);
      seen.add(environment);
    }
    expect(seen.size).toBe(4);
  });

  it('1,000 requests with environments that die lose no update and give no wrong answer', async () => {
    let [asked, lost, kills] = [0, 0, 0];
    const client = async (name: string) => {
      const session = await Session.open(lambda.url);
      // What was answered is done; what was cut off may be.
      let [sure, perhaps] = [0, 0];
      for (let turn = 0; turn < 250; turn += 1) {
        asked += 1;
        const text = `${name} ${turn}`;
        const isEcho = turn % 2 === 0;
        const call = isEcho ? session.call('echo', { message: text }) : session.call('counter', { by: 1 });
        const reply = await call.catch(() => undefined);
        if (reply && asked % 50 === 0) {
          kills += 1;
          await lambda.kill(reply.environment);
        }
        const message = reply && (await all(reply).catch(() => [])).find(one => one.result ?? one.error);
        if (!message?.result) {
          // An error of the gateway, or nothing: never a wrong response of the server.
          lost += 1;
          if (!isEcho) perhaps += 1;
          continue;
        }
        if (isEcho) expect(message.result.content?.[0]?.text).toBe(text);
        else {
          const now = value(message) ?? Number.NaN;
          expect(now).toBeGreaterThan(sure);
          expect(now).toBeLessThanOrEqual(sure + perhaps + 1);
          [sure, perhaps] = [now, 0];
        }
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(client));
    console.log(`${asked} requests, ${kills} environments killed, ${lost} requests cut off`);
    expect(kills).toBeGreaterThan(10);
    expect(lost).toBeLessThan(100);
  }, 120_000);
});
