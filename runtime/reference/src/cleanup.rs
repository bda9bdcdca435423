//! `session_cleanup`: ends idle sessions of the caller, after a question to the user.

use std::{sync::Arc, time::Duration};

use mcp_lambda_server::{McpContext, time::Timestamp};
use rmcp::{
    ErrorData, RoleServer,
    handler::server::{
        tool::{InputResponses, RequestState, schema_for_output},
        wrapper::Parameters,
    },
    model::{CallToolResponse, CallToolResult, JsonObject},
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};

use crate::{
    ask::{self, Asked, Repeated},
    aws::icon,
    server::Reference,
    sessions::{MOST_SESSIONS, unavailable},
    tools::refused,
};

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct Cleanup {
    /// Whether only to return what would be ended. Otherwise the user is asked first, if the client can ask.
    dry_run: bool,
    /// The time for which a session was not used, in minutes.
    #[schemars(range(min = 1, max = 43_200))]
    idle_minutes: u64,
}

impl Default for Cleanup {
    fn default() -> Self {
        Self { dry_run: true, idle_minutes: 60 }
    }
}

#[derive(Serialize, JsonSchema)]
struct CleanedUp {
    dry_run: bool,
    /// The ids of the sessions that were idle for this time.
    idle: Vec<String>,
    /// The number of sessions that were ended.
    ended: usize,
    /// Why none was ended, if the user has declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    note: Option<String>,
}

impl CleanedUp {
    fn response(self) -> Result<CallToolResponse, ErrorData> {
        let value =
            serde_json::to_value(self).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(CallToolResult::structured(value).into())
    }
}

fn output() -> Arc<JsonObject> {
    schema_for_output::<CleanedUp>()
}

#[tool_router(router = cleanup_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "Clean up sessions",
        description = "Ends the other sessions of the caller that were not used for some time, with their state. With dry_run, \
                       which is the default, it only returns them.",
        icons = icon("M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13"),
        output_schema = output(),
        annotations(
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn session_cleanup(
        &self,
        Parameters(Cleanup { dry_run, idle_minutes }): Parameters<Cleanup>,
        state: RequestState,
        responses: InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !(1..=43_200).contains(&idle_minutes) {
            let text = format!("idle_minutes is {idle_minutes}: expected a number from 1 to 43200");
            return Ok(refused(text).into());
        }
        let mut result = CleanedUp { dry_run, idle: Vec::new(), ended: 0, note: None };
        let Some(session) = context.session() else { return result.response() };
        let now = self.aws.clock.now();
        let idle = Duration::from_secs(idle_minutes * 60);
        let records = match session.siblings(MOST_SESSIONS).await {
            Ok(records) => records,
            Err(error) => return Ok(unavailable(&error).into()),
        };
        let is_idle = |used: Timestamp| used.plus(idle) <= now;
        let records: Vec<_> = records
            .into_iter()
            .filter(|record| record.id != *session.id() && is_idle(self.last_activity(record)))
            .collect();
        result.idle = records.iter().map(|record| record.id.as_str().to_owned()).collect();
        if dry_run || records.is_empty() {
            return result.response();
        }
        let question =
            format!("End {} sessions that were not used for {idle_minutes} minutes?", records.len());
        match ask::confirm(&question, &Repeated::new(state, responses), &context).await {
            Asked::Response(true) | Asked::Unable => {}
            Asked::Response(false) => {
                result.note = Some("the user has declined".to_owned());
                return result.response();
            }
            Asked::Question(question) => return Ok(question.into()),
            Asked::Failed(reason) => return Ok(refused(format!("{reason}. No session was ended")).into()),
        }
        for record in &records {
            match session.end_sibling(&record.id).await {
                Ok(ended) => result.ended += usize::from(ended),
                Err(error) => return Ok(unavailable(&error).into()),
            }
        }
        result.response()
    }
}

#[cfg(test)]
mod tests {
    use mcp_lambda_server::{Clock, Config, McpLambdaServer, MemoryStore, Principal, Server, Stores};
    use serde_json::{Value, json};
    use test_support::{
        built,
        environments::key,
        session::{Client, NEWEST},
    };

    use super::*;
    use crate::host::Host;

    /// Two environments of one function, at a time that the test moves.
    fn environments(clock: &Clock) -> [Server; 2] {
        let stores = Stores::of(MemoryStore::new(clock.clone()));
        let mut config = Config::default();
        config.state_keys = vec![key("one", 1)];
        [0, 1].map(|_| {
            let mut reference = Reference::new(Host::detect(), &config);
            reference.aws.clock = clock.clone();
            let builder = McpLambdaServer::builder(reference).config(config.clone()).stores(stores.clone());
            built(builder.clock(clock.clone())).expect("a usable configuration")
        })
    }

    /// An idle session, and a new one of the same caller.
    async fn sessions(servers: &[Server; 2], clock: &Clock) -> (Client, Client) {
        let ada = Some(Principal::new("issuer", "ada"));
        let idle = Client::open_as(&servers[0], NEWEST, ada.clone()).await;
        clock.advance(Duration::from_secs(2 * 3600));
        (idle, Client::open_as(&servers[0], NEWEST, ada).await)
    }

    const TOOL: &str = "session_cleanup";

    #[tokio::test(start_paused = true)]
    async fn the_user_is_asked_and_answers_at_another_environment() {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let servers = environments(&clock);
        let (idle, client) = sessions(&servers, &clock).await;
        let end = json!({ "dry_run": false });
        for (response, ended, note) in [
            (json!({ "action": "decline" }), 0, json!("the user has declined")),
            (json!({ "action": "accept", "content": { "confirm": true } }), 1, Value::Null),
        ] {
            let mut reply = client.call(1, TOOL, end.clone()).send(&servers[0]).await;
            let asked = reply.message().await;
            assert_eq!(asked["params"]["message"], "End 1 sessions that were not used for 60 minutes?");
            assert_eq!(client.answer(&asked, response).send(&servers[1]).await.status, 202);
            let result = reply.message().await["result"]["structuredContent"].clone();
            assert_eq!(result["idle"], json!([idle.id]));
            assert_eq!((&result["ended"], &result["note"]), (&json!(ended), &note));
        }
        assert_eq!(idle.call(2, "echo", json!({ "message": "m" })).send(&servers[1]).await.status, 404);
    }

    #[tokio::test(start_paused = true)]
    async fn without_dry_run_false_nothing_is_asked_or_ended() {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let servers = environments(&clock);
        let (idle, client) = sessions(&servers, &clock).await;
        let reply = client.call(1, TOOL, json!({})).send(&servers[0]).await;
        let result = reply.result().await["structuredContent"].clone();
        assert_eq!(result, json!({ "dry_run": true, "idle": [idle.id], "ended": 0 }));
        assert_eq!(idle.call(2, "echo", json!({ "message": "m" })).send(&servers[1]).await.status, 200);
    }
}
