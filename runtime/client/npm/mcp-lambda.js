#!/usr/bin/env node
// Runs the program of this platform, which is in a package of its own: npm installs the one that fits.
'use strict';

const { spawn } = require('node:child_process');
const { constants } = require('node:os');
const { optionalDependencies } = require('./package.json');

const platform = `${process.platform}-${process.arch}`;
const name = `@mcp-lambda/${platform}`;

/** Prints why there is no program, and how to get one. */
function fail(...lines) {
  for (const line of lines) console.error(line);
  process.exit(1);
}

/** The path of the program. */
function program() {
  if (!(name in optionalDependencies)) {
    const known = Object.keys(optionalDependencies).map(it => it.replace('@mcp-lambda/', ''));
    fail(
      `mcp-lambda: npm has no program for ${platform}, only for ${known.join(', ')}.`,
      "    'cargo install mcp-lambda' builds it for other platforms (https://rustup.rs installs cargo).",
    );
  }
  try {
    return require.resolve(`${name}/mcp-lambda`);
  } catch {
    return fail(
      `mcp-lambda: the package ${name} with the program is not installed.`,
      "    Run 'npm install' again, without '--omit=optional', and on this platform: node_modules of another one has another program.",
    );
  }
}

// The terminal, and the standard input and output of `mcp-lambda proxy`, are those of the program.
const child = spawn(program(), process.argv.slice(2), { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('error', error => fail(`mcp-lambda: ${name} did not start: ${error.message}`));
child.once('exit', (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal];
});
