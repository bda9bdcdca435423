//! Metadata, keys, registration, and how the endpoints refuse.

use http::StatusCode;
use serde_json::{Value, json};

use super::lab::{ISSUER, Lab, SITE, request};

#[tokio::test]
async fn the_metadata_is_at_each_path_that_clients_try() {
    for (path, prefix) in [("", ""), ("/login", "/login")] {
        let lab = Lab::with(|login| login.issuer = format!("{ISSUER}{path}"));
        for target in [
            "/.well-known/oauth-authorization-server".to_owned(),
            format!("/.well-known/oauth-authorization-server{prefix}"),
            "/.well-known/openid-configuration".to_owned(),
            format!("/.well-known/openid-configuration{prefix}"),
            format!("{prefix}/.well-known/openid-configuration"),
        ] {
            let answer = lab.get(0, &target, &[]).await;
            assert_eq!(answer.status, StatusCode::OK, "{target}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            let document = answer.json();
            assert_eq!(document["issuer"], format!("{ISSUER}{path}"));
            assert_eq!(document["token_endpoint"], format!("{ISSUER}{path}/token"));
            assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
            assert_eq!(document["token_endpoint_auth_methods_supported"], json!(["none"]));
            for field in
                ["authorization_response_iss_parameter_supported", "client_id_metadata_document_supported"]
            {
                assert_eq!(document[field], true, "{field}");
            }
        }
        let keys = lab.get(1, &format!("{prefix}/.well-known/jwks.json"), &[]).await.json();
        assert_eq!(keys["keys"][0]["alg"], "EdDSA");
        assert!(keys["keys"][0].get("d").is_none(), "no private key");
    }
}

#[tokio::test]
async fn a_registration_is_checked_and_answered_with_what_holds() {
    let lab = Lab::new();
    let register = async |metadata: Value| lab.register(&metadata).await;
    let answer = register(json!({
        "redirect_uris": [SITE, "http://localhost/", "com.example.app:/back"], "client_name": "Mail",
        "token_endpoint_auth_method": "client_secret_basic", "scope": "mcp:read",
    }))
    .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let client = answer.json();
    assert_eq!(client["token_endpoint_auth_method"], "none", "no client gets a secret");
    assert_eq!((client["client_name"].as_str(), client["scope"].as_str()), (Some("Mail"), Some("mcp:read")));
    assert!(client.get("client_secret").is_none());
    for (metadata, error) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({ "redirect_uris": [] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": [1] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["http://client.example/"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": vec![SITE; 17] }), "invalid_redirect_uri"),
        (
            json!({ "redirect_uris": [format!("{SITE}/{}", "a".repeat(1500)), format!("{SITE}/{}", "b".repeat(1500))] }),
            "invalid_redirect_uri",
        ),
        (json!({ "redirect_uris": [SITE], "client_name": "a".repeat(129) }), "invalid_client_metadata"),
        (json!({ "redirect_uris": [SITE], "client_name": "a\nb" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": [SITE], "grant_types": ["implicit"] }), "invalid_client_metadata"),
        (json!([]), "invalid_client_metadata"),
    ] {
        let answer = register(metadata.clone()).await;
        assert_eq!(answer.error(), (400, error.to_owned()), "{metadata}");
        assert!(answer.json()["error_description"].is_string());
        // Refused ones count as well.
        lab.clock.advance(std::time::Duration::from_secs(60));
    }
}

#[tokio::test]
async fn an_endpoint_refuses_other_methods_types_and_sizes() {
    let lab = Lab::new();
    let status = async |method: &str, target: &str, kind: &str, body: String| {
        let headers = [("content-type", kind)];
        lab.send(0, request(method, target, &headers, body)).await.status.as_u16()
    };
    let form = "application/x-www-form-urlencoded";
    for (method, target) in [
        ("GET", "/token"),
        ("DELETE", "/register"),
        ("PUT", "/revoke"),
        ("POST", "/authorize"),
        ("GET", "/consent"),
        ("DELETE", "/sign-in"),
        ("POST", "/.well-known/jwks.json"),
        ("POST", "/.well-known/oauth-authorization-server"),
    ] {
        assert_eq!(status(method, target, form, String::new()).await, 405, "{method} {target}");
    }
    for target in ["/", "/mcp", "/tokens", "/.well-known/other"] {
        assert_eq!(status("GET", target, form, String::new()).await, 404, "{target}");
    }
    assert_eq!(status("POST", "/token", "application/json", "{}".into()).await, 400);
    assert_eq!(status("POST", "/register", form, String::new()).await, 400);
    for (target, kind, size) in [
        ("/token", form, 16 * 1024 + 1),
        ("/revoke", form, 16 * 1024 + 1),
        ("/register", "application/json", 16 * 1024 + 1),
    ] {
        assert_eq!(status("POST", target, kind, "a".repeat(size)).await, 413, "{target}");
    }
    let preflight = lab.get(0, "/token", &[]).await;
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    let options = lab
        .send(0, request("OPTIONS", "/register", &[("origin", "https://inspector.example")], String::new()))
        .await;
    assert_eq!(
        (options.status.as_u16(), options.header("access-control-allow-methods")),
        (204, Some("POST"))
    );
    let page = lab.get(0, "/authorize", &[("origin", "https://inspector.example")]).await;
    assert_eq!(page.header("access-control-allow-origin"), None, "pages are for users alone");
}

#[tokio::test]
async fn a_parameter_that_is_there_twice_or_too_long_is_refused() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let twice = lab.get(0, &format!("/authorize?client_id={client}&client_id={client}"), &[]).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    for (name, length) in [("state", 2049), ("redirect_uri", 2049), ("client_id", 4097)] {
        let answer = lab.authorize(&client, &[(name, &"a".repeat(length))], "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
        assert!(
            answer.body.contains(&format!("{name} is longer than {} bytes", length - 1)),
            "{}",
            answer.body
        );
    }
    let pairs: Vec<_> = (0..65).map(|n| (format!("p{n}"), "a".to_owned())).collect();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(lab.post(0, "/token", &pairs, &[]).await.error().1, "invalid_request");
    let many = vec!["mcp:read"; 65].join(" ");
    let url = lab.authorize(&client, &[("scope", &many)], "").await.location();
    assert_eq!(super::lab::parameter(&url, "error").as_deref(), Some("invalid_scope"));
}
