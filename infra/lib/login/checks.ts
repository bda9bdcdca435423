import { Token, type Duration } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import { checkAccessLog } from '../endpoint/access-log';
import { HTTP_API_MAX_TIMEOUT } from '../endpoint/created-http-api';
import { checkRotation } from '../private/key-secret';
import { checkAll, checkEach, checkNumber, checkSeconds, fail, seconds } from '../private/validation';
import { checkOptionsOfFunction } from '../server-function';
import type { McpLoginOptions } from './login-options';

/** An access token cannot be revoked. */
const LONGEST_ACCESS = 3600;
const LONGEST_REFRESH = 365 * 24 * 3600;

const PROVIDERS = ['cognito', 'issuer', 'oauth2'] as const;

/** Fails for options that cannot work, alone or together: with all problems at once. */
export function checkLogin(options: McpLoginOptions): void {
  checkAll(
    () => checkProvider(options),
    () => checkClient(options),
    () => checkUrls(options),
    () => checkScopes('auth.scopes', options.scopes),
    () => checkScopes('auth.upstreamScopes', options.upstreamScopes),
    () => checkSeconds('auth.accessTokenLifetime', options.accessTokenLifetime, LONGEST_ACCESS, 'shorten it'),
    () => checkMinute('auth.accessTokenLifetime', options.accessTokenLifetime),
    () => checkMinute('auth.refreshTokenLifetime', options.refreshTokenLifetime),
    () => checkSeconds('auth.refreshTokenLifetime', options.refreshTokenLifetime, LONGEST_REFRESH, 'shorten it'),
    () => checkRotation('auth.keyRotation', options.keyRotation),
    () => checkKeys(options),
    () => checkSigningKeys(options),
    () => checkParameters(options),
    () => checkNumber('auth.registrationsPerMinute', options.registrationsPerMinute, 1, 10_000),
    () => checkNumber('auth.throttlingRateLimit', options.throttlingRateLimit, 1, 10_000),
    () => checkNumber('auth.throttlingBurstLimit', options.throttlingBurstLimit, 1, 10_000),
    () => checkAccessLog(options, 'auth'),
    () => checkOptionsOfFunction('auth.functionOptions', options.functionOptions ?? {}),
    () => checkTimeout(options),
  );
}

function checkProvider(options: McpLoginOptions): void {
  const given = PROVIDERS.filter(name => options[name] !== undefined);
  if (given.length === 1) return;
  const rule = 'needs one provider, at which users sign in';
  const names = given.length === 0 ? undefined : `'${given.join("' and '")}'`;
  fail('auth', names, rule, "give one of 'cognito', 'issuer' and 'oauth2'");
}

function checkClient(options: McpLoginOptions): void {
  const { cognito, clientId, clientSecret } = options;
  if (!cognito) {
    if (clientId !== undefined || PROVIDERS.every(name => options[name] === undefined)) return;
    const rule = "is required with 'issuer' and 'oauth2'";
    fail('auth.clientId', clientId, rule, 'register a client at the provider and give its id');
  }
  checkEach(['clientId', 'clientSecret'] as const, name => {
    if (options[name] === undefined) return;
    const rule = "does not apply to 'auth.cognito', for which a client without a secret is created";
    fail(`auth.${name}`, name === 'clientId' ? clientId : clientSecret?.secretArn, rule, 'leave it out');
  });
  checkEach(['domainPrefix', 'removalPolicy', 'deletionProtection'] as const, name => {
    if (!cognito.userPool || cognito[name] === undefined) return;
    const rule = "does not apply to an existing 'auth.cognito.userPool'";
    fail(`auth.cognito.${name}`, cognito[name], rule, 'set it where the pool is defined');
  });
}

function checkUrls({ issuer, oauth2 }: McpLoginOptions): void {
  const urls = { issuer, ...(oauth2 && Object.fromEntries(Object.entries(oauth2).map(([name, url]) => [`oauth2.${name}`, url]))) };
  checkEach(Object.entries(urls), ([name, url]) => {
    if (url === undefined || Token.isUnresolved(url) || /^https:\/\/[^/?#\s@]+[^?#\s]*$/.test(url)) return;
    fail(`auth.${name}`, url, 'must be an https URL without a query', "copy it from the provider's documentation");
  });
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-3.3 */
function checkScopes(property: string, scopes: string[] | undefined): void {
  if (property === 'auth.scopes' && scopes?.length === 0) {
    fail(property, '[]', 'must name a scope: a token without one is for nothing', 'leave it out for the scope mcp');
  }
  checkEach(scopes ?? [], scope => {
    if (Token.isUnresolved(scope) || /^[!#-+\--[\]-~]{1,256}$/.test(scope)) return;
    fail(property, scope, 'must be scopes: visible ASCII without quotes, commas and backslashes', 'rename it');
  });
  if ((scopes?.length ?? 0) <= 64) return;
  fail(property, scopes?.length, 'must be at most 64 scopes', 'leave some out');
}

function checkMinute(property: string, lifetime: Duration | undefined): void {
  if ((seconds(lifetime) ?? 60) >= 60) return;
  fail(property, lifetime, 'must be a minute or more: clients refresh tokens before they end', 'use Duration.minutes()');
}

function checkKeys({ keys, keyRotation }: McpLoginOptions): void {
  if (!keys || !keyRotation) return;
  const rule = "does not apply to a secret in 'auth.keys'";
  fail('auth.keyRotation', keyRotation.toHumanString(), rule, 'call addRotationSchedule() of the secret');
}

const MOST_SIGNING_KEYS = 4;

function checkSigningKeys({ kmsSigning }: McpLoginOptions): void {
  const keys = kmsSigning?.keys;
  if (!keys) return;
  const property = 'auth.kmsSigning.keys';
  if (keys.length === 0 || keys.length > MOST_SIGNING_KEYS) {
    fail(property, keys.length, `must be 1 to ${MOST_SIGNING_KEYS} keys`, 'leave it out for a new key');
  }
  checkEach(keys, key => {
    if (key instanceof kms.Alias || key.keyArn.includes(':alias/')) {
      fail(property, key.node.path, 'must be keys: an alias can get another one', 'give the key of the alias');
    }
    const created = key.node.defaultChild;
    if (!(created instanceof kms.CfnKey)) return;
    const { keySpec = 'SYMMETRIC_DEFAULT', keyUsage = 'ENCRYPT_DECRYPT' } = created;
    if (keySpec === 'ECC_NIST_P256' && keyUsage === 'SIGN_VERIFY') return;
    const rule = 'must have the key spec ECC_NIST_P256 and the usage SIGN_VERIFY';
    fail(property, `${key.node.path} with ${keySpec} and ${keyUsage}`, rule, 'set keySpec and keyUsage of the key');
  });
}

/** What the login itself says at the provider, and what would change how the answer comes back. */
const OWN_PARAMETERS = [
  'client_id',
  'client_secret',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
];

function checkParameters({ upstreamParameters = {} }: McpLoginOptions): void {
  const parameters = Object.entries(upstreamParameters);
  if (parameters.length > 16) fail('auth.upstreamParameters', parameters.length, 'must be at most 16', 'leave some out');
  checkEach(parameters, ([name, value]) => {
    const property = 'auth.upstreamParameters';
    if (OWN_PARAMETERS.includes(name)) fail(property, name, 'must be none that the login sets itself', 'leave it out');
    if (/^[!-+\--<>-~]+$/.test(name) && (Token.isUnresolved(value) || /^[ -+\--~]*$/.test(value))) return;
    fail(property, `${name}=${value}`, 'must be ASCII without commas, names without "="', 'rename it');
  });
}

function checkTimeout({ functionOptions }: McpLoginOptions): void {
  const limit = HTTP_API_MAX_TIMEOUT.toSeconds();
  if ((seconds(functionOptions?.timeout) ?? 0) <= limit) return;
  const rule = `must be at most ${limit} seconds: the HTTP API of the login waits no longer`;
  fail('auth.functionOptions.timeout', functionOptions?.timeout, rule, 'shorten it');
}
