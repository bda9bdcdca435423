import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: join(import.meta.dirname, '..', '..', 'node_modules', '.vite'),
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    // On an AWS of one machine, by itself: scripts/test infra.
    exclude: ['deploy/**'],
    globalSetup: ['./setup.ts'],
    reporters: ['verbose', './closing-line.ts'],
    // One file at a time: progress is judged by when it arrives, and two cores are soon busy.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
