import { expect } from 'vitest';

/** How the tests call the reference server's `progress` tool: 3 steps, 250 ms apart. */
export const PROGRESS = { steps: 3, delay_ms: 250 } as const;

interface Seen {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly at: number;
}

/** Notes each progress notification as it arrives. */
export class ProgressLog {
  readonly seen: Seen[] = [];
  private wake: () => void = () => {};
  /** Resolves when the first notification arrives. */
  readonly first = new Promise<void>(resolve => (this.wake = resolve));

  readonly note = ({ progress, total }: { progress: number; total?: number | undefined }): void => {
    this.seen.push({ progress, total, at: performance.now() });
    this.wake();
  };

  /** Each step came once, in order, and as it happened: a server that held them back would deliver all at once. */
  expectStreamed(): void {
    expect(this.seen.map(({ progress, total }) => [progress, total])).toEqual([
      [1, PROGRESS.steps],
      [2, PROGRESS.steps],
      [3, PROGRESS.steps],
    ]);
    const [first, second, third] = this.seen as [Seen, Seen, Seen];
    expect(second.at - first.at).toBeGreaterThan(PROGRESS.delay_ms / 2);
    expect(third.at - second.at).toBeGreaterThan(PROGRESS.delay_ms / 2);
  }
}
