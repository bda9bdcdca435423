//! `summarize_diagnostics`: the model of the client says in plain words what `lambda_diagnostics` returns.

use rmcp::{
    RoleServer,
    handler::server::{
        tool::{InputResponses, RequestState},
        wrapper::Parameters,
    },
    model::{CallToolResponse, CallToolResult, ContentBlock},
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ask::{self, Asked, Repeated},
    diagnostics::Diagnostics,
    server::Reference,
    tools::refused,
};

/// The longest summary, in tokens.
const MOST_TOKENS: u32 = 400;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct Summarize {
    /// The most sentences of the summary.
    #[schemars(range(min = 1, max = 10))]
    sentences: u32,
}

impl Default for Summarize {
    fn default() -> Self {
        Self { sentences: 3 }
    }
}

#[tool_router(router = summary_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "Summarize diagnostics",
        description = "Asks the model of the client to summarize the diagnostics of this server. It needs a client with sampling; \
                       lambda_diagnostics returns the same values without a model.",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn summarize_diagnostics(
        &self,
        Parameters(Summarize { sentences }): Parameters<Summarize>,
        state: RequestState,
        responses: InputResponses,
        context: RequestContext<RoleServer>,
    ) -> CallToolResponse {
        if !(1..=10).contains(&sentences) {
            return refused(format!("sentences is {sentences}: expected a number from 1 to 10")).into();
        }
        let report = self.report(&Diagnostics::default(), &context).await;
        let question = format!(
            "These are the diagnostics of an MCP server, as JSON. Summarize them for its operator in at most {sentences} \
             sentences, and name what needs attention, if anything.\n\n{report}"
        );
        // The values change with each call, so a repeated one is known by the arguments alone.
        let name = format!("summary {sentences}");
        match ask::sample(&question, MOST_TOKENS, &name, &Repeated::new(state, responses), &context).await {
            Asked::Response(said) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(said.text.clone())]);
                result.structured_content = Some(json!({ "summary": said.text, "model": said.model }));
                result.into()
            }
            Asked::Question(question) => question.into(),
            Asked::Unable => {
                refused("this client has no sampling: call lambda_diagnostics, and summarize its result")
                    .into()
            }
            Asked::Failed(reason) => refused(reason).into(),
        }
    }
}
