// An npm registry on this machine: it has the packages of this repository, packed here, and sends requests for others on. So the tests
// run the commands that users run, before anything is published.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { run } from '../e2e/run.ts';

export interface Registry {
  readonly url: string;
  stop(): Promise<void>;
}

interface Packed {
  readonly tgz: Buffer;
  readonly manifest: { readonly name: string; readonly version: string };
}

export async function startRegistry(tarballs: string[]): Promise<Registry> {
  const packages = new Map<string, Packed>();
  for (const file of tarballs) {
    const tgz = await readFile(file);
    const manifest = manifestOf(tgz);
    packages.set(manifest.name, { tgz, manifest });
  }
  const others = (await run('npm', ['config', 'get', 'registry'])).stdout.trim().replace(/\/$/, '');
  const server = createServer((request, response) => {
    const [name = '', file] = decodeURIComponent(request.url ?? '').slice(1).split('/-/');
    const found = packages.get(name);
    if (!found) response.writeHead(307, { location: `${others}${request.url}` }).end();
    else if (file !== undefined) response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(found.tgz);
    else sendPackage(response, found, `http://${request.headers.host}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What a registry tells of a package that has one version. */
function sendPackage(response: ServerResponse, { tgz, manifest }: Packed, url: string): void {
  const { name, version } = manifest;
  const integrity = `sha512-${createHash('sha512').update(tgz).digest('base64')}`;
  const dist = { tarball: `${url}/${name}/-/${version}.tgz`, integrity };
  const about = { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(about));
}

const BLOCK = 512;

/** The package.json of a packed package: its first level is `package/`. */
function manifestOf(tgz: Buffer): Packed['manifest'] {
  const tar = gunzipSync(tgz);
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const text = (from: number, length: number) => tar.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12).trim() || '0', 8);
    const start = at + BLOCK;
    if (text(0, 100) === 'package/package.json') return JSON.parse(tar.toString('utf8', start, start + size)) as Packed['manifest'];
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new Error('the tarball has no package/package.json');
}
