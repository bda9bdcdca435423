//! What the server says and asks while a person types or waits.
#![expect(deprecated, reason = "servers still send log lines and ask for models, whatever becomes of them")]

use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CancelledNotificationParam, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
        CustomNotification, ElicitRequestParams, ElicitResult, ElicitationAction, ErrorData,
        LoggingMessageNotificationParam, ProgressNotificationParam, ResourceUpdatedNotificationParam,
        ServerNotification, TaskStatusNotificationParams,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{known::Known, screen::Screen};
use crate::cli::client;

/// Questions that wait for the person.
pub(super) const QUESTIONS: usize = 16;

/// A question of the server, and where its answer goes.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: ElicitRequestParams,
    pub(super) answer: oneshot::Sender<ElicitResult>,
}

/// Passes questions to the part of the program that has the terminal.
#[derive(Debug, Clone)]
pub(super) struct Asker(pub(super) mpsc::Sender<Question>);

impl Asker {
    /// Asks the person, and waits for the answer. A question that has no one to answer it is cancelled.
    pub(super) async fn ask(&self, request: ElicitRequestParams) -> ElicitResult {
        let (answer, answered) = oneshot::channel();
        if self.0.send(Question { request, answer }).await.is_err() {
            return ElicitResult::new(ElicitationAction::Cancel);
        }
        answered.await.unwrap_or_else(|_| ElicitResult::new(ElicitationAction::Cancel))
    }
}

/// The side of the client that the server speaks to.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    pub(super) screen: Screen,
    pub(super) asker: Asker,
    pub(super) known: Known,
}

impl Talk {
    fn changed(&self, list: &str) {
        self.known.lists().is_stale = true;
        self.screen.line(&format!("* the list of {list} has changed"));
    }
}

impl ClientHandler for Talk {
    fn get_info(&self) -> ClientConfig {
        client::config()
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(self.asker.ask(request).await)
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.screen.line("* the server asks for a language model: refused, this client has none");
        Err(client::no_model())
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let of = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
        let message = progress.message.unwrap_or_default();
        self.screen.line(format!("* progress {}{of} {message}", progress.progress).trim_end());
    }

    async fn on_logging_message(
        &self,
        message: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.screen.line(&log_line(&json!(message)));
    }

    async fn on_resource_updated(
        &self,
        updated: ResourceUpdatedNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.screen.line(&format!("* {} has changed", updated.uri));
    }

    async fn on_resource_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed("resources");
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed("tools");
    }

    async fn on_prompt_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed("prompts");
    }

    async fn on_task_status(&self, status: TaskStatusNotificationParams, _: NotificationContext<RoleClient>) {
        self.screen.line(&format!("* task {}", crate::cli::tasks::line(&json!(status))));
    }

    async fn on_cancelled(&self, cancelled: CancelledNotificationParam, _: NotificationContext<RoleClient>) {
        let reason = cancelled.reason.unwrap_or_default();
        self.screen.line(format!("* the server cancels its request {reason}").trim_end());
    }

    async fn on_custom_notification(
        &self,
        notification: CustomNotification,
        _: NotificationContext<RoleClient>,
    ) {
        let params = notification.params.unwrap_or(Value::Null);
        self.screen.line(&format!("* {} {params}", notification.method));
    }
}

/// A log line of the server: its level, its logger, and its data.
fn log_line(message: &Value) -> String {
    let data = match &message["data"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let logger = message["logger"].as_str().map(|logger| format!(" {logger}")).unwrap_or_default();
    format!("* {}{logger}: {data}", message["level"].as_str().unwrap_or("log"))
}

/// An event of a listen stream as a line.
pub(super) fn event(talk: &Talk, notification: ServerNotification) {
    match notification {
        ServerNotification::ResourceUpdatedNotification(updated) => {
            talk.screen.line(&format!("* {} has changed", updated.params.uri));
        }
        ServerNotification::ToolListChangedNotification(_) => talk.changed("tools"),
        ServerNotification::PromptListChangedNotification(_) => talk.changed("prompts"),
        ServerNotification::ResourceListChangedNotification(_) => talk.changed("resources"),
        other => talk.screen.line(&format!("* {}", json!(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_has_its_level_its_logger_and_its_data() {
        assert_eq!(log_line(&json!({ "level": "info", "data": "ready" })), "* info: ready");
        let message = json!({ "level": "error", "logger": "db", "data": { "code": 7 } });
        assert_eq!(log_line(&message), "* error db: {\"code\":7}");
    }
}
