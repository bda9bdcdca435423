import { run } from '../run.ts';

/** Runs one of this folder's Python test classes against a server, and prints the closing lines of its report. */
export async function unittest(
  name: string,
  url: string,
  venv = '.venv',
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; report: string }> {
  const { code, stderr } = await run(`${venv}/bin/python`, ['-m', 'unittest', '-v', name], {
    PYTHONPATH: import.meta.dirname,
    PYTHONDONTWRITEBYTECODE: '1',
    MCP_URL: url,
    ...env,
  });
  const closing = stderr.indexOf('\nRan ');
  console.log(`python -m unittest ${name}:${closing < 0 ? ' no report' : stderr.slice(closing).replace(/\s+/g, ' ')}`);
  return { code, report: stderr };
}
