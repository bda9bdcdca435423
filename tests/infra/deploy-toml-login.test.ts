// deploy.toml: users sign in, by `[auth]`.
import { describe, expect, it } from 'vitest';
import { McpAuth, McpDeploymentCheck } from '../../infra/lib/index.ts';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { code, placed, problems, template } from './deploy-toml.ts';
import { environmentOf, failureOf, statementsOf, synth } from './synth.ts';

const auth = (text: string) => `${code}[auth]\n${text}`;
const loginOf = (text: string) => environmentOf(template(auth(text)), 'McpLoginFunction');

describe('a login', () => {
  it('is at a new user pool, by what the command line says alone', () => {
    const made = template(code, { 'auth.enabled': 'true', 'auth.provider': 'cognito' });
    made.resourceCountIs('AWS::Cognito::UserPoolDomain', 1);
    expect(environmentOf(made, 'McpLoginFunction')).toMatchObject({ MCP_ROLE: 'login', MCP_LOGIN_SCOPES: 'mcp' });
    expect(environmentOf(made)).toMatchObject({ MCP_AUTH: 'jwt', MCP_JWT_ALGORITHMS: 'EdDSA' });
  });

  it('has the scopes and the lifetimes of the file', () => {
    const text = [
      'provider = "cognito"',
      'domain_prefix = "notes"',
      'scopes = ["notes:read", "notes:write"]',
      'access_token_seconds = 300',
      'refresh_token_days = 7',
      'upstream_tokens = true',
      'upstream_parameters = ["prompt=login", "claims=a=b"]',
      'kms_signing = true',
    ];
    expect(loginOf(text.join('\n'))).toMatchObject({
      MCP_LOGIN_SCOPES: 'notes:read,notes:write',
      MCP_LOGIN_ACCESS_TOKEN_SECONDS: '300',
      MCP_LOGIN_REFRESH_TOKEN_SECONDS: '604800',
      MCP_LOGIN_UPSTREAM_TOKENS: 'on',
      MCP_LOGIN_UPSTREAM_PARAMETERS: 'prompt=login,claims=a=b',
    });
    expect(loginOf(text.join('\n'))).toHaveProperty('MCP_LOGIN_SIGNING_KEYS');
    expect(loginOf('provider = "cognito"\nkms_signing = false')).not.toHaveProperty('MCP_LOGIN_SIGNING_KEYS');
    template(auth(text.join('\n'))).hasResourceProperties('AWS::Cognito::UserPoolDomain', { Domain: 'notes' });
  });

  it('is at an OpenID provider, with a secret of Secrets Manager', () => {
    const text =
      'provider = "oidc"\nissuer = "https://accounts.google.com"\nclient_id = "c"\nclient_secret_name = "notes/google"\nupstream_scopes = ["openid"]';
    expect(loginOf(text)).toMatchObject({
      MCP_LOGIN_UPSTREAM: 'oidc',
      MCP_LOGIN_UPSTREAM_ISSUER: 'https://accounts.google.com',
      MCP_LOGIN_UPSTREAM_CLIENT_ID: 'c',
      MCP_LOGIN_UPSTREAM_SCOPES: 'openid',
    });
    expect(JSON.stringify(statementsOf(template(auth(text)), 'McpLoginFunction'))).toContain('secret:notes/google-??????');
  });

  it('is at GitHub, whose endpoints are known', () => {
    expect(loginOf('provider = "github"\nclient_id = "c"')).toMatchObject({
      MCP_LOGIN_UPSTREAM: 'oauth2',
      MCP_LOGIN_UPSTREAM_AUTHORIZE_URL: 'https://github.com/login/oauth/authorize',
      MCP_LOGIN_UPSTREAM_TOKEN_URL: 'https://github.com/login/oauth/access_token',
      MCP_LOGIN_UPSTREAM_USER_URL: 'https://api.github.com/user',
      MCP_LOGIN_UPSTREAM_SCOPES: 'read:user',
    });
  });

  it('is none where clients get tokens of the user pool itself', () => {
    const made = template(auth('provider = "cognito"\nlogin = false\ndomain_prefix = "notes"\ncallback_urls = ["http://localhost"]'));
    made.hasResourceProperties('AWS::Cognito::UserPoolClient', { CallbackURLs: ['http://localhost'] });
    expect(Object.keys(made.findResources('AWS::Lambda::Function')).filter(id => id.includes('Login'))).toEqual([]);
  });
});

describe('problems', () => {
  const cases: [string, string, string[]][] = [
    [
      'keys of a login without one',
      'provider = "jwt"\nissuer = "https://i.example"\naudience = ["a"]\nlogin = true\nclient_id = "c"',
      [
        '[auth] login must be left out where provider is not "cognito", "oidc" or "github", got: true',
        '[auth] client_id must be left out where there is no login, got: "c"',
      ],
    ],
    [
      'an OpenID provider without a login',
      'provider = "oidc"\nissuer = "https://i.example"\nlogin = false\nclient_id = "c"',
      ['[auth] login must be true or left out where provider is "oidc", got: false'],
    ],
    ['a provider without a client', 'provider = "github"', ['[auth] client_id must be given where provider is "github", got: nothing']],
    ['an OpenID provider without an issuer', 'provider = "oidc"', ['[auth] issuer must be given where provider is "oidc", got: nothing']],
    [
      'clients of a user pool beside the login',
      'provider = "cognito"\ncallback_urls = ["http://localhost"]',
      [
        '[auth] callback_urls must be left out, or login = false: the only client of the user pool is the login, got: ["http://localhost"]',
      ],
    ],
    [
      'a domain of no user pool',
      'provider = "github"\nclient_id = "c"\ndomain_prefix = "notes"',
      ['[auth] domain_prefix must be left out where provider is "github", got: "notes"'],
    ],
    [
      'an issuer that the construct refuses',
      'provider = "oidc"\nissuer = "http://i.example"\nclient_id = "c"',
      ["[auth] issuer must be an https URL without a query, got: http://i.example; copy it from the provider's documentation"],
    ],
  ];

  it.each(cases)('are those of %s', (_, text, expected) => {
    expect(problems(auth(text))).toEqual(expected);
  });

  it('have a position', () => {
    expect(placed(auth('provider = "github"\nclient_id = "c"\nlogin = false'))).toEqual([
      'deploy.toml:6:1: [auth] login must be true or left out where provider is "github", got: false',
    ]);
  });
});

it('a check of the deployment takes no token of a login', () => {
  const make = () =>
    synth({ auth: McpAuth.login({ cognito: {} }) }, {
      also: (server, stack) => {
        const token = secretsmanager.Secret.fromSecretNameV2(stack, 'Token', 'token');
        new McpDeploymentCheck(stack, 'Check', { server, token });
      },
    });
  expect(failureOf(make)).toBe(
    "'token' does not apply to McpAuth.login(), whose tokens are valid for minutes, got: {...}; leave it out: the check is that the server refuses a request without a token",
  );
});
