//! Property tests for every parser of untrusted events: no panic, and never slower than [`DEADLINE`].

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use mcp_lambda_core::{
    InvocationDetails, Server, ServerParts, config::Config, http::Routes, store::Stores, time::Clock,
};
use proptest::prelude::*;
use rmcp::ServerHandler;
use tokio::time::Instant;

#[path = "../../../tests/it/mutated.rs"]
mod mutated;

use self::mutated::{corpus, mutated};
use super::{
    function::Function,
    identity::{self, PayloadFormat},
    invocation_request::InvocationRequest,
    response::ResponsePayload,
};

/// The longest time for an input of a few kilobytes, in a debug build on a busy machine.
const DEADLINE: Duration = Duration::from_secs(2);

const EVENTS: &str = "../../tests/fixtures/events";

#[derive(Clone)]
struct Empty;

impl ServerHandler for Empty {}

fn function() -> Function {
    let mut config = Config::default();
    config.streams.enabled = false;
    let clock = Clock::system();
    let parts = ServerParts {
        config: Box::new(config),
        stores: Stores::memory(clock.clone()),
        clock,
        publisher: None,
        dynamic_tools: None,
        task_tools: Default::default(),
        task_queue: None,
        state_keys: None,
        result_store: None,
        upstream_tokens: None,
        routes: Routes::default(),
        tracer: None,
        application: None,
    };
    Function::new(Server::new(Empty, parts).expect("a usable configuration"))
}

/// Answers an event, to the last byte of its response.
async fn answer(function: Function, payload: Bytes) {
    if let Ok(ResponsePayload::Streaming(body)) =
        function.answer(InvocationRequest { details: InvocationDetails::default(), payload }).await
    {
        let _ = body.collect().await;
    }
}

proptest! {
    /// Events of every kind, to the bytes that Lambda receives.
    #[test]
    fn any_event_is_answered(
        inputs in proptest::collection::vec(mutated(corpus(&[EVENTS, "../fuzz/invocation"])), 16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let function = function();
            for input in inputs {
                let started = Instant::now();
                let answered = tokio::time::timeout(DEADLINE, answer(function.clone(), input.clone().into())).await;
                let text = String::from_utf8_lossy(&input);
                prop_assert!(answered.is_ok(), "not answered in time: {}", text);
                prop_assert!(started.elapsed() < DEADLINE, "took {:?}: {}", started.elapsed(), text);
            }
            Ok(())
        })?;
    }

    /// The authorizer contexts of gateways, to an identity.
    #[test]
    fn any_authorizer_context_is_read(input in mutated(corpus(&["../fuzz/context"]))) {
        let text = String::from_utf8_lossy(&input);
        for (shape, from_identity) in [(PayloadFormat::V1, None), (PayloadFormat::V1, Some(&*text)), (PayloadFormat::V2, None)] {
            let authorizer = from_identity.is_none().then_some(&*text);
            let started = Instant::now();
            if let Some(identity) = identity::read(shape, authorizer, from_identity) {
                let key = identity.principal.key();
                prop_assert!(key == "anonymous" || key.contains('|'), "{}", key);
            }
            prop_assert!(started.elapsed() < DEADLINE);
        }
    }
}
