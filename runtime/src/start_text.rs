//! What a local server prints when it listens: its address, what to do next, where its state is, and what may surprise.

use std::{
    fmt::Write as _,
    io::{Write as _, stderr},
    net::SocketAddr,
};

use mcp_lambda_core::{
    auth::AuthMode,
    config::{AllowList, Config, LogFormat, StoreChoice},
};

/// Where the state of a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatePlace {
    /// In the memory of the process.
    Memory,
    /// In the file that the configuration names.
    File,
    /// In the database that the configuration names.
    Database,
    /// In the tables that the configuration names.
    Tables,
    /// In stores that the program brings.
    Program,
}

/// What the text is about.
pub(crate) struct Started<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// The URL of the endpoint.
    pub(crate) url: &'a str,
    /// The address that the server listens on.
    pub(crate) address: SocketAddr,
    pub(crate) state: StatePlace,
}

/// Prints the text on standard error, for people: not beside a log in JSON, and not if the log leaves out what is no warning.
pub(crate) fn print(started: &Started<'_>, config: &Config) {
    if config.log_format == LogFormat::Text && config.log_filter.shows_info() {
        // A reader that has left is no reason not to serve.
        let _ = stderr().write_all(text(started, config).as_bytes());
    }
}

fn text(started: &Started<'_>, config: &Config) -> String {
    let Started { name, version, url, .. } = started;
    let mut text = format!("\n{name} {version} serves MCP at {url}\n");
    let _ = writeln!(text, "\nNext, in another terminal:\n");
    if has_page(started, config) {
        let page = format!("{}/", url.strip_suffix(&config.path).unwrap_or(url));
        let _ = writeln!(text, "    {page}    in a browser: its tools, events and tasks");
    }
    let _ = writeln!(text, "    npx @modelcontextprotocol/inspector --cli {url} --method tools/list");
    let _ = writeln!(text, "    claude mcp add --transport http {} {url}", word(name));
    let _ = writeln!(text, "\nState: {}", state(started, config));
    for warning in warnings(started, config) {
        let _ = writeln!(text, "Warning: {warning}");
    }
    text.push('\n');
    text
}

fn has_page(started: &Started<'_>, config: &Config) -> bool {
    cfg!(feature = "start-page")
        && config.start_page != Some(false)
        && (started.address.ip().is_loopback() || started.address.ip().is_unspecified())
}

/// A name as one word of a command.
fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect()
}

fn state(started: &Started<'_>, config: &Config) -> String {
    if let (StatePlace::File, StoreChoice::Sqlite(path)) = (started.state, &config.store) {
        return format!("in the file {} (MCP_STORE=memory keeps none)", path.display());
    }
    if let (StatePlace::Database, StoreChoice::Postgres(url)) = (started.state, &config.store) {
        return format!("in the database {url}");
    }
    match (started.state, &config.tables) {
        (StatePlace::Tables, Some(tables)) => {
            format!("in the DynamoDB tables {} and {}", tables.state, tables.events)
        }
        (StatePlace::Program, _) => "in the stores of the program".to_owned(),
        _ => "in the memory of this process: sessions, counters, events and tasks are gone when it ends \
              (SESSION_TABLE_NAME and EVENT_TABLE_NAME keep them in DynamoDB)"
            .to_owned(),
    }
}

fn warnings(started: &Started<'_>, config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let address = started.address;
    if !address.ip().is_loopback() {
        if config.auth.mode == AuthMode::Open {
            warnings.push(format!(
                "every machine that reaches {address} can call the tools, as callers are not authenticated (MCP_AUTH)"
            ));
        }
        if config.hosts == AllowList::Loopback {
            warnings.push(
                "requests that name another host than localhost get 403 (MCP_ALLOWED_HOSTS lists hosts)"
                    .to_owned(),
            );
        }
    }
    if config.cors.origins == AllowList::Any {
        warnings.push("every web page that you open can call this server (MCP_CORS_ORIGINS is *)".to_owned());
    }
    if let Some(topic) = &config.events.topic_arn {
        warnings.push(format!("tools publish to the SNS topic {topic}, which others may hear"));
    }
    if let Some(queue) = &config.tasks.queue_url {
        warnings.push(format!(
            "tasks wait in {queue} until a worker runs them: start one with MCP_ROLE=worker, if none runs"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(address: &str, state: StatePlace) -> Started<'static> {
        Started {
            name: "my shop",
            version: "1.2.3",
            url: "http://127.0.0.1:9000/mcp",
            address: address.parse().expect("an address"),
            state,
        }
    }

    fn with(variables: &[(&str, &str)]) -> Config {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        Config::from_lookup(|name| find(name).map(str::to_owned)).expect("a configuration")
    }

    #[test]
    fn the_text_has_the_url_three_next_steps_and_where_state_is() {
        let text = text(&started("127.0.0.1:9000", StatePlace::Memory), &with(&[]));
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(lines[1], "my shop 1.2.3 serves MCP at http://127.0.0.1:9000/mcp");
        let next: Vec<_> = text.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
        let page = "http://127.0.0.1:9000/    in a browser: its tools, events and tasks";
        let commands = [
            "npx @modelcontextprotocol/inspector --cli http://127.0.0.1:9000/mcp --method tools/list",
            "claude mcp add --transport http my-shop http://127.0.0.1:9000/mcp",
        ];
        let expected: Vec<_> =
            std::iter::once(page).filter(|_| cfg!(feature = "start-page")).chain(commands).collect();
        assert_eq!(next, expected);
        assert!(text.contains("\nState: in the memory of this process"), "{text}");
        assert!(!text.contains("Warning"), "{text}");
    }

    #[test]
    fn the_page_is_not_named_where_it_is_off() {
        let text = text(&started("127.0.0.1:9000", StatePlace::Memory), &with(&[("MCP_START_PAGE", "off")]));
        assert!(!text.contains("browser"), "{text}");
    }

    #[test]
    fn state_in_tables_and_in_stores_of_the_program_is_named() {
        let tables = with(&[("SESSION_TABLE_NAME", "state"), ("EVENT_TABLE_NAME", "log")]);
        let text_of = |state| text(&started("127.0.0.1:9000", state), &tables);
        assert!(text_of(StatePlace::Tables).contains("State: in the DynamoDB tables state and log\n"));
        assert!(text_of(StatePlace::Program).contains("State: in the stores of the program\n"));
        let database = with(&[("MCP_STORE", "postgres://me:pass@db.example/mcp")]);
        let text = text(&started("127.0.0.1:9000", StatePlace::Database), &database);
        assert!(text.contains("State: in the database postgres://db.example/mcp\n"), "{text}");
    }

    #[test]
    fn what_may_surprise_is_a_warning() {
        let of = |address: &str, variables: &[(&str, &str)]| {
            warnings(&started(address, StatePlace::Memory), &with(variables)).join("\n")
        };
        assert_eq!(of("[::1]:9000", &[]), "");
        let open = of("0.0.0.0:9000", &[]);
        assert!(open.contains("0.0.0.0:9000 can call the tools") && open.contains("get 403"), "{open}");
        let gateway = of("0.0.0.0:9000", &[("MCP_AUTH", "gateway"), ("MCP_ALLOWED_HOSTS", "*")]);
        assert_eq!(gateway, "");
        assert!(of("127.0.0.1:9000", &[("MCP_CORS_ORIGINS", "*")]).contains("every web page"));
        let topic = "arn:aws:sns:eu-central-1:123456789012:events";
        assert!(of("127.0.0.1:9000", &[("SNS_TOPIC_ARN", topic)]).contains(topic));
        let queue = "https://sqs.eu-central-1.amazonaws.com/123456789012/tasks";
        assert!(of("127.0.0.1:9000", &[("TASK_QUEUE_URL", queue)]).contains("MCP_ROLE=worker"));
    }
}
