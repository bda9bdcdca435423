import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: join(import.meta.dirname, '..', '..', 'node_modules', '.vite'),
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    reporters: ['verbose', '../e2e/closing-line.ts'],
    // Compilers of other languages, and what they download the first time.
    testTimeout: 1_200_000,
    hookTimeout: 600_000,
  },
});
