// What state in DynamoDB costs a warm 2025-11-25 tools/call: the same binary through the emulator, with tables and without,
// one call each in turn. Run it by scripts/measure-sessions.
import { Session } from './client.ts';
import { environments } from './environments.ts';

const CALLS = 500;
const kinds = ['memory', 'DynamoDB'] as const;
const running = [await environments('mcp-lambda-reference', 1, 30, false), await environments('mcp-lambda-reference', 1)];
try {
  const sessions = await Promise.all(running.map(({ url }) => Session.open(url)));
  const times: number[][] = kinds.map(() => []);
  for (let call = 0; call < CALLS; call += 1) {
    for (const [at, session] of sessions.entries()) {
      const began = performance.now();
      await session.answer('echo', { message: 'hello' });
      times[at]?.push(performance.now() - began);
    }
  }
  const median = (all: number[]) => all.sort((one, other) => one - other)[all.length >> 1] ?? Number.NaN;
  const medians = times.map(median);
  kinds.forEach((kind, at) => console.log(`warm 2025-11-25 tools/call, ${kind}: p50 ${medians[at]?.toFixed(2)} ms`));
  console.log(`ratio ${((medians[1] ?? 0) / (medians[0] ?? 1)).toFixed(2)}`);
} finally {
  await Promise.all(running.map(one => one.stop()));
}
