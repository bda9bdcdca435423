//! Tools as a file defines them: names, texts, scopes, timeouts, limits of rate, and a file that changes.
#![allow(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use mcp_lambda_server::{Config, McpLambdaServer, MemoryStore, Stores, rmcp::ServerHandler};
use serde_json::{Value, json};
use test_support::{
    World, call, environments_with, refused, result,
    session::{Client, NEWEST},
    stateless, text,
};

/// The interval at which the file is looked at.
const CHECK: Duration = Duration::from_secs(10);

/// A file that is removed at the end of its test.
struct File(PathBuf);

impl File {
    fn new(extension: &str, text: &str) -> Self {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-tools-{}-{number}.{extension}", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    /// Another text has another length in these tests: the clock of a file system may be slower than they are.
    fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }

    fn world(&self, environments: usize) -> World {
        environments_with(environments, |config| config.tool_definitions = Some(self.0.clone()))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

async fn listed(world: &World, at: usize) -> Vec<Value> {
    let list = result(stateless("tools/list", json!({})).send(world.at(at)).await).await;
    list["tools"].as_array().unwrap().clone()
}

async fn names(world: &World, at: usize) -> Vec<String> {
    listed(world, at).await.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

const RENAMED: &str = "\
tools:
  echo:
    name: say_again
    title: Say it again
    description: Returns what it hears.
  count:
    enabled: false
";

#[tokio::test]
async fn a_tool_has_the_name_and_the_texts_of_the_file_and_a_disabled_one_is_gone() {
    let json = r#"{"tools": {"echo": {"name": "say_again", "title": "Say it again", "description": "Returns what it hears."},
        "count": {"enabled": false}}}"#;
    let toml = "[tools.echo]\nname = 'say_again'\ntitle = 'Say it again'\ndescription = 'Returns what it hears.'\n\
        [tools.count]\nenabled = false\n";
    for (extension, text_of_file) in [("yaml", RENAMED), ("yml", RENAMED), ("json", json), ("toml", toml)] {
        let world = File::new(extension, text_of_file).world(1);
        let tools = listed(&world, 0).await;
        let echo = tools.iter().find(|tool| tool["name"] == "say_again").expect(extension);
        assert_eq!(
            (&echo["title"], &echo["description"]),
            (&json!("Say it again"), &json!("Returns what it hears."))
        );
        assert_eq!(echo["inputSchema"]["type"], "object", "the rest is the program's");
        let names = names(&world, 0).await;
        assert!(names.contains(&"who".to_owned()), "{names:?}");
        assert!(!names.iter().any(|name| name == "echo" || name == "count"), "{names:?}");
        let hi = json!({ "message": "hi" });
        assert_eq!(text(call("say_again", hi.clone()).send(world.at(0)).await).await, "hi");
        for gone in ["echo", "count"] {
            let (_, code, body) = refused(call(gone, hi.clone()).send(world.at(0)).await).await;
            assert_eq!((code, &body["error"]["message"]), (-32602, &json!(format!("unknown tool: {gone}"))));
        }
        let client = Client::open(world.at(0), NEWEST).await;
        let params = json!({ "name": "say_again", "arguments": hi });
        assert_eq!(text(client.request(1, "tools/call", params).send(world.at(0)).await).await, "hi");
    }
}

#[tokio::test]
async fn a_tool_needs_the_scopes_of_the_file() {
    let world = File::new("yaml", "tools:\n  echo:\n    scopes: [tools:echo]\n").world(1);
    assert!(!names(&world, 0).await.contains(&"echo".to_owned()));
    let list = result(stateless("tools/list", json!({})).send(world.at(0)).await).await;
    assert_eq!(list["cacheScope"], "private");
    let reply = call("echo", json!({ "message": "hi" })).send(world.at(0)).await;
    assert_eq!(reply.status, 403);
    assert!(reply.header("www-authenticate").unwrap().contains("tools:echo"));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_the_timeout_of_the_file() {
    let world = File::new("yaml", "tools:\n  slow: { timeout_seconds: 7 }\n").world(1);
    let answer = result(call("slow", json!({})).send(world.at(0)).await).await;
    assert_eq!(world.report().await, "started");
    assert_eq!(world.report().await, "dropped");
    assert_eq!(answer["isError"], true);
    assert_eq!(answer["content"][0]["text"], "slow was stopped: it took longer than 7 s");
}

#[tokio::test]
async fn a_caller_has_so_many_calls_in_a_time() {
    let file = File::new("yaml", "tools:\n  echo:\n    rate_limit: { calls: 2, per_seconds: 60 }\n");
    let world = file.world(1);
    let echo = async || result(call("echo", json!({ "message": "hi" })).send(world.at(0)).await).await;
    for _ in 0..2 {
        assert_eq!(echo().await["content"][0]["text"], "hi");
    }
    let refused = echo().await;
    assert_eq!(refused["isError"], true);
    let text_of = "echo was not called: 2 calls in 60 s are allowed; call it again in 30 s";
    assert_eq!(refused["content"][0]["text"], text_of);
    // Other tools are not counted, and time goes by.
    assert_eq!(result(call("who", json!({})).send(world.at(0)).await).await["isError"], json!(false));
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(echo().await["content"][0]["text"], "hi");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_holds_within_the_interval_and_clients_hear_of_it() {
    let file = File::new("yaml", RENAMED);
    let world = file.world(2);
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let mut stream = stateless("subscriptions/listen", filter).send(world.at(1)).await;
    assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
    assert!(names(&world, 0).await.contains(&"say_again".to_owned()));
    file.write("tools:\n  echo: { name: another_name }\n");
    assert!(names(&world, 0).await.contains(&"say_again".to_owned()), "not yet looked");
    world.clock.advance(CHECK);
    let now = names(&world, 0).await;
    assert!(now.contains(&"another_name".to_owned()) && now.contains(&"count".to_owned()), "{now:?}");
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    // The other environment learns it too, and it is one change.
    world.clock.advance(CHECK);
    assert!(names(&world, 1).await.contains(&"another_name".to_owned()));
    // A file that cannot be read changes nothing.
    file.write("tools: [");
    world.clock.advance(CHECK);
    assert!(names(&world, 0).await.contains(&"another_name".to_owned()));
    file.write("tools: {}\n# as the program has them\n");
    world.clock.advance(CHECK);
    assert!(names(&world, 0).await.contains(&"echo".to_owned()));
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
}

/// A new version of a function brings another file, and the clients of the old one hear of it.
#[tokio::test(start_paused = true)]
async fn a_deployment_with_another_file_is_announced() {
    let (old, new) = (File::new("yaml", RENAMED), File::new("yaml", "tools: {}\n"));
    let world = old.world(1);
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let mut stream = stateless("subscriptions/listen", filter).send(world.at(0)).await;
    assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
    assert!(names(&world, 0).await.contains(&"say_again".to_owned()));
    let mut config = world.at(0).config().clone();
    config.tool_definitions = Some(new.0.clone());
    let deployed = McpLambdaServer::builder(test_support::fixture::Fixture::new(world.stage.clone()))
        .config(config)
        .stores(world.stores.clone())
        .clock(world.clock.clone());
    let deployed = test_support::environments::built(deployed).unwrap();
    assert_eq!(stateless("tools/list", json!({})).send(&deployed).await.status, 200);
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
}

struct Empty;
impl ServerHandler for Empty {}

/// The error of a server with such a file.
async fn error(extension: &str, text: &str) -> String {
    let file = File::new(extension, text);
    let mut config = Config::default();
    config.tool_definitions = Some(file.0.clone());
    let stores = Stores::of(MemoryStore::new(mcp_lambda_server::Clock::system()));
    let built = McpLambdaServer::builder(Empty).config(config).stores(stores).build().await;
    let error = built.expect_err(text).to_string();
    error.strip_prefix(&file.0.display().to_string()).unwrap_or(&error).to_owned()
}

#[tokio::test]
async fn a_file_that_cannot_be_used_stops_the_start_with_the_place_and_the_nearest_key() {
    for (text, expected) in [
        ("tool:\n  echo: {}\n", ": tool is an unknown key: did you mean tools?"),
        ("tools:\n  echo: { nmae: x }\n", ": tools.echo.nmae is an unknown key: did you mean name?"),
        (
            "tools:\n  echo: { zzz: x }\n",
            ": tools.echo.zzz is an unknown key: expected one of name, title, description, enabled, scopes, timeout_seconds, rate_limit",
        ),
        (
            "tools:\n  echo: { name: 'a b' }\n",
            ": tools.echo.name is \"a b\": expected 1 to 128 of A-Z a-z 0-9 _ - . /",
        ),
        ("tools:\n  echo: { title: '' }\n", ": tools.echo.title: expected a text"),
        ("tools:\n  echo: { enabled: maybe }\n", ": tools.echo.enabled: expected true or false"),
        ("tools:\n  echo: { scopes: admin }\n", ": tools.echo.scopes: expected a list of texts"),
        (
            "tools:\n  echo: { timeout_seconds: 0 }\n",
            ": tools.echo.timeout_seconds: expected a whole number from 1 to 86400",
        ),
        ("tools:\n  echo: { rate_limit: { calls: 5 } }\n", ": tools.echo.rate_limit.per_seconds is required"),
        (
            "tools:\n  echo: { rate_limit: { calls: 5, per_second: 5 } }\n",
            ": tools.echo.rate_limit.per_second is an unknown key: did you mean per_seconds?",
        ),
        (
            "tools:\n  a: { name: x }\n  b: { name: x }\n",
            ": two tools would have the name \"x\": expected a name for each",
        ),
        ("tools: 5\n", ": tools: expected keys and values"),
    ] {
        assert_eq!(error("yaml", text).await, expected);
    }
    assert!(error("yaml", "tools: [").await.starts_with(": cannot be read: "));
    let ini = error("ini", "").await;
    assert!(ini.ends_with(": expected a file that ends in .yaml, .yml, .toml or .json"), "{ini}");
}

#[tokio::test]
async fn names_keep_their_case() {
    let file = File::new("yaml", "tools:\n  echo: { name: sayAgain_V2 }\n");
    assert!(names(&file.world(1), 0).await.contains(&"sayAgain_V2".to_owned()));
}

/// The error of a server with this file at start.
async fn refused_at_start(file: &File) -> String {
    let mut config = Config::default();
    config.tool_definitions = Some(file.0.clone());
    let builder =
        McpLambdaServer::builder(test_support::Fixture::new(test_support::Stage::new().0)).config(config);
    builder.build().await.expect_err("a tool that is not there").to_string()
}

#[tokio::test]
async fn a_tool_that_the_server_does_not_have_stops_it_with_the_nearest_name() {
    for (tool, text_of_file, hint) in [
        ("ecoh", "tools:\n  ecoh:\n    name: other\n", "did you mean echo?"),
        ("ehco", "tools:\n  echo:\n    name: other\n  ehco:\n    scopes: [a]\n", "did you mean echo?"),
        (
            "Unknown.Tool",
            "tools:\n  Unknown.Tool: { enabled: false }\n",
            "expected the name that the program gives it",
        ),
    ] {
        let file = File::new("yaml", text_of_file);
        let error = refused_at_start(&file).await;
        let path = file.0.display().to_string();
        assert!(error.starts_with(&format!("{path}: tools.{tool} is")), "{error}");
        assert!(error.ends_with(&format!("is a tool that this server does not have: {hint}")), "{error}");
    }
}
