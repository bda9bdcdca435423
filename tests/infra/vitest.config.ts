import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: join(import.meta.dirname, '..', '..', 'node_modules', '.vite'),
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    // Loading the CDK takes seconds, so workers are reused. Two of them suit a machine with two cores.
    isolate: false,
    maxWorkers: 2,
    // Beside them cargo checks each package (scripts/test).
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
