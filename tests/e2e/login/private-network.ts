// A program in a network of its own, in which a public address is this computer: the login fetches documents of clients from the
// public internet alone.
//
//     unshare is of util-linux, ip of iproute2. Without root it needs user namespaces.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An address of the public internet. Nothing of this network leaves the computer. */
export const ADDRESS = '93.184.216.34';

const isRoot = process.getuid?.() === 0;
const UNSHARE = ['--net', '--mount', ...(isRoot ? [] : ['--user', '--map-root-user'])];

/** Whether this computer can have such a network. */
export function hasNetworks(): boolean {
  return spawnSync('unshare', [...UNSHARE, 'ip', 'link', 'set', 'lo', 'up']).status === 0;
}

/** The command that runs another in a new network, in which these names are the public address. `folder` keeps its files. */
export function inNetwork(folder: string, names: string[], command: string[]): [string, string[]] {
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost\n${ADDRESS} ${names.join(' ')}\n`);
  const script = `ip link set lo up && ip addr add ${ADDRESS}/32 dev lo && mount --bind "$0" /etc/hosts && exec "$@"`;
  return ['unshare', [...UNSHARE, 'sh', '-c', script, hosts, ...command]];
}
