// `aws sns publish`, once, and every client hears of it, of either era, with its stream on any environment.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../server.ts';
import { eventually, Session, Stateless, type Stream } from './client.ts';
import { deploy, type Deployment } from './deployment.ts';

const STREAMS = 4;
let deployment: Deployment;

beforeAll(async () => {
  // Eight hold streams, the rest answer requests meanwhile.
  deployment = await deploy(12);
}, 900_000);
afterAll(async () => deployment?.stop());

async function fixture(name: string): Promise<{ Subject: string | null; Message: string }> {
  const text = await readFile(join(root, 'tests/fixtures/events', `${name}.json`), 'utf8');
  const event = JSON.parse(text) as { Records: [{ Sns: { Subject: string | null; Message: string } }] };
  return event.Records[0].Sns;
}

async function publish(message: string, subject: string | null): Promise<void> {
  const named = subject ? ['--subject', subject] : [];
  await deployment.aws('sns', 'publish', '--topic-arn', deployment.topicArn, '--message', message, ...named);
}

/** What is published, and what becomes of it. */
const examples: [fixture: string, source: string, type: string][] = [
  ['sns-state-change', 'aws.ec2', 'state_change'],
  ['sns-resource-update', 'aws.ec2', 'resource_update'],
  ['sns-cloudwatch-alarm', 'aws.cloudwatch', 'alarm'],
  ['sns-eventbridge', 'aws.ec2', 'EC2 Instance State-change Notification'],
  ['sns-json', 'mcp-global-events', 'Nightly report'],
  ['sns', 'mcp-global-events', 'TestInvoke'],
];
const uri = (source: string, type: string) => `event://${source}/${encodeURIComponent(type)}`;
const uris = examples.map(([, source, type]) => uri(source, type));
const last = uri('mcp-lambda-reference', 'last');

it('reaches four listen streams and four GET streams on eight environments, once each and in one order', async () => {
  const client = new Stateless(deployment.url);
  const sessions = await Promise.all(Array.from({ length: STREAMS }, () => Session.open(deployment.url)));
  const listen = () => client.listen({ resourceSubscriptions: [...uris, last], resourcesListChanged: true });
  const listens = await Promise.all(Array.from({ length: STREAMS }, listen));
  const gets = await Promise.all(sessions.map(session => session.listen()));
  const streams = [...listens, ...gets];
  expect(new Set(streams.map(stream => stream.environment)).size).toBe(2 * STREAMS);
  const isReady = (stream: Stream) => stream.said[0]?.method === 'notifications/subscriptions/acknowledged';
  await eventually('acknowledged', () => listens.every(isReady), () => listens.map(one => one.said));

  for (const [name] of examples) {
    const { Subject, Message } = await fixture(name);
    await publish(Message, Subject);
  }
  // A tool's own event goes to the log and to the topic, which delivers it to the server again: clients get it once.
  const announced = await client.ask('tools/call', {
    name: 'publish_event',
    arguments: { event_type: 'own', payload: { number: 1 } },
  });
  expect(announced.result?.['structuredContent']).toMatchObject({ sns_message_id: expect.any(String) as string });
  await publish('{"type":"external_event","source":"mcp-lambda-reference","event_type":"last","payload":null}', null);

  const heard = (stream: Stream) => stream.said.filter(({ method }) => method === 'notifications/resources/updated');
  const logged = (stream: Stream) => stream.said.filter(({ method }) => method === 'notifications/message');
  const isOver = (stream: Stream) =>
    heard(stream).some(({ params }) => params?.uri === last) ||
    logged(stream).some(({ params }) => (params?.data as { event_type?: string }).event_type === 'last');
  await eventually('all heard the last event', () => streams.every(isOver), () => streams.map(one => one.said.length));

  for (const stream of listens) expect(heard(stream).map(({ params }) => params?.uri)).toEqual([...uris, last]);
  const expected = await Promise.all(
    examples.map(async ([name, source, event_type]) => {
      const { Message } = await fixture(name);
      const payload: unknown = Message.startsWith('{') || Message.startsWith('[') ? JSON.parse(Message) : Message;
      return { type: 'external_event', source, event_type, payload };
    }),
  );
  const own = [{ number: 1 }, null].map((payload, at) => ({
    ...{ type: 'external_event', source: 'mcp-lambda-reference' },
    ...{ event_type: ['own', 'last'][at], payload },
  }));
  for (const stream of gets) {
    const events = logged(stream).map(({ params }) => {
      const { timestamp, ...event } = params?.data as Record<string, unknown>;
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return event;
    });
    expect(events).toEqual([...expected, ...own]);
  }
  for (const stream of streams) stream.close();
});

it('keeps what happened where every client can list and read it', async () => {
  const client = new Stateless(deployment.url);
  const listed = await client.ask('resources/list', {});
  const resources = (listed.result?.['resources'] as { uri: string }[]).map(resource => resource.uri);
  expect(resources).toEqual(expect.arrayContaining(uris));
  const read = await client.ask('resources/read', { uri: uris[0] });
  const [contents] = read.result?.['contents'] as [{ text: string }];
  expect(JSON.parse(contents.text)).toMatchObject({
    source: 'aws.ec2',
    type: 'state_change',
    events: [{ event: { payload: { instance: 'i-123', state: 'terminated' } } }],
  });
});

it('tells a session of the resources it subscribed to, from another environment', async () => {
  const session = await Session.open(deployment.url);
  expect((await session.ask('resources/subscribe', { uri: uris[0] })).result).toEqual({});
  const stream = await session.listen();
  const { Subject, Message } = await fixture('sns-state-change');
  await publish(Message, Subject);
  const methods = () => stream.said.map(({ method }) => method);
  await eventually('both', () => methods().length >= 2, methods);
  expect(methods()).toEqual(['notifications/message', 'notifications/resources/updated']);
  stream.close();
});
