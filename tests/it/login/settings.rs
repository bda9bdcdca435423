//! The variables of the authorization server.

use std::{collections::HashMap, time::Duration};

use mcp_lambda_server::{
    Config,
    config::{LoginConfig, LoginUpstream, ProcessRole},
    error::ConfigError,
};

const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01";

/// The smallest configuration of an OpenID provider, with some variables changed: an empty one is left out.
fn with(changed: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let keys = format!("one:{SECRET}");
    let mut variables: HashMap<&str, &str> = HashMap::from([
        ("MCP_ROLE", "login"),
        ("MCP_LOGIN_ISSUER", "https://login.example.com"),
        ("MCP_LOGIN_RESOURCES", "https://mcp.example.com/mcp"),
        ("MCP_LOGIN_KEYS", keys.as_str()),
        ("MCP_LOGIN_UPSTREAM", "oidc"),
        ("MCP_LOGIN_UPSTREAM_ISSUER", "https://accounts.example.com"),
        ("MCP_LOGIN_UPSTREAM_CLIENT_ID", "client"),
    ]);
    variables.extend(changed.iter().copied());
    Config::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn login(changed: &[(&str, &str)]) -> LoginConfig {
    *with(changed).expect("a configuration").login.expect("an authorization server")
}

fn refused(changed: &[(&str, &str)]) -> &'static str {
    let error = with(changed).map(|config| config.login).expect_err(&format!("{changed:?}"));
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    error.variable()
}

#[test]
fn the_smallest_configuration_has_the_documented_defaults() {
    let config = with(&[]).expect("a configuration");
    assert_eq!(config.role, ProcessRole::Login);
    let login = login(&[]);
    assert_eq!((login.access_token_ttl.as_secs(), login.refresh_token_ttl.as_secs()), (600, 2_592_000));
    assert_eq!((login.registrations_per_minute, login.audience), (300, None));
    assert!(login.scopes.is_empty() && login.keys[0].id == "one");
    let LoginUpstream::Oidc { client, .. } = login.upstream else { panic!("no OpenID provider") };
    assert_eq!((client.secret, client.scopes), (None, vec!["openid".to_owned()]));
    // An MCP server reads none of them.
    assert_eq!(with(&[("MCP_ROLE", "")]).expect("a configuration").login, None);
}

#[test]
fn each_setting_can_be_set() {
    let two = format!("two:{SECRET},one:{SECRET}");
    let login = login(&[
        ("MCP_LOGIN_RESOURCES", "https://a.example/mcp, https://b.example/mcp"),
        ("MCP_LOGIN_AUDIENCE", "server"),
        ("MCP_LOGIN_KEYS", &two),
        ("MCP_LOGIN_SCOPES", "mcp:read,mcp:write"),
        ("MCP_LOGIN_ACCESS_TOKEN_SECONDS", "300"),
        ("MCP_LOGIN_REFRESH_TOKEN_SECONDS", "3600"),
        ("MCP_LOGIN_REGISTRATIONS_PER_MINUTE", "6"),
        ("MCP_LOGIN_UPSTREAM", "oauth2"),
        ("MCP_LOGIN_UPSTREAM_AUTHORIZE_URL", "https://github.com/login/oauth/authorize"),
        ("MCP_LOGIN_UPSTREAM_TOKEN_URL", "https://github.com/login/oauth/access_token"),
        ("MCP_LOGIN_UPSTREAM_USER_URL", "https://api.github.com/user"),
        ("MCP_LOGIN_UPSTREAM_CLIENT_SECRET", "planted-secret"),
        ("MCP_LOGIN_UPSTREAM_SCOPES", "read:user"),
    ]);
    assert_eq!(login.resources, ["https://a.example/mcp", "https://b.example/mcp"]);
    assert_eq!(login.audience.as_deref(), Some("server"));
    assert_eq!(login.keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["two", "one"]);
    assert_eq!(login.scopes, ["mcp:read", "mcp:write"]);
    assert_eq!((login.access_token_ttl, login.registrations_per_minute), (Duration::from_secs(300), 6));
    assert!(!format!("{login:?}").contains("planted-") && !format!("{login:?}").contains(SECRET));
    let LoginUpstream::OAuth2 { client, user_url, .. } = login.upstream else {
        panic!("no OAuth 2 provider")
    };
    assert_eq!(
        (client.scopes.as_slice(), user_url.as_str()),
        (["read:user".to_owned()].as_slice(), "https://api.github.com/user")
    );
    assert_eq!(client.secret.as_ref().map(|secret| secret.expose()), Some("planted-secret"));
}

#[test]
fn a_setting_that_is_missing_or_wrong_stops_the_process_with_its_name() {
    for (variable, wrong) in [
        ("MCP_LOGIN_ISSUER", ["", "http://login.example.com", "https://login.example.com/"].as_slice()),
        ("MCP_LOGIN_RESOURCES", &["", "mcp", "http://mcp.example.com/mcp"]),
        ("MCP_LOGIN_KEYS", &["", "one:short", "one", ":0123", "a b:0123"]),
        ("MCP_LOGIN_UPSTREAM", &["", "saml", "local"]),
        ("MCP_LOGIN_UPSTREAM_ISSUER", &["", "accounts.example.com"]),
        ("MCP_LOGIN_UPSTREAM_CLIENT_ID", &[""]),
        ("MCP_LOGIN_SCOPES", &["a\"b"]),
        ("MCP_LOGIN_ACCESS_TOKEN_SECONDS", &["59", "86401", "soon"]),
        ("MCP_LOGIN_REFRESH_TOKEN_SECONDS", &["59"]),
        ("MCP_LOGIN_REGISTRATIONS_PER_MINUTE", &["0"]),
    ] {
        for value in wrong {
            assert_eq!(refused(&[(variable, value)]), variable, "{value}");
        }
    }
    for missing in ["AUTHORIZE_URL", "TOKEN_URL", "USER_URL"] {
        let urls = ["AUTHORIZE_URL", "TOKEN_URL", "USER_URL"].map(|name| {
            (format!("MCP_LOGIN_UPSTREAM_{name}"), if name == missing { "" } else { "https://github.com/a" })
        });
        let mut changed: Vec<_> = urls.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        changed.push(("MCP_LOGIN_UPSTREAM", "oauth2"));
        assert_eq!(refused(&changed), format!("MCP_LOGIN_UPSTREAM_{missing}"));
    }
}

/// Users with passwords in a variable are for one machine.
#[test]
fn local_users_are_refused_on_lambda_and_at_other_addresses() {
    let local = [
        ("MCP_LOGIN_ISSUER", "http://127.0.0.1:9001"),
        ("MCP_LOGIN_KEYS", ""),
        ("MCP_LOGIN_UPSTREAM", "local"),
        ("MCP_LOGIN_LOCAL_USERS", "ada:lovelace, bob:b:c"),
    ];
    let LoginUpstream::Local { users, .. } = login(&local).upstream else { panic!("no local users") };
    assert_eq!(users[1].password.expose(), "b:c");
    for (more, variable) in [
        (("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9999"), "MCP_LOGIN_KEYS"),
        (("MCP_LOGIN_ISSUER", "https://login.example.com"), "MCP_LOGIN_KEYS"),
        (("MCP_LOGIN_LOCAL_USERS", "ada"), "MCP_LOGIN_LOCAL_USERS"),
        (("MCP_LOGIN_LOCAL_USERS", ""), "MCP_LOGIN_LOCAL_USERS"),
    ] {
        assert_eq!(refused(&[&local[..], &[more]].concat()), variable, "{more:?}");
    }
    let keys = format!("one:{SECRET}");
    let on_lambda = [("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9999"), ("MCP_LOGIN_KEYS", keys.as_str())];
    assert_eq!(refused(&[&local[..], &on_lambda].concat()), "MCP_LOGIN_UPSTREAM");
}

/// The ARN of a secret takes the place of a value, and not both are set.
#[test]
fn secrets_take_the_place_of_keys_and_of_the_secret_of_the_client() {
    let arn = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:login-AbCdEf";
    let (keys, client) = ("MCP_LOGIN_KEYS_SECRET", "MCP_LOGIN_UPSTREAM_CLIENT_SECRET_ARN");
    let read = login(&[("MCP_LOGIN_KEYS", ""), (keys, arn), (client, arn)]);
    assert!(read.keys.is_empty());
    assert_eq!((read.keys_secret.as_deref(), read.client_secret.as_deref()), (Some(arn), Some(arn)));
    assert_eq!(refused(&[(keys, arn)]), keys);
    assert_eq!(refused(&[("MCP_LOGIN_UPSTREAM_CLIENT_SECRET", "planted-secret"), (client, arn)]), client);
    for wrong in ["login", "arn:aws:secretsmanager:eu-north-1:123456789012:login"] {
        assert_eq!(refused(&[("MCP_LOGIN_KEYS", ""), (keys, wrong)]), keys, "{wrong}");
        assert_eq!(refused(&[(client, wrong)]), client, "{wrong}");
    }
}

/// Keys of KMS sign, and those of the server still seal.
#[test]
fn keys_of_kms_sign_in_place_of_the_others() {
    let variable = "MCP_LOGIN_SIGNING_KEYS";
    let arn = |id: usize| format!("arn:aws:kms:eu-north-1:123456789012:key/mrk-{id}");
    assert!(login(&[]).signing_keys.is_empty());
    let read = login(&[(variable, &format!("{}, {}", arn(1), arn(0)))]);
    assert_eq!(read.signing_keys, [arn(1), arn(0)]);
    assert_eq!(read.keys.len(), 1);
    let alias = "arn:aws:kms:eu-north-1:123456789012:alias/login";
    let five = (0..5).map(arn).collect::<Vec<_>>().join(",");
    for wrong in [alias, "mrk-1", &arn(1).replace("kms", "s3"), &format!("{0},{0}", arn(1)), &five] {
        assert_eq!(refused(&[(variable, wrong)]), variable, "{wrong}");
    }
    assert_eq!(refused(&[(variable, &arn(1)), ("MCP_LOGIN_KEYS", "")]), "MCP_LOGIN_KEYS");
}

#[test]
fn a_provider_can_have_parameters_of_its_own() {
    let variable = "MCP_LOGIN_UPSTREAM_PARAMETERS";
    let LoginUpstream::Oidc { client, .. } =
        login(&[(variable, "access_type=offline, prompt=consent,claims={\"a\":1},empty=")]).upstream
    else {
        panic!("no OpenID provider")
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [
        pair("access_type", "offline"),
        pair("prompt", "consent"),
        pair("claims", "{\"a\":1}"),
        pair("empty", ""),
    ];
    assert_eq!(client.parameters, expected);
    let many = (0..17).map(|index| format!("p{index}=v")).collect::<Vec<_>>().join(",");
    for wrong in [
        "offline",
        "=offline",
        "prompt=ü",
        "prompt=login,prompt=consent",
        "state=a",
        "scope=openid",
        "response_mode=form_post",
        &many,
    ] {
        assert_eq!(refused(&[(variable, wrong)]), variable, "{wrong}");
    }
}

/// The login and the MCP server have the same key, with which nothing is signed.
#[test]
fn tokens_of_the_provider_are_kept_with_keys_of_their_own() {
    let (on, keys) = ("MCP_LOGIN_UPSTREAM_TOKENS", "MCP_LOGIN_UPSTREAM_KEYS");
    let secret = "MCP_LOGIN_UPSTREAM_KEYS_SECRET";
    let own = format!("sealing:{}", SECRET.to_ascii_uppercase());
    assert_eq!(login(&[]).upstream_tokens, None);
    assert_eq!(login(&[(on, "off"), (keys, &own)]).upstream_tokens, None);
    let kept = login(&[(on, "on"), (keys, &own)]).upstream_tokens.expect("settings");
    assert_eq!((kept.issuer.as_str(), kept.keys[0].id.as_str()), ("https://login.example.com", "sealing"));
    let arn = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:sealing-AbCdEf";
    let kept = login(&[(on, "on"), (secret, arn)]).upstream_tokens.expect("settings");
    assert_eq!((kept.keys.len(), kept.keys_secret.as_deref()), (0, Some(arn)));
    let of_login = format!("sealing:{SECRET}");
    for (changed, variable) in [
        (&[(on, "perhaps")][..], on),
        (&[(on, "on")], keys),
        (&[(on, "on"), (keys, "sealing:short")], keys),
        (&[(on, "on"), (keys, &of_login)], keys),
        (&[(on, "on"), (keys, &own), (secret, arn)], secret),
        (&[(on, "on"), (secret, "sealing")], secret),
    ] {
        assert_eq!(refused(changed), variable, "{changed:?}");
    }

    // A server knows the login as the issuer of the tokens that it checks, and a worker by its own variable.
    let issuer = [("MCP_JWT_ISSUER", "https://login.example.com"), ("MCP_JWT_AUDIENCE", "mcp")];
    let login_issuer = [("MCP_LOGIN_ISSUER", "https://login.example.com")];
    for issuer in [&issuer[..], &login_issuer] {
        let variables: HashMap<&str, &str> =
            issuer.iter().copied().chain([(on, "on"), (keys, &own)]).collect();
        let config = Config::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned()));
        let kept = config.expect("a configuration").upstream_tokens.expect("settings");
        assert_eq!(kept.issuer, "https://login.example.com");
    }
    let alone = Config::from_lookup(|name| (name == on).then(|| "on".to_owned()));
    assert_eq!(alone.expect_err("no issuer").variable(), "MCP_JWT_ISSUER");
}
