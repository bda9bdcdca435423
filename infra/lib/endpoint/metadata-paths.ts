/**
 * The paths of the OAuth protected resource metadata (RFC 9728) of an MCP endpoint. Clients request it without a token.
 */
export function metadataPaths(path: string): string[] {
  const document = '/.well-known/oauth-protected-resource';
  return path === '/' ? [document] : [document, `${document}${path}`];
}
