//! Watches of servers that fail, slow down and change their tools, on a clock that only waits move.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::{sync::Notify, time::Instant};

use super::{Alert, Change, Endpoint, Monitor, Rules, Watched, watch};
use crate::check::{Body, BoxError, Http, Target};

const URL: &str = "http://server.example/mcp";

/// What the server does.
#[derive(Debug, Clone)]
struct Behaviour {
    latency: Duration,
    status: u16,
    tools: Vec<Value>,
    /// How long an event takes; `None`: it never comes.
    lag: Option<Duration>,
    only_sessions: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        let lag = Some(Duration::from_millis(250));
        Self {
            latency: Duration::from_millis(20),
            status: 200,
            tools: tools(&["echo"]),
            lag,
            only_sessions: false,
        }
    }
}

fn tools(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| json!({ "name": name, "inputSchema": { "type": "object" } })).collect()
}

/// A server that does what its behaviour says at the moment.
#[derive(Default)]
struct Scripted {
    behaviour: Mutex<Behaviour>,
    published: Arc<Notify>,
}

impl Scripted {
    fn behaviour(&self) -> Behaviour {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn result(&self, method: &str, behaviour: &Behaviour) -> Option<Value> {
        let capabilities =
            json!({ "tools": {}, "resources": { "subscribe": true }, "tasks": { "list": {} } });
        Some(match method {
            "server/discover" if behaviour.only_sessions => return None,
            "server/discover" => json!({ "supportedVersions": ["2026-07-28"], "capabilities": capabilities }),
            "initialize" if !behaviour.only_sessions => return None,
            "initialize" => json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities }),
            "ping" => json!({}),
            "tools/list" => json!({ "tools": behaviour.tools }),
            "tasks/list" => {
                json!({ "tasks": [{ "status": "failed" }, { "status": "working" }, { "status": "failed" }] })
            }
            "tools/call" => {
                self.published.notify_one();
                json!({ "content": [] })
            }
            _ => return None,
        })
    }

    /// A subscription: its acknowledgement, then the event after its publication and the lag.
    fn subscription(&self, asked: &Value, lag: Option<Duration>) -> Response<Body> {
        let uri = asked["params"]["notifications"]["resourceSubscriptions"][0].clone();
        let acknowledged =
            json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {} });
        let updated = json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": { "uri": uri } });
        let published = Arc::clone(&self.published);
        let event = async move {
            published.notified().await;
            match lag {
                Some(lag) => tokio::time::sleep(lag).await,
                None => std::future::pending().await,
            }
            updated
        };
        let messages = stream::once(async { acknowledged }).chain(stream::once(event));
        let frames = messages
            .map(|message| Ok::<_, BoxError>(Frame::data(Bytes::from(format!("data: {message}\n\n")))));
        let body = StreamBody::new(frames).boxed_unsync();
        Response::builder().header("content-type", "text/event-stream").body(body).expect("a response")
    }
}

fn answer(status: u16, body: &Value) -> Response<Body> {
    let body =
        Full::new(Bytes::from(body.to_string())).map_err(|never: Infallible| match never {}).boxed_unsync();
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body)
        .expect("a response")
}

impl Http for Scripted {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, BoxError>> {
        Box::pin(async move {
            let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            let behaviour = self.behaviour();
            tokio::time::sleep(behaviour.latency).await;
            if behaviour.status != 200 {
                return Ok(answer(behaviour.status, &json!({})));
            }
            let method = asked["method"].as_str().unwrap_or_default();
            if method == "subscriptions/listen" {
                return Ok(self.subscription(&asked, behaviour.lag));
            }
            if asked.get("id").is_none() {
                return Ok(answer(202, &Value::Null));
            }
            let mut response = json!({ "jsonrpc": "2.0", "id": asked["id"] });
            let found = self.result(method, &behaviour);
            let status = if found.is_some() { 200 } else { 404 };
            match found {
                Some(result) => response["result"] = result,
                None => response["error"] = json!({ "code": -32601, "message": "no such method" }),
            }
            Ok(answer(status, &response))
        })
    }
}

fn endpoint(server: &Arc<Scripted>) -> Endpoint {
    let http: Arc<dyn Http> = server.clone();
    Endpoint::new(Target::new(http, URL).expect("a URL")).timeout(Duration::from_secs(5))
}

fn monitor(rounds: u64, rules: &str) -> Monitor {
    let rules = Rules::read(rules).expect("rules");
    Monitor { interval: Duration::from_secs(10), rounds: Some(rounds), rules, ..Monitor::default() }
}

/// Watches a server that changes its behaviour after each round.
async fn scripted(
    server: &Arc<Scripted>,
    endpoint: Endpoint,
    monitor: Monitor,
    mut script: impl FnMut(u64, &Scripted),
) -> (Watched, Vec<(u64, Alert)>) {
    let mut alerts = Vec::new();
    script(0, server);
    let mut watched = watch(
        vec![endpoint],
        monitor,
        |round| {
            alerts.extend(round.alerts.iter().map(|alert| (round.number, alert.clone())));
            script(round.number, server);
        },
        std::future::pending(),
    )
    .await;
    (watched.remove(0), alerts)
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_is_down_and_alerts_after_some_checks_in_a_row() {
    let server = Arc::<Scripted>::default();
    let rules = "[[rule]]\nname='down'\nmetric='error_rate'\nabove=30.0\nfor_checks=2\nrecover_checks=2";
    let monitor = Monitor { window: 3, ..monitor(9, rules) };
    // The share of failures in the last three checks is 0, 33, 67, 100, 67, 33, 0, 0, 0 %.
    let (watched, alerts) = scripted(&server, endpoint(&server), monitor, |round, server| {
        server.behave(|it| it.status = if (1..4).contains(&round) { 503 } else { 200 });
    })
    .await;
    let turns: Vec<_> = alerts.iter().map(|(round, alert)| (*round, alert.state)).collect();
    assert_eq!(turns, [(3, "on"), (8, "off")]);
    assert_eq!((watched.window.checks(), watched.window.failures()), (9, 3));
    assert!(watched.alerts.is_empty());
    let text = &alerts[0].1.text;
    assert_eq!(text, "down: error_rate of http://server.example/mcp is 66.7, above 30");
}

#[tokio::test(start_paused = true)]
async fn checks_begin_in_the_interval_and_latencies_are_measured() {
    let server = Arc::<Scripted>::default();
    let began = Instant::now();
    let rules = "[[rule]]\nname='slow'\nmetric='latency_p95'\nabove=1000";
    let (watched, alerts) = scripted(&server, endpoint(&server), monitor(4, rules), |round, server| {
        server.behave(|it| it.latency = Duration::from_millis(if round == 2 { 1500 } else { 20 }));
    })
    .await;
    let latencies: Vec<f64> = watched.window.samples().filter_map(|one| one.latency_ms).collect();
    assert_eq!(latencies.iter().map(|one| one.round()).collect::<Vec<_>>(), [20.0, 20.0, 1500.0, 20.0]);
    assert_eq!(alerts.iter().map(|(round, alert)| (*round, alert.is_on())).collect::<Vec<_>>(), [(3, true)]);
    let elapsed = began.elapsed();
    assert!((30.0..31.0).contains(&elapsed.as_secs_f64()), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_in_time_is_down() {
    let server = Arc::<Scripted>::default();
    let (watched, _) = scripted(&server, endpoint(&server), monitor(3, ""), |round, server| {
        server.behave(|it| it.latency = Duration::from_secs(if round == 1 { 3600 } else { 0 }));
    })
    .await;
    let failures: Vec<_> =
        watched.window.samples().map(|one| one.failure.clone().unwrap_or_default()).collect();
    assert_eq!((failures[0].as_str(), failures[2].as_str()), ("", ""));
    assert!(failures[1].contains("within 5 s"), "{failures:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_another_caller_is_down() {
    let server = Arc::<Scripted>::default();
    let (watched, _) =
        scripted(&server, endpoint(&server), monitor(1, ""), |_, server| server.behave(|it| it.status = 401))
            .await;
    let failure = watched.window.last().and_then(|sample| sample.failure.clone()).unwrap_or_default();
    assert!(failure.contains("authorized (HTTP 401)"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn changes_of_the_tools_are_found_also_across_a_failure() {
    let server = Arc::<Scripted>::default();
    let rules = "[[rule]]\nname='tools'\nmetric='tools_changed'\nabove=0";
    let (watched, alerts) = scripted(&server, endpoint(&server), monitor(5, rules), |round, server| {
        server.behave(|it| match round {
            0 => it.tools = tools(&["echo", "add"]),
            2 => it.status = 500,
            3 => {
                it.status = 200;
                it.tools = tools(&["echo", "new"]);
                it.tools[0]["description"] = json!("says it again");
            }
            _ => {}
        });
    })
    .await;
    let changes: Vec<_> = watched.window.samples().map(|sample| sample.changes.clone()).collect();
    let expected =
        [Change::Removed("add".into()), Change::Changed("echo".into()), Change::Added("new".into())];
    assert_eq!(changes, [vec![], vec![], vec![], expected.to_vec(), vec![]]);
    let turns: Vec<_> = alerts.iter().map(|(round, alert)| (*round, alert.state)).collect();
    assert_eq!(turns, [(4, "on"), (5, "off")]);
}

#[tokio::test(start_paused = true)]
async fn the_event_lag_is_the_time_from_the_publisher_to_the_subscription() {
    let server = Arc::<Scripted>::default();
    server.behave(|it| it.tools = tools(&["publish_event"]));
    let rules = "[[rule]]\nname='lost'\nmetric='events_failed'\nabove=0\n[[rule]]\nname='late'\nmetric='event_lag'\nabove=1000";
    let endpoint = endpoint(&server).publish_with_tool();
    let (watched, alerts) = scripted(&server, endpoint, monitor(3, rules), |round, server| {
        server.behave(|it| match round {
            1 => it.lag = Some(Duration::from_secs(2)),
            2 => it.lag = None,
            _ => {}
        });
    })
    .await;
    let lags: Vec<_> = watched.window.samples().map(|one| one.event_lag_ms.map(f64::round)).collect();
    // The publication takes 20 ms.
    assert_eq!(lags, [Some(270.0), Some(2020.0), None]);
    let failure = watched.window.last().and_then(|one| one.event_failure.clone()).unwrap_or_default();
    assert!(failure.contains("did not come within 4.0 s"), "{failure}");
    let turns: Vec<_> =
        alerts.iter().map(|(round, alert)| (*round, alert.alert.as_str(), alert.state)).collect();
    assert_eq!(turns, [(2, "late", "on"), (3, "lost", "on")]);
}

#[tokio::test(start_paused = true)]
async fn tasks_are_counted_by_status_where_the_server_lists_them() {
    let server = Arc::<Scripted>::default();
    server.behave(|it| it.only_sessions = true);
    let rules = "[[rule]]\nname='tasks'\nmetric='tasks'\nstatus='failed'\nabove=1";
    let (watched, alerts) =
        scripted(&server, endpoint(&server).count_tasks(), monitor(1, rules), |_, _| {}).await;
    let last = watched.window.last().expect("a sample");
    assert_eq!(last.failure, None);
    assert_eq!(last.tasks, [("failed".to_owned(), 2), ("working".to_owned(), 1)].into());
    assert_eq!((alerts.len(), alerts[0].1.value), (1, 2.0));
}

#[tokio::test(start_paused = true)]
async fn the_watch_ends_when_it_is_stopped_also_within_a_check() {
    let server = Arc::<Scripted>::default();
    server.behave(|it| it.latency = Duration::from_secs(4));
    let stop = tokio::time::sleep(Duration::from_secs(1));
    let monitor = Monitor { rounds: None, ..monitor(1, "") };
    let watched = watch(vec![endpoint(&server)], monitor, |_| panic!("no round has ended"), stop).await;
    assert_eq!(watched[0].window.checks(), 0);
}

/// Runs a monitor with one rule, which is broken at once, and this command. Returns the failures of the command.
async fn told(command: &[&str], patience: Duration) -> Vec<String> {
    let rules = format!("[[rule]]\nname='always'\nmetric='latency'\nabove=-1\ncommand={}", json!(command));
    let server = Arc::<Scripted>::default();
    server.behave(|it| it.latency = Duration::ZERO);
    let monitor = Monitor { patience, ..monitor(1, &rules) };
    let mut unheard = Vec::new();
    watch(
        vec![endpoint(&server)],
        monitor,
        |round| unheard.extend_from_slice(round.unheard),
        std::future::pending(),
    )
    .await;
    unheard
}

#[tokio::test]
async fn a_command_has_the_alert_on_stdin_and_no_shell_reads_its_arguments() {
    let file = std::env::temp_dir().join(format!("mcp-lambda-alert-{:x} $(x)", fastrand::u64(..)));
    let path = file.to_str().expect("a path");
    let unheard = told(&["tee", path], Duration::from_secs(20)).await;
    assert_eq!(unheard, [] as [String; 0]);
    let text = std::fs::read_to_string(&file).expect("a file of exactly this name");
    std::fs::remove_file(&file).expect("the file");
    let alert: Value = serde_json::from_str(&text).expect("JSON");
    let fields = (&alert["alert"], &alert["state"], &alert["endpoint"], &alert["metric"]);
    assert_eq!(fields, (&json!("always"), &json!("on"), &json!(URL), &json!("latency")));
    assert!(alert["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{alert}");
}

#[tokio::test]
async fn a_command_that_fails_or_does_not_end_is_reported() {
    let failed = told(&["sh", "-c", "echo no pager >&2; exit 3"], Duration::from_secs(20)).await;
    assert!(failed[0].contains("exit status: 3") && failed[0].contains("no pager"), "{failed:?}");
    let missing = told(&["/nonexistent/program"], Duration::from_secs(20)).await;
    assert!(missing[0].starts_with("always: /nonexistent/program: "), "{missing:?}");
    let endless = told(&["sleep", "600"], Duration::from_millis(50)).await;
    assert_eq!(endless, ["always: no end within 0.05 s"]);
}
