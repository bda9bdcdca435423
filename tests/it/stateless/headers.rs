//! 2026-07-28: headers mirror the body, and a mirror that does not match is refused.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#request-metadata>
//! (read 2026-11-20).

use serde_json::{Value, json};
use test_support::{
    McpRequest, World, call, environment, refused, request::STATELESS, result, stateless, text,
};

const MISMATCH: (u16, i64) = (400, -32020);

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

async fn status_and_code(world: &World, post: McpRequest) -> (u16, i64) {
    let (status, code, body) = refused(post.send(world.at(0)).await).await;
    assert_eq!(body["id"], 1, "the id of the request is echoed: {body}");
    (status, code)
}

async fn is_taken(world: &World, post: McpRequest) -> Value {
    result(post.send(world.at(0)).await).await
}

#[tokio::test(start_paused = true)]
async fn a_missing_version_header_is_a_header_mismatch() {
    let post = echo().without("mcp-protocol-version");
    assert_eq!(status_and_code(&environment(), post).await, MISMATCH);
}

#[tokio::test(start_paused = true)]
async fn a_version_header_that_differs_from_meta_is_a_header_mismatch() {
    let world = environment();
    for version in ["2025-11-25", "2026-07-29", "2026-7-28", "nonsense"] {
        let post = echo().header("mcp-protocol-version", version);
        assert_eq!(status_and_code(&world, post).await, MISMATCH, "{version}");
    }
    let other = echo().meta("io.modelcontextprotocol/protocolVersion", json!("2099-01-01"));
    assert_eq!(status_and_code(&world, other).await, MISMATCH);
}

#[tokio::test(start_paused = true)]
async fn an_unsupported_version_names_the_supported_ones_and_the_requested_one() {
    let world = environment();
    for version in ["2099-01-01", "v999", "2025-11-25"] {
        let post = echo()
            .header("mcp-protocol-version", version)
            .meta("io.modelcontextprotocol/protocolVersion", json!(version));
        let (status, code, body) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code), (400, -32022), "{version}");
        assert_eq!(body["error"]["data"]["requested"], version);
        let supported = body["error"]["data"]["supported"].as_array().expect("a list");
        assert!(supported.contains(&json!(STATELESS)), "{supported:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_method_header_is_a_header_mismatch() {
    assert_eq!(status_and_code(&environment(), echo().without("mcp-method")).await, MISMATCH);
}

#[tokio::test(start_paused = true)]
async fn a_method_header_that_differs_is_a_header_mismatch_even_if_only_in_case() {
    let world = environment();
    for method in ["tools/list", "Tools/Call", "TOOLS/CALL", ""] {
        assert_eq!(status_and_code(&world, echo().header("mcp-method", method)).await, MISMATCH, "{method}");
    }
}

/// The `http` crate has the names in lower case, as every HTTP library; blanks around values are not part of them.
#[tokio::test(start_paused = true)]
async fn blanks_around_header_values_are_not_part_of_them() {
    let post = echo()
        .header("MCP-PROTOCOL-VERSION", " 2026-07-28\t")
        .header("mCp-MeThOd", "\ttools/call ")
        .header("Mcp-Name", "  echo  ");
    assert_eq!(text(post.send(environment().at(0)).await).await, "hi");
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_different_name_header_is_a_header_mismatch_on_the_three_named_methods() {
    let world = environment();
    let named = [
        ("tools/call", json!({ "name": "echo" })),
        ("prompts/get", json!({ "name": "plain" })),
        ("resources/read", json!({ "uri": "test://one" })),
    ];
    for (method, params) in named {
        let post = stateless(method, params);
        is_taken(&world, post.clone()).await;
        assert_eq!(status_and_code(&world, post.clone().without("mcp-name")).await, MISMATCH, "{method}");
        assert_eq!(status_and_code(&world, post.header("mcp-name", "Echo")).await, MISMATCH, "{method}");
    }
}

/// Other methods have no name that the header could mirror.
#[tokio::test(start_paused = true)]
async fn a_name_header_on_another_method_is_not_read() {
    is_taken(&environment(), stateless("tools/list", json!({})).header("mcp-name", "anything")).await;
}

#[tokio::test(start_paused = true)]
async fn a_base64_name_is_decoded_before_it_is_compared() {
    let world = environment();
    // "echo", "echp"
    assert_eq!(text(echo().header("mcp-name", "=?base64?ZWNobw==?=").send(world.at(0)).await).await, "hi");
    assert_eq!(status_and_code(&world, echo().header("mcp-name", "=?base64?ZWNocA==?=")).await, MISMATCH);
    // A name outside ASCII can only be sent so: it is compared, and then unknown.
    let post = call("日本", json!({})).header("mcp-name", "=?base64?5pel5pys?=");
    assert_eq!(status_and_code(&world, post).await, (200, -32602));
}

fn mirrored(arguments: Value) -> McpRequest {
    call("mirrored", arguments)
}

#[tokio::test(start_paused = true)]
async fn a_param_header_must_match_its_argument() {
    let world = environment();
    let post = mirrored(json!({ "region": "eu", "verbose": true, "place": { "zone": "a" } }));
    let all = |region: &str, verbose: &str, zone: &str| {
        post.clone()
            .header("mcp-param-region", region)
            .header("mcp-param-verbose", verbose)
            .header("mcp-param-zone", zone)
    };
    is_taken(&world, all("eu", "true", "a")).await;
    for (region, verbose, zone) in
        [("us", "true", "a"), ("eu", "True", "a"), ("eu", "true", "b"), ("EU", "true", "a")]
    {
        let post = all(region, verbose, zone);
        assert_eq!(status_and_code(&world, post).await, MISMATCH, "{region} {verbose} {zone}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_argument_whose_param_header_is_missing_is_a_header_mismatch() {
    let world = environment();
    assert_eq!(status_and_code(&world, mirrored(json!({ "region": "eu" }))).await, MISMATCH);
    assert_eq!(status_and_code(&world, mirrored(json!({ "place": { "zone": "a" } }))).await, MISMATCH);
}

#[tokio::test(start_paused = true)]
async fn an_absent_or_null_argument_expects_no_param_header() {
    let world = environment();
    is_taken(&world, mirrored(json!({}))).await;
    is_taken(&world, mirrored(json!({ "region": null, "place": null }))).await;
    is_taken(&world, stateless("tools/call", json!({ "name": "mirrored" }))).await;
    is_taken(&world, mirrored(json!({ "region": null })).header("mcp-param-region", "left over")).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_param_header_is_ignored() {
    let post = echo().header("mcp-param-unheard-of", "=?base64?!?=");
    assert_eq!(text(post.send(environment().at(0)).await).await, "hi");
}

#[tokio::test(start_paused = true)]
async fn a_param_header_with_bad_base64_is_a_header_mismatch() {
    let world = environment();
    // "eu" without padding, with too much of it, with a foreign character, with stray bits, and bytes that are no text.
    for bad in ["ZXU", "ZXU==", "ZX*=", "ZXV=", "/w==", " ZXU="] {
        let post =
            mirrored(json!({ "region": "eu" })).header("mcp-param-region", &format!("=?base64?{bad}?="));
        assert_eq!(status_and_code(&world, post).await, MISMATCH, "{bad}");
    }
    let good = mirrored(json!({ "region": "eu" })).header("mcp-param-region", "=?base64?ZXU=?=");
    is_taken(&world, good).await;
}

#[tokio::test(start_paused = true)]
async fn an_upper_case_or_half_sentinel_is_a_literal_value() {
    let world = environment();
    for literal in ["=?BASE64?ZXU=?=", "=?base64?ZXU=", "ZXU=?=", "=?Base64?ZXU=?="] {
        let equal = mirrored(json!({ "region": literal })).header("mcp-param-region", literal);
        is_taken(&world, equal).await;
        let decoded = mirrored(json!({ "region": "eu" })).header("mcp-param-region", literal);
        assert_eq!(status_and_code(&world, decoded).await, MISMATCH, "{literal}");
    }
}

#[tokio::test(start_paused = true)]
async fn integers_are_compared_as_numbers() {
    let world = environment();
    for header in ["42", "42.0", "4.2e1"] {
        is_taken(&world, mirrored(json!({ "limit": 42 })).header("mcp-param-limit", header)).await;
    }
    is_taken(&world, mirrored(json!({ "limit": 42.0 })).header("mcp-param-limit", "42")).await;
    for header in ["43", "42.5", "forty-two", "NaN", "inf", "0x2a", ""] {
        let post = mirrored(json!({ "limit": 42 })).header("mcp-param-limit", header);
        assert_eq!(status_and_code(&world, post).await, MISMATCH, "{header}");
    }
}

/// Beyond 2^53 two integers can round to one float; a gateway that reads integers would see two values.
#[tokio::test(start_paused = true)]
async fn integers_that_only_round_to_one_float_do_not_match() {
    let world = environment();
    let post = || mirrored(json!({ "limit": 9_007_199_254_740_993_i64 }));
    is_taken(&world, post().header("mcp-param-limit", "9007199254740993")).await;
    for header in ["9007199254740992", "9007199254740992.0"] {
        assert_eq!(
            status_and_code(&world, post().header("mcp-param-limit", header)).await,
            MISMATCH,
            "{header}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_mcp_header_given_twice_is_a_header_mismatch_even_if_both_agree() {
    let world = environment();
    let post = mirrored(json!({ "region": "eu" })).header("mcp-param-region", "eu");
    is_taken(&world, post.clone()).await;
    let headers = [
        ("mcp-protocol-version", STATELESS),
        ("mcp-method", "tools/call"),
        ("mcp-name", "mirrored"),
        ("mcp-param-region", "eu"),
    ];
    for (name, value) in headers {
        for value in [value, "other"] {
            let twice = post.clone().and_header(name, value.as_bytes());
            assert_eq!(status_and_code(&world, twice).await, MISMATCH, "{name}: {value}");
        }
    }
}

/// Server Validation: "A header value contains invalid characters."
#[tokio::test(start_paused = true)]
async fn a_header_outside_visible_ascii_is_a_header_mismatch() {
    let world = environment();
    for name in ["mcp-protocol-version", "mcp-method", "mcp-name", "mcp-param-region"] {
        let post = mirrored(json!({ "region": "é" })).without(name).and_header(name, "é".as_bytes());
        assert_eq!(status_and_code(&world, post).await, MISMATCH, "{name}");
    }
}

/// Probes of the official suite: which error comes first.
#[tokio::test(start_paused = true)]
async fn checks_come_in_the_order_clients_probe_for() {
    let world = environment();
    let no_meta = echo().edit(|body| drop(body["params"].as_object_mut().unwrap().remove("_meta")));
    assert_eq!(status_and_code(&world, no_meta).await, (400, -32602), "meta before headers");
    let both = echo().without("mcp-method").header("mcp-protocol-version", "v999");
    assert_eq!(status_and_code(&world, both).await, MISMATCH, "version mismatch before support");
    let unknown = stateless("no/such", json!({})).without("mcp-method");
    assert_eq!(status_and_code(&world, unknown).await, MISMATCH, "headers before the method");
}
