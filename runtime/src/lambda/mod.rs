//! Lambda: events in, responses out. Nothing else knows Lambda.
//!
//! * [`invocation`]: what kind of event this is, in one pass over its JSON.
//! * [`request`]: an HTTP event as the `Request` every front makes.
//! * [`response`]: a `Response` as the front behind the event wants it, streamed or whole.
//! * [`chunks`]: a response body that is written as it comes.
//! * [`authorizer`]: what an API Gateway is told that asks about a token.
//! * [`invoked`]: from an event to its answer.
//! * [`api`]: the Runtime API.
//! * [`shutdown`]: being told of the end.
//! * [`run`](mod@run): the loop.

mod api;
mod authorizer;
mod chunks;
mod direct;
mod invocation;
mod invoked;
mod request;
mod response;
mod run;
mod shutdown;

pub(crate) use run::Start;

/// Answers an event as the loop does, without the loop.
#[cfg(test)]
pub(crate) async fn answer_to(server: &crate::Server, payload: bytes::Bytes) -> Result<(), String> {
    let (app, service) = server.inside();
    let answer = invoked::Invoked { app, service }.answer(api::Event::of(payload)).await;
    match answer.map_err(|refusal| format!("{}: {}", refusal.kind, refusal.message))? {
        response::Output::Whole(_) => {}
        response::Output::Streamed(chunks) => {
            let _ = http_body_util::BodyExt::collect(chunks).await;
        }
    }
    Ok(())
}
