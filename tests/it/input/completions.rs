//! `completion/complete` for what exists, and for what does not.

use serde_json::{Value, json};
use test_support::{
    environment, refused, result,
    session::{Client, NEWEST},
    stateless,
};

fn completion(reference: &Value, begun: &str) -> Value {
    json!({ "ref": reference, "argument": { "name": "city", "value": begun } })
}

/// java-sdk#991: an unknown prompt or template is an error, a known one without suggestions is empty.
#[tokio::test(start_paused = true)]
async fn a_completion_for_an_unknown_prompt_or_template_is_invalid_params() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let posts = |params: &Value| {
        [
            stateless("completion/complete", params.clone()),
            client.request(1, "completion/complete", params.clone()),
        ]
    };
    let known = [
        json!({ "type": "ref/prompt", "name": "plain" }),
        json!({ "type": "ref/resource", "uri": "test://{name}" }),
        json!({ "type": "ref/resource", "uri": "test://two" }),
    ];
    for reference in known {
        for post in posts(&completion(&reference, "zzz")) {
            let completed = result(post.send(world.at(0)).await).await;
            assert_eq!(completed["completion"]["values"], json!([]), "{reference}");
        }
        for post in posts(&completion(&reference, "par")) {
            let completed = result(post.send(world.at(0)).await).await;
            assert_eq!(completed["completion"]["values"], json!(["paris", "park"]), "{reference}");
        }
    }
    let unknown = [
        (json!({ "type": "ref/prompt", "name": "none" }), "unknown prompt: \"none\""),
        (json!({ "type": "ref/resource", "uri": "none://{x}" }), "unknown resource template: \"none://{x}\""),
    ];
    for (reference, text) in unknown {
        for post in posts(&completion(&reference, "zzz")) {
            let (_, code, body) = refused(post.send(world.at(0)).await).await;
            assert_eq!((code, &body["error"]["message"]), (-32602, &json!(text)));
        }
    }
}
