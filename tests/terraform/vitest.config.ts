import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: join(import.meta.dirname, '..', '..', 'node_modules', '.vite'),
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    reporters: ['verbose', '../e2e/closing-line.ts'],
    testTimeout: 300_000,
    // The first run compiles the Rust program.
    hookTimeout: 1_200_000,
  },
});
