// A person with a browser that has cookies and follows redirects, and who signs in and answers what is asked on each page.
//
//     node --import tsx person.ts URL
//
// PERSON has the name, the password and the decision, as JSON. It ends at a page without a form: the client's.
import { pathToFileURL } from 'node:url';

export interface Person {
  readonly name: string;
  readonly password: string;
  /** The button that is pressed on the consent page. */
  readonly decision: 'allow' | 'deny';
}

export const ADA: Person = { name: 'ada', password: 'correct horse', decision: 'allow' };

interface Cookie {
  readonly value: string;
  readonly host: string;
  readonly path: string;
}

/** A page that a browser has loaded. */
export interface Visited {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
}

const MOST_STEPS = 30;
const WITHIN_MS = 10_000;

/** Cookies and history: one for each person and session. */
export class Browser {
  /** Every page and redirect, in order. */
  readonly visited: Visited[] = [];
  private readonly cookies = new Map<string, Cookie>();

  /**
   * Opens a URL and does what `person` would do, until a page without a form, or until a redirect to a URL that begins with
   * `end`, which is not opened. Returns the last URL.
   */
  async open(url: string, person: Person, end?: string): Promise<string> {
    let page = await this.load(url, {}, end);
    for (let step = 0; step < MOST_STEPS; step++) {
      const form = typeof page === 'string' ? undefined : readForm(page, person);
      if (typeof page === 'string') return page;
      if (!form) return page.url;
      page = await this.load(form.action, { method: 'POST', body: form.body, headers: { origin: new URL(page.url).origin } }, end);
    }
    throw new Error(`no end after ${MOST_STEPS} forms: ${this.history()}`);
  }

  /** Opens a URL, follows its redirects and returns the page, or the URL that begins with `end`. */
  async load(url: string, init: RequestInit = {}, end?: string): Promise<Visited | string> {
    let next = url;
    let request = init;
    for (let step = 0; step < MOST_STEPS; step++) {
      if (end && next.startsWith(end)) return next;
      const headers = { ...(request.headers as Record<string, string>), cookie: this.cookieHeader(next), accept: 'text/html' };
      const response = await fetch(next, { ...request, headers, redirect: 'manual', signal: AbortSignal.timeout(WITHIN_MS) });
      this.keep(response.headers, next);
      const page = { url: next, status: response.status, headers: response.headers, html: await response.text() };
      this.visited.push(page);
      const location = response.headers.get('location');
      if (!location || response.status < 300 || response.status > 399) return page;
      next = new URL(location, next).href;
      request = {};
    }
    throw new Error(`no end after ${MOST_STEPS} redirects: ${this.history()}`);
  }

  history(): string {
    return this.visited.map(({ status, url }) => `${status} ${url.split('?')[0]}`).join(', ');
  }

  private cookieHeader(url: string): string {
    const { hostname, pathname } = new URL(url);
    const fits = ({ host, path }: Cookie) => host === hostname && (pathname + '/').startsWith(path.endsWith('/') ? path : `${path}/`);
    const sent = [...this.cookies].filter(([, cookie]) => fits(cookie));
    return sent.map(([key, { value }]) => `${key.split(' ')[0]}=${value}`).join('; ');
  }

  private keep(headers: Headers, url: string): void {
    const host = new URL(url).hostname;
    for (const text of headers.getSetCookie()) {
      const [pair, ...attributes] = text.split(';').map(part => part.trim());
      const [name, ...value] = pair!.split('=');
      const attribute = (of: string) => attributes.find(part => part.toLowerCase().startsWith(`${of}=`))?.slice(of.length + 1);
      const path = attribute('path') ?? '/';
      const key = `${name} ${host} ${path}`;
      const isOver = attribute('max-age') === '0' || Date.parse(attribute('expires') ?? '') < Date.now();
      if (isOver) this.cookies.delete(key);
      else this.cookies.set(key, { value: value.join('='), host, path });
    }
  }
}

/** The form of a page, filled in. */
export function readForm(page: Visited, person: Person): { action: string; body: URLSearchParams } | undefined {
  const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(page.html);
  if (!form) return undefined;
  const body = new URLSearchParams();
  for (const [, attributes] of form[2]!.matchAll(/<input\b([^>]*)>/gi)) {
    const { name, type, value } = read(attributes!);
    if (!name) continue;
    if (type === 'password') body.set(name, person.password);
    else if (type === 'hidden') body.append(name, value ?? '');
    else body.set(name, person.name);
  }
  if (/<button\b[^>]*name="decision"/i.test(form[2]!)) body.set('decision', person.decision);
  return { action: new URL(read(form[1]!).action ?? page.url, page.url).href, body };
}

function read(attributes: string): Record<string, string> {
  const found = [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)];
  return Object.fromEntries(found.map(([, name, value]) => [name!.toLowerCase(), decoded(value!)]));
}

function decoded(text: string): string {
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name]!);
}

/** A user who opens the URL that a program prints to sign its user in. */
export function watching(issuer: string): { see(chunk: Buffer): void; done(): Promise<string> } {
  let printed = '';
  let opened: Promise<string> | undefined;
  return {
    see: chunk => {
      printed += chunk.toString();
      const url = printed.match(/https?:\/\/[^\s"']+\/authorize\?[^\s"']+(?=[\s"'])/)?.[0];
      if (url?.startsWith(issuer)) opened ??= new Browser().open(url, ADA);
    },
    done: async () => (await opened) ?? Promise.reject(new Error(`no URL was printed:\n${printed}`)),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const person = { ...ADA, ...(JSON.parse(process.env['PERSON'] ?? '{}') as Partial<Person>) };
  await new Browser().open(process.argv[2]!, person);
}
