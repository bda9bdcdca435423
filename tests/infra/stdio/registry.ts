// The registry of registry.py, as the one that npm and pip use within this process.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { root } from '../synth.ts';

/** The Python of the tests, which has pip. */
export const python = join(root, '.venv', 'bin', 'python');

/** A managed runtime with the version of that Python, so that modules are compiled. */
export function pythonRuntime(): lambda.Runtime {
  const { stdout } = spawnSync(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { encoding: 'utf8' });
  return new lambda.Runtime(`python${stdout.trim()}`, lambda.RuntimeFamily.PYTHON);
}

export interface Registry {
  /** A folder of the tests, which is deleted at the end. */
  readonly folder: string;
  stop(): Promise<void>;
}

export async function startRegistry(): Promise<Registry> {
  const registry = spawn(python, [join(import.meta.dirname, 'registry.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(registry.stdout, 'data')) as [Buffer];
  const url = line.toString().trim();
  const folder = mkdtempSync(join(tmpdir(), 'mcp-bundle-'));
  const settings: Record<string, string> = {
    npm_config_registry: `${url}/npm/`,
    npm_config_cache: join(folder, 'npm-cache'),
    npm_config_fetch_retries: '0',
    PIP_INDEX_URL: `${url}/simple`,
    PIP_EXTRA_INDEX_URL: '',
    PIP_FIND_LINKS: '',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_NO_CACHE_DIR: '1',
    PIP_RETRIES: '0',
  };
  const before = Object.keys(settings).map(name => [name, process.env[name]] as const);
  Object.assign(process.env, settings);
  return {
    folder,
    stop: async () => {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      registry.stdin.end();
      await once(registry, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
