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

  /**
   * Each step came once, in order, and as it happened: a server that held them back would deliver all at once. A client that
   * reads the last notification and the response at once may have no handler for the notification any more.
   */
  expectStreamed({ lastMayBeLost = false } = {}): void {
    const steps = [1, 2, 3].slice(0, lastMayBeLost ? this.seen.length : PROGRESS.steps);
    expect(this.seen.map(({ progress, total }) => [progress, total])).toEqual(steps.map(step => [step, PROGRESS.steps]));
    expect(steps.length).toBeGreaterThanOrEqual(PROGRESS.steps - 1);
    this.seen.slice(1).forEach(({ at }, index) => {
      expect(at - this.seen[index]!.at).toBeGreaterThan(PROGRESS.delay_ms / 2);
    });
  }
}
