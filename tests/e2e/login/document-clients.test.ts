// Clients that a document describes, with the official TypeScript SDKs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../run.ts';
import { build, root } from '../server.ts';
import type { Got } from './document-clients.ts';
import { hasNetworks, inNetwork } from './private-network.ts';

const ENDS_WITHIN_MS = 60_000;

describe.skipIf(!hasNetworks())('a client with a document, in a network of its own', () => {
  let folder: string;
  let result: { clients: Record<'1.x' | '2.x', Got>; asked: number; printed: string };

  beforeAll(async () => {
    await build('mcp-lambda-reference');
    folder = await mkdtemp(join(tmpdir(), 'documents-'));
    const authority = join(folder, 'authority.pem');
    await writeFile(authority, new X509Certificate(readFileSync(join(root, 'runtime/login/tests/tls/ca.der'))).toString());
    const script = join(import.meta.dirname, 'document-clients.ts');
    const tsx = join(root, 'node_modules/tsx/dist/loader.mjs');
    const [command, args] = inNetwork(folder, ['client.example'], [process.execPath, '--import', tsx, script]);
    const ran = await run(command, args, { SSL_CERT_FILE: authority, CARGO_NET_OFFLINE: 'true' }, ENDS_WITHIN_MS);
    expect(ran.code, ran.stderr).toBe(0);
    result = JSON.parse(ran.stdout);
  }, 600_000);
  afterAll(() => folder && rm(folder, { recursive: true }));

  it.each(['2.x', '1.x'] as const)('of the TypeScript SDK %s signs its user in without a registration', version => {
    const { answer, clientId, consent } = result.clients[version];
    expect(answer).toBe('documented');
    expect(clientId).toBe('https://client.example/oauth/client.json');
    expect(consent).toContain('A documented client');
    expect(consent).toContain('client.example');
    expect(consent).not.toContain('unverified');
  });

  it('has its document fetched once for all, by the login alone', () => {
    expect(result.asked).toBe(1);
    expect(result.printed).not.toMatch(/eyJ[\w-]{8}|(code|state|verifier|challenge)=[\w.-]{16}/);
  });
});
