import type { Reporter, TestModule } from 'vitest/node';

/** Closes the run with one plain line, `e2e: 12 passed, 0 failed`, that a script or a CI log can be searched for. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      const before = count.failed;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') count[state] += 1;
      }
      // A file that could not be loaded, or failed in beforeAll, counts although none of its tests ran.
      if (module.state() === 'failed' && count.failed === before) count.failed += 1;
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    console.log(`e2e: ${count.passed} passed, ${count.failed} failed${skipped}`);
  }
}
