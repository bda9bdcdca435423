// The Python SDK's client: the tests of test_client.py, once for each way to agree on a version.
import { expect, inject, it } from 'vitest';
import { unittest } from './unittest.ts';

it.each(['Stateless', 'LeftToChoose', 'Session'])('Python client 2.x, %s', async name => {
  const { code, report } = await unittest(`test_client.${name}`, inject('url'));
  expect(code, report).toBe(0);
  expect(report).toMatch(/^Ran 7 tests/m);
});
