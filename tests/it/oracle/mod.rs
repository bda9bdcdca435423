//! The same requests to our server and to rmcp's own HTTP service around the same handler: the same status, code and
//! result, but for the differences written down in [`differences`], each with its reason and each asserted to
//! be one, so that the list cannot rot.

mod differences;
mod session;
mod stateless;
mod targets;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::{
    McpRequest,
    request::initialize_request,
    session::{Client, OLDEST, VERSIONS},
    stateless_with,
};

use self::{
    differences::{BATCH_REFUSED, BATCH_TAKEN, Difference, SESSION, STATELESS},
    targets::{Outcome, Target},
};

/// Compares two answers, and says whether the only difference was that rmcp refuses in plain text.
fn compare(era: &str, case: &str, ours: &Outcome, theirs: &Outcome, differences: &[&Difference]) -> bool {
    if let Some(expected) = differences.iter().find(|difference| difference.case == case) {
        let found = (ours.gist(), theirs.gist());
        assert_eq!(found, (expected.ours, expected.theirs), "{era}, {case}: {}", expected.why);
        assert_ne!(ours, theirs, "{era}, {case} differs no more: {}", expected.why);
        return false;
    }
    if is_plain_refusal(ours, theirs) {
        return true;
    }
    // An id that only we echo is one that only we could read.
    let theirs = Outcome { id: theirs.id.clone().or_else(|| ours.id.clone()), ..theirs.clone() };
    assert_eq!(*ours, theirs, "{era}, {case}");
    false
}

/// The same status; ours with a JSON-RPC error that every client can show, theirs with a line of text.
fn is_plain_refusal(ours: &Outcome, theirs: &Outcome) -> bool {
    ours.status == theirs.status && ours.status >= 400 && ours.code.is_some() && theirs.code.is_none()
}

/// Takes out what is on every 2026-07-28 result of ours and on no other but discover's of rmcp's: who we are (SHOULD).
fn without_server_info(mut outcome: Outcome) -> Outcome {
    let info = outcome.result.as_mut().map(|result| {
        let meta = result["_meta"].as_object_mut().expect("_meta on every result");
        let info = meta.remove("io.modelcontextprotocol/serverInfo");
        if meta.is_empty() {
            result.as_object_mut().expect("an object").remove("_meta");
        }
        info
    });
    assert!(info.is_none_or(|info| info == Some(json!({ "name": "fixture", "version": "1.2.3" }))));
    outcome
}

fn assert_all_used(era: &str, cases: &BTreeSet<&str>, differences: &[&Difference]) {
    for difference in differences {
        assert!(cases.contains(difference.case), "{era}: no case is called {:?}", difference.case);
    }
}

#[tokio::test(start_paused = true)]
async fn the_stateless_era_answers_as_rmcp_does() {
    let (ours, theirs) = (Target::ours(), Target::theirs());
    let differences: Vec<_> = STATELESS.iter().collect();
    let mut plain = 0;
    let mut names = BTreeSet::new();
    for (case, post) in stateless::cases() {
        assert!(names.insert(case), "{case} twice");
        let (mine, other) = (ours.send(post.clone()).await.normal(), theirs.send(post).await.normal());
        let (mine, other) =
            if case == "server/discover" { (mine, other) } else { (without_server_info(mine), other) };
        plain += u32::from(compare("2026-07-28", case, &mine, &other, &differences));
    }
    assert_all_used("2026-07-28", &names, &differences);
    assert!(plain > 0, "rmcp refuses in JSON now");
}

#[tokio::test(start_paused = true)]
async fn the_session_era_answers_as_rmcp_does() {
    let (ours, theirs) = (Target::ours(), Target::theirs());
    let mut names = BTreeSet::new();
    let mut plain = 0;
    let common: Vec<_> = SESSION.iter().collect();
    for (case, post) in session::openings() {
        names.insert(case);
        let (mine, other) = (ours.send(post.clone()).await.normal(), theirs.send(post).await.normal());
        plain += u32::from(compare("initialize", case, &mine, &other, &common));
    }
    for version in VERSIONS {
        let batch = if version == OLDEST { &BATCH_TAKEN } else { &BATCH_REFUSED };
        let differences: Vec<_> = common.iter().copied().chain([batch]).collect();
        let (here, there) = (open(&ours, version).await, open(&theirs, version).await);
        for ((case, mine), (_, other)) in session::cases(&here).into_iter().zip(session::cases(&there)) {
            names.insert(case);
            let (mine, other) = (ours.send(mine).await.normal(), theirs.send(other).await.normal());
            plain += u32::from(compare(version, case, &mine, &other, &differences));
        }
        assert_all_used(version, &names, &differences);
    }
    assert!(plain > 0, "rmcp refuses in JSON now");
}

async fn open(target: &Target, version: &'static str) -> Client {
    let opened = target.send(initialize_request(version, json!({}))).await;
    let client = Client { id: opened.opens.expect("a session"), version, principal: None };
    let initialized = client.notification("notifications/initialized", json!({}));
    assert_eq!(target.send(initialized).await.status, 202);
    client
}

fn asks(method: &str, mut params: Value, answer: Option<(&str, Value)>) -> McpRequest {
    if let Some((state, answers)) = answer {
        params["requestState"] = state.into();
        params["inputResponses"] = answers;
    }
    stateless_with(json!(1), method, params, json!({ "elicitation": {} }))
}

/// A question, its answer and the end, with the state that each server gave.
#[tokio::test(start_paused = true)]
async fn a_question_is_asked_and_answered_as_with_rmcp() {
    let (ours, theirs) = (Target::ours(), Target::theirs());
    let answers = json!({ "name": { "action": "accept", "content": { "name": "Ada" } }, "unknown": {} });
    for (method, params) in [
        ("tools/call", json!({ "name": "asks_input" })),
        ("prompts/get", json!({ "name": "asks" })),
        ("resources/read", json!({ "uri": "test://asks" })),
    ] {
        let mut ends = Vec::new();
        for target in [&ours, &theirs] {
            let question = target.send(asks(method, params.clone(), None)).await.result.expect("a question");
            let state = question["requestState"].as_str().expect("a state").to_owned();
            let again = target.send(asks(method, params.clone(), Some((&state, json!({}))))).await;
            assert_eq!(again.result.expect("asked again")["resultType"], "input_required");
            ends.push(target.send(asks(method, params.clone(), Some((&state, answers.clone())))).await);
        }
        let theirs = ends.pop().expect("theirs");
        assert_eq!(without_server_info(ends.pop().expect("ours")), theirs, "{method}");
    }
}

/// Intended: state that came back altered is refused, because a handler trusts what it gets back.
#[tokio::test(start_paused = true)]
async fn state_is_the_clients_to_change_with_rmcp_and_not_with_us() {
    let (ours, theirs) = (Target::ours(), Target::theirs());
    let answers = json!({ "name": { "action": "accept", "content": { "name": "Eve" } } });
    let forged = asks("tools/call", json!({ "name": "asks_input" }), Some(("41", answers)));
    assert_eq!(ours.send(forged.clone()).await.gist(), (200, Some(-32602)));
    let believed = theirs.send(forged).await.result.expect("a result");
    assert_eq!(believed["content"][0]["text"], "Eve after 41");
}

/// Intended: log messages come with the reply and at the level asked for; rmcp sends them all, in sessions elsewhere.
#[tokio::test(start_paused = true)]
async fn a_response_is_the_same_with_log_messages_before_it() {
    let (ours, theirs) = (Target::ours(), Target::theirs());
    let post = || {
        test_support::call("log_all", json!({})).meta("io.modelcontextprotocol/logLevel", json!("critical"))
    };
    let (mine, other) = (ours.send(post()).await, theirs.send(post()).await);
    assert_eq!(without_server_info(mine), other);
}
