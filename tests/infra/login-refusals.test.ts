// Logins that cannot be deployed fail at synthesis, with what to do.
import { Duration, type Stack } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { describe, expect, it } from 'vitest';
import { McpAuth, McpEndpoint, type McpLoginOptions } from '../../infra/lib/index.ts';
import { cognitoLogin, google } from './logins.ts';
import { construct, failureOf, program } from './synth.ts';

describe('refusals', () => {
  const cases: [string, McpLoginOptions, string][] = [
    [
      'there is no provider',
      {},
      "'auth' needs one provider, at which users sign in, got: undefined; give one of 'cognito', 'issuer' and 'oauth2'",
    ],
    [
      'there are two providers',
      { cognito: {}, issuer: 'https://i.example' },
      "'auth' needs one provider, at which users sign in, got: 'cognito' and 'issuer'; give one of 'cognito', 'issuer' and 'oauth2'",
    ],
    [
      'there is no client at the provider',
      { issuer: 'https://i.example' },
      "'auth.clientId' is required with 'issuer' and 'oauth2', got: undefined; register a client at the provider and give its id",
    ],
    [
      'there is a client beside the one that is created',
      { cognito: {}, clientId: 'mine' },
      "'auth.clientId' does not apply to 'auth.cognito', for which a client without a secret is created, got: mine; leave it out",
    ],
    [
      'the issuer has no https',
      { issuer: 'http://i.example', clientId: 'c' },
      "'auth.issuer' must be an https URL without a query, got: http://i.example; copy it from the provider's documentation",
    ],
    [
      'an endpoint has a query',
      {
        oauth2: { authorizeUrl: 'https://p.example/a?x=1', tokenUrl: 'https://p.example/t', userUrl: 'https://p.example/u' },
        clientId: 'c',
      },
      "'auth.oauth2.authorizeUrl' must be an https URL without a query, got: https://p.example/a?x=1; copy it from the provider's documentation",
    ],
    [
      'a scope has a quote',
      { ...google, scopes: ['a"b'] },
      "'auth.scopes' must be scopes: visible ASCII without quotes, commas and backslashes, got: a\"b; rename it",
    ],
    [
      'there is no scope',
      { ...google, scopes: [] },
      "'auth.scopes' must name a scope: a token without one is for nothing, got: []; leave it out for the scope mcp",
    ],
    [
      'access tokens live for a day, and registrations are none',
      { ...google, accessTokenLifetime: Duration.days(1), registrationsPerMinute: 0 },
      [
        "'auth.accessTokenLifetime' must be whole seconds from 1 to 3600, got: 86400 seconds; shorten it",
        "'auth.registrationsPerMinute' must be a whole number from 1 to 10000, got: 0; choose a number within",
      ].join('\n'),
    ],
    [
      'an access token lives for half a minute',
      { ...google, accessTokenLifetime: Duration.seconds(30) },
      "'auth.accessTokenLifetime' must be a minute or more: clients refresh tokens before they end, got: 30 seconds; use Duration.minutes()",
    ],
    [
      'a parameter is one of the login, and another has a comma',
      { ...google, upstreamParameters: { state: 'a', prompt: 'a,b' } },
      [
        "'auth.upstreamParameters' must be none that the login sets itself, got: state; leave it out",
        '\'auth.upstreamParameters\' must be ASCII without commas, names without "=", got: prompt=a,b; rename it',
      ].join('\n'),
    ],
    [
      'there is no key of KMS',
      { ...google, kmsSigning: { keys: [] } },
      "'auth.kmsSigning.keys' must be 1 to 4 keys, got: 0; leave it out for a new key",
    ],
    [
      'keys are replaced every hour',
      { ...google, keyRotation: Duration.hours(1) },
      "'auth.keyRotation' must be from 4 hours to 999 days, the limits of Secrets Manager, got: 1 hour; choose such a time",
    ],
    [
      'the function works longer than its API waits',
      { ...google, functionOptions: { timeout: Duration.seconds(31) } },
      "'auth.functionOptions.timeout' must be at most 30 seconds: the HTTP API of the login waits no longer, got: 31 seconds; shorten it",
    ],
    [
      'there is a format for no access log',
      { ...google, accessLog: false, accessLogFormat: {} as never },
      "'auth.accessLogFormat' does not apply where 'auth.accessLog' is false, got: {...}; leave one of them out",
    ],
  ];

  it.each(cases)('fails when %s', (_title, options, message) => {
    expect(failureOf(() => McpAuth.login(options))).toBe(message);
  });

  it('fails for keys of KMS that sign nothing, or are aliases', () => {
    const failure = (make: (stack: Stack) => kms.IKey) => failureOf(() => construct(stack => cognitoLogin({ kmsSigning: { keys: [make(stack)] } })));
    const sealing = (stack: Stack) => new kms.Key(stack, 'Sealing');
    expect(failure(sealing)).toBe(
      "'auth.kmsSigning.keys' must have the key spec ECC_NIST_P256 and the usage SIGN_VERIFY, got: Test/Sealing with SYMMETRIC_DEFAULT and ENCRYPT_DECRYPT; set keySpec and keyUsage of the key",
    );
    for (const alias of [
      (stack: Stack) => kms.Alias.fromAliasName(stack, 'Named', 'alias/login'),
      (stack: Stack) => new kms.Alias(stack, 'Made', { aliasName: 'alias/login', targetKey: sealing(stack) }),
    ]) {
      expect(failure(alias)).toContain('must be keys: an alias can get another one');
    }
  });

  it('fails for a domain of an existing pool', () => {
    const make = (stack: Stack) => ({
      auth: McpAuth.login({
        cognito: { userPool: cognito.UserPool.fromUserPoolId(stack, 'Pool', 'p'), domainPrefix: 'notes' },
      }),
    });
    expect(failureOf(() => construct(make))).toBe(
      "'auth.cognito.domainPrefix' does not apply to an existing 'auth.cognito.userPool', got: notes; set it where the pool is defined",
    );
  });

  it("fails for a function of the user's own, whose program is not known", () => {
    const own = (stack: Stack) =>
      new lambda.Function(stack, 'Own', { code: program(), handler: 'bootstrap', runtime: lambda.Runtime.PROVIDED_AL2023 });
    expect(failureOf(() => construct(stack => ({ ...cognitoLogin(), function: own(stack) })))).toBe(
      "'auth' needs the program of the login, and 'function' is no program, got: McpAuth.login(); give the program as 'code' or 'manifestPath'",
    );
  });

  it('fails behind CloudFront without a domain', () => {
    const props = { ...cognitoLogin(), endpoint: McpEndpoint.functionUrl({ cloudFront: {} }) };
    expect(failureOf(() => construct(props))).toContain("'endpoint.cloudFront.domain' is required where callers have tokens");
  });
});
