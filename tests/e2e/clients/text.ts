import { expect } from 'vitest';

/** The text of a tool result that did not fail. */
export function textOf(result: unknown): string {
  const { content, isError } = result as { content: { type: string; text?: string }[]; isError?: boolean };
  expect(isError ?? false).toBe(false);
  expect(content[0]).toMatchObject({ type: 'text' });
  return content[0]?.text ?? '';
}

/** The only whole number in a tool result's text. */
export function numberIn(result: unknown): number {
  const text = textOf(result);
  const numbers = text.match(/-?\d+/g) ?? [];
  expect(numbers, text).toHaveLength(1);
  return Number(numbers[0]);
}
