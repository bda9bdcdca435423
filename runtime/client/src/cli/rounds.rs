//! Requests of 2026-07-28 that may have questions as their result: each question is asked, and the request repeated with the answers.

use rmcp::model::{ElicitRequestParams, ElicitResult, ErrorData, InputRequiredResult, InputResponses};

use super::{failure::Failure, tasks};

/// Rounds of questions that one request may ask.
const ROUNDS: usize = 20;

/// What the server has answered to a request.
pub(super) enum Round<R> {
    Result(R),
    Questions(InputRequiredResult),
    /// A result that this client does not know.
    Unknown,
}

/// Sends a request until it has a result. `send` gets the answers to the questions of the round before, and its state.
pub(super) async fn rounds<R>(
    name: &str,
    ask: &impl AsyncFn(ElicitRequestParams) -> Result<ElicitResult, ErrorData>,
    mut send: impl AsyncFnMut(Option<InputResponses>, Option<String>) -> Result<Round<R>, Failure>,
) -> Result<R, Failure> {
    let (mut answers, mut state) = (None, None);
    for _ in 0..ROUNDS {
        match send(answers.take(), state.take()).await? {
            Round::Result(result) => return Ok(result),
            Round::Questions(asked) => {
                let given = tasks::answers(asked.input_requests.unwrap_or_default(), ask).await?;
                answers = (!given.is_empty()).then_some(given);
                state = asked.request_state;
            }
            Round::Unknown => {
                return Err(Failure::refused(format!("{name}: the server sent a result of an unknown type")));
            }
        }
    }
    Err(Failure::refused(format!("{name} asked for input {ROUNDS} times without a result")))
}
