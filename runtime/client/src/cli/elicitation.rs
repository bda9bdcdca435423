//! Questions of a server, asked on the terminal.

use std::io::{IsTerminal, Write};

use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction, ErrorData};
use serde_json::{Map, Value};

use super::form::{Ask, Lines, fill};

/// Asks a person. Without a terminal the question is declined.
pub(super) async fn ask(request: ElicitRequestParams) -> Result<ElicitResult, ErrorData> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        eprintln!("mcp-lambda: the server asks a question, and there is no terminal to ask it on: declined");
        return Ok(ElicitResult::new(ElicitationAction::Decline));
    }
    Ok(answer(&mut Terminal, &request).await)
}

/// Shows a question, and reads its answer.
pub(super) async fn answer(lines: &mut impl Lines, request: &ElicitRequestParams) -> ElicitResult {
    match request {
        ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } => {
            lines.say(&format!("The server asks: {message}"));
            let schema = serde_json::to_value(requested_schema).unwrap_or_default();
            form(lines, &schema).await
        }
        ElicitRequestParams::UrlElicitationParams { message, url, .. } => {
            lines.say(&format!("The server asks you to open a page: {message}\n{url}"));
            ElicitResult::new(consent(lines, "Opened it? (yes, no, cancel; default yes): ").await)
        }
        _ => {
            lines.say("The server asks in a way that this client does not know: declined");
            ElicitResult::new(ElicitationAction::Decline)
        }
    }
}

async fn form(lines: &mut impl Lines, schema: &Value) -> ElicitResult {
    let action = consent(lines, "Answer it? (yes, no, cancel; default yes): ").await;
    if action != ElicitationAction::Accept {
        return ElicitResult::new(action);
    }
    let mut content = Map::new();
    match fill(lines, schema, &mut content, Ask::All).await {
        Some(()) => ElicitResult::new(action).with_content(Value::Object(content)),
        None => ElicitResult::new(ElicitationAction::Cancel),
    }
}

async fn consent(lines: &mut impl Lines, prompt: &str) -> ElicitationAction {
    let choices = ["yes", "no", "cancel"].map(str::to_owned);
    loop {
        let line = lines.line(prompt, &choices).await;
        match line.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("" | "y" | "yes") => return ElicitationAction::Accept,
            Some("n" | "no") => return ElicitationAction::Decline,
            None | Some("cancel") => return ElicitationAction::Cancel,
            Some(_) => lines.say("expected yes, no or cancel"),
        }
    }
}

/// The terminal of a command that reads nothing else from it.
struct Terminal;

impl Lines for Terminal {
    async fn line(&mut self, prompt: &str, _: &[String]) -> Option<String> {
        let prompt = prompt.to_owned();
        tokio::task::spawn_blocking(move || read_line(&prompt)).await.ok().flatten()
    }

    fn say(&mut self, text: &str) {
        eprintln!("{text}");
    }
}

fn read_line(prompt: &str) -> Option<String> {
    eprint!("{prompt}");
    std::io::stderr().flush().ok()?;
    let mut text = String::new();
    let read = std::io::stdin().read_line(&mut text).ok()?;
    (read > 0).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use serde_json::json;

    use super::*;

    struct Script(VecDeque<&'static str>);

    impl Lines for Script {
        async fn line(&mut self, _: &str, _: &[String]) -> Option<String> {
            self.0.pop_front().map(str::to_owned)
        }

        fn say(&mut self, _: &str) {}
    }

    async fn answered(request: Value, typed: &[&'static str]) -> Value {
        let request = serde_json::from_value(request).expect("a question");
        json!(answer(&mut Script(typed.iter().copied().collect()), &request).await)
    }

    #[tokio::test]
    async fn a_form_is_accepted_with_values_declined_or_cancelled() {
        let properties = json!({ "ok": { "type": "boolean" } });
        let form = json!({ "mode": "form", "message": "Sure?",
            "requestedSchema": { "type": "object", "properties": properties, "required": ["ok"] } });
        let accepted = json!({ "action": "accept", "content": { "ok": true } });
        assert_eq!(answered(form.clone(), &["", "yes"]).await, accepted);
        assert_eq!(answered(form.clone(), &["maybe", "y", "true"]).await, accepted);
        assert_eq!(answered(form.clone(), &["no"]).await, json!({ "action": "decline" }));
        for typed in [&["cancel"][..], &[], &["yes"]] {
            assert_eq!(answered(form.clone(), typed).await, json!({ "action": "cancel" }), "{typed:?}");
        }
    }

    #[tokio::test]
    async fn a_form_without_required_properties_is_a_form() {
        let form = json!({ "mode": "form", "message": "?",
            "requestedSchema": { "type": "object", "properties": { "a": { "type": "string" } } } });
        assert_eq!(
            answered(form, &["yes", "x"]).await,
            json!({ "action": "accept", "content": { "a": "x" } })
        );
    }

    #[tokio::test]
    async fn a_page_is_accepted_or_declined() {
        let page = json!({ "mode": "url", "message": "Sign in", "url": "https://example.com/", "elicitationId": "1" });
        assert_eq!(answered(page.clone(), &["yes"]).await, json!({ "action": "accept" }));
        assert_eq!(answered(page, &["n"]).await, json!({ "action": "decline" }));
    }
}
