import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: join(import.meta.dirname, '..', '..', 'node_modules', '.vite'),
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    globalSetup: ['packed.ts'],
    reporters: ['verbose', '../e2e/closing-line.ts'],
    // Much of a file is waiting: for a stack, a registry, a process of the compiler. Two of them suit a machine with two cores.
    maxWorkers: 2,
    testTimeout: 250_000,
    // The first run compiles the Rust programs.
    hookTimeout: 1_200_000,
  },
});
