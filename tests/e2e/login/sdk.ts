// The OAuth clients of the official TypeScript SDKs, and what they keep.
import type { OAuthClientProvider } from '@modelcontextprotocol/client';
import { Browser, type Person } from './person.ts';

export const REDIRECT = 'http://127.0.0.1:33418/callback';

/** A client that keeps everything in memory. Its user has a browser. */
export class Memory implements OAuthClientProvider {
  readonly redirectUrl: string;
  readonly browser: Browser;
  /** The scopes that were asked for, one entry for each authorization. */
  readonly asked: (string | null)[] = [];
  /** The request of the last authorization. */
  authorizationUrl: URL | undefined;
  /** The URL with the code, or the error, of the last authorization. */
  back: URL | undefined;
  private readonly person: Person;
  private readonly kept = new Map<string, unknown>();

  constructor(person: Person, browser = new Browser(), redirectUrl = REDIRECT) {
    this.person = person;
    this.browser = browser;
    this.redirectUrl = redirectUrl;
  }

  get clientMetadata() {
    return { client_name: 'TypeScript SDK', redirect_uris: [this.redirectUrl], token_endpoint_auth_method: 'none' };
  }

  get(name: string): any {
    return this.kept.get(name);
  }

  state = () => 'a state & more';
  clientInformation = () => this.get('client');
  saveClientInformation = (client: unknown) => void this.kept.set('client', client);
  tokens = () => this.get('tokens');
  saveTokens = (tokens: unknown) => void this.kept.set('tokens', tokens);
  codeVerifier = () => this.get('verifier');
  saveCodeVerifier = (verifier: string) => void this.kept.set('verifier', verifier);

  redirectToAuthorization = async (url: URL) => {
    this.authorizationUrl = url;
    this.asked.push(url.searchParams.get('scope'));
    this.back = new URL(await this.browser.open(url.href, this.person, this.redirectUrl));
  };
}
