import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: join(import.meta.dirname, '..', '..', '..', 'node_modules', '.vite'),
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    globalSetup: ['../packed.ts'],
    reporters: ['verbose', '../../e2e/closing-line.ts'],
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 1_200_000,
  },
});
