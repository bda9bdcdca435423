// An OpenID provider of a third party: node oidc-provider.mjs PORT REDIRECT_URI. It accepts every password.
import { Provider } from 'oidc-provider';

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'login',
      client_secret: 'a-secret-of-the-third-party',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  claims: { openid: ['sub'], email: ['email'] },
  cookies: { keys: ['not a secret'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com` }) }),
  pkce: { required: () => true },
});
const server = provider.listen(Number(port), '127.0.0.1', () => console.log(issuer));
process.once('SIGTERM', () => server.close());
