use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use serde_json::Value;

use super::*;
use crate::time::Clock;

const CONTRACT: &str = include_str!("../../../../tests/contract/metrics.json");

/// The lines that were written, each with one call.
#[derive(Clone, Default)]
struct Written(std::sync::Arc<Mutex<Vec<String>>>);

impl Written {
    fn lines(&self) -> Vec<Value> {
        let written = std::mem::take(&mut *self.0.lock().expect("no panic"));
        let one_line = |text: &String| text.ends_with('\n') && text.matches('\n').count() == 1;
        assert!(written.iter().all(one_line), "{written:?}");
        written.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn metrics(listed: &'static [&'static str], keeps_totals: bool) -> (Metrics, Written) {
    let written = Written::default();
    let lines = written.clone();
    let metrics = Metrics::new(MetricsParts {
        clock: Clock::system(),
        function: "the \"function\"".to_owned(),
        level: "WARN",
        write: Some(std::sync::Arc::new(move |line| {
            lines.0.lock().expect("no panic").push(String::from_utf8(line.to_vec()).expect("text"));
        })),
        keeps_totals,
        is_listed: std::sync::Arc::new(move |tool| listed.contains(&tool) || tool.starts_with("any")),
    });
    (metrics, written)
}

fn call(tool: &str) -> Measured<'_> {
    let (method, tool, duration) = (Some("tools/call"), Some(tool), Some(Duration::from_micros(1_234_567)));
    Measured { method, tool, duration, bytes: 7, round_trips: 2, ..Measured::default() }
}

/// The lines of a task: of its creation, its begin and its end.
fn tasks_of(metrics: &Metrics, written: &Written) -> Vec<Value> {
    metrics.task("report", TaskStep::Created);
    metrics.task("report", TaskStep::Begun { waited: Duration::from_millis(250) });
    metrics.task("report", TaskStep::Ended { status: "failed", took: Duration::from_secs(90) });
    let lines = written.lines();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["Tool"] == "report" && line["Method"].is_null()), "{lines:?}");
    assert_eq!(lines[2]["Status"], "failed");
    lines
}

/// Each metric of a line: its unit, and the dimensions by which it is counted besides the function.
fn defined(line: &Value) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut defined = BTreeMap::new();
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
        assert_eq!(directive["Namespace"], "McpLambdaServer");
        let sets: Vec<Vec<String>> =
            serde_json::from_value(directive["Dimensions"].clone()).expect("sets of dimensions");
        assert_eq!(sets[0], ["FunctionName"]);
        let by = sets[1..].iter().map(|set| {
            assert_eq!((set.len(), &*set[0]), (2, "FunctionName"));
            assert!(line[&set[1]].is_string(), "a dimension without a value: {line}");
            set[1].clone()
        });
        let by: BTreeSet<String> = by.collect();
        for metric in directive["Metrics"].as_array().expect("metrics") {
            let name = metric["Name"].as_str().expect("a name");
            assert!(!line[name].is_null(), "a metric without a value: {name}");
            let unit = metric["Unit"].as_str().expect("a unit").to_owned();
            assert!(defined.insert(name.to_owned(), (unit, by.clone())).is_none(), "twice: {name}");
        }
    }
    defined
}

#[test]
fn a_line_has_the_metrics_of_the_contract_with_their_dimensions_and_units() {
    let (metrics, written) = metrics(&["echo"], false);
    metrics.stream_opened();
    metrics.stream_refused();
    metrics.event_sent(Duration::from_millis(12));
    metrics.served(&Measured { is_cold_start: true, is_tool_error: true, ..call("echo") });
    let [line] = &written.lines()[..] else { panic!("one line") };
    let of_tasks = tasks_of(&metrics, &written);
    let contract: Value = serde_json::from_str(CONTRACT).expect("JSON");
    let expected: BTreeMap<_, _> = contract["metrics"]
        .as_array()
        .expect("metrics")
        .iter()
        .map(|metric| {
            let by = serde_json::from_value(metric["by"].clone()).expect("dimensions");
            let text = |field: &str| metric[field].as_str().expect("a text").to_owned();
            (text("name"), (text("unit"), by))
        })
        .collect();
    let all = std::iter::once(line).chain(&of_tasks);
    let mut all_defined = BTreeMap::new();
    for one in all.clone() {
        all_defined.extend(defined(one));
    }
    assert_eq!(all_defined, expected);
    let value = |name: &String| all.clone().find_map(|line| line.get(name)).expect("a value").clone();
    let values: BTreeMap<&str, Value> = expected.keys().map(|name| (name.as_str(), value(name))).collect();
    let one = Value::from(1);
    for (name, value) in [
        ("Calls", one.clone()),
        ("Errors", 0.into()),
        ("ToolErrors", one.clone()),
        ("Duration", 1234.567.into()),
        ("ColdStarts", one.clone()),
        ("OpenStreams", one.clone()),
        ("StreamsRefused", one.clone()),
        ("EventLag", vec![12].into()),
        ("PayloadBytes", 7.into()),
        ("StoreRoundTrips", 2.into()),
        ("TasksCreated", one.clone()),
        ("TasksEnded", one.clone()),
        ("TaskDuration", 90_000.into()),
        ("TaskQueueTime", 250.into()),
    ] {
        assert_eq!(values[name], value, "{name}");
    }
    assert_eq!((&line["FunctionName"], &line["level"]), (&"the \"function\"".into(), &"WARN".into()));
    assert_eq!((&line["Method"], &line["Tool"]), (&"tools/call".into(), &"echo".into()));
    assert!(line["_aws"]["Timestamp"].as_u64().expect("a time") > 1_700_000_000_000);
}

#[test]
fn a_line_has_no_dimension_and_no_metric_without_a_value() {
    let (metrics, written) = metrics(&[], false);
    metrics.served(&Measured { method: Some("ping"), is_fault: true, ..Measured::default() });
    let [line] = &written.lines()[..] else { panic!("one line") };
    let names: Vec<_> = defined(line).into_keys().collect();
    assert_eq!(names, ["Calls", "Errors", "OpenStreams", "PayloadBytes", "StoreRoundTrips"]);
    assert_eq!((&line["Errors"], &line["Method"], &line["Tool"]), (&1.into(), &"ping".into(), &Value::Null));
}

/// Each value of a dimension is a metric that is billed.
#[test]
fn clients_create_no_metrics() {
    let (metrics, written) = metrics(&["echo"], true);
    for at in 0..1_000 {
        metrics.served(&Measured { is_fault: true, ..call(&format!("invented \"{at}\"\n")) });
        metrics.served(&Measured { is_tool_error: true, ..call(&format!("invented {at}")) });
        metrics.served(&call(&format!("any{at}")));
        metrics.served(&call(&format!("any{}", "x".repeat(500 + at))));
        metrics.served(&Measured::default());
    }
    metrics.served(&call("echo"));
    let lines = written.lines();
    assert_eq!(lines.len(), 5_001);
    let values = |dimension: &str| -> BTreeSet<String> {
        lines.iter().filter_map(|line| line[dimension].as_str()).map(str::to_owned).collect()
    };
    assert_eq!(values("Method"), ["other", "tools/call"].map(str::to_owned).into());
    // A hundred tools of a handler that has every tool, and the others.
    assert_eq!(values("Tool").len(), 101);
    assert!(values("Tool").contains("other"));
    assert_eq!(metrics.totals().calls.len(), 102);
}

#[test]
fn a_program_records_within_limits() {
    let (metrics, written) = metrics(&[], false);
    for name in ["", "1st", "two words", "Größe", "a\"b", "Calls", "FunctionName", "level", &"x".repeat(65)]
    {
        metrics.count(name, 1);
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        metrics.record("Ratio", Unit::Percent, value);
    }
    for at in 0..1_000 {
        metrics.count(&format!("Name{at}"), 1);
    }
    metrics.record("Name1", Unit::Milliseconds, 2.5);
    assert!(written.lines().is_empty(), "they wait for the line of a request");
    metrics.served(&Measured::default());
    let [line] = &written.lines()[..] else { panic!("one line") };
    let own: Vec<_> =
        line.as_object().expect("an object").keys().filter(|name| name.starts_with("Name")).collect();
    assert_eq!(own.len(), 50);
    assert_eq!(defined(line)["Name0"], ("Count".to_owned(), BTreeSet::new()));
    assert_eq!((&line["Name0"], &line["Name1"]), (&vec![1].into(), &serde_json::json!([1, 2.5])));
    assert!(line["Ratio"].is_null());
    metrics.served(&Measured::default());
    assert!(written.lines()[0]["Name0"].is_null(), "each value is in one line");
}

/// CloudWatch takes a hundred values of a metric in one line.
#[test]
fn many_values_are_written_before_the_line_of_a_request() {
    let (metrics, written) = metrics(&[], false);
    for _ in 0..250 {
        metrics.event_sent(Duration::from_millis(1));
        metrics.count("Sold", 1);
    }
    metrics.served(&Measured::default());
    let lines = written.lines();
    let sizes = |name: &str| -> Vec<_> {
        lines.iter().map(|line| line[name].as_array().map_or(0, Vec::len)).collect()
    };
    for name in ["EventLag", "Sold"] {
        assert!(sizes(name).iter().all(|size| *size <= 100), "{:?}", sizes(name));
        assert_eq!(sizes(name).iter().sum::<usize>(), 250);
    }
}

#[tokio::test(start_paused = true)]
async fn values_wait_ten_seconds_at_most_where_more_follow() {
    let (metrics, written) = metrics(&[], false);
    metrics.event_sent(Duration::ZERO);
    tokio::time::advance(Duration::from_secs(9)).await;
    metrics.event_sent(Duration::ZERO);
    assert!(written.lines().is_empty());
    tokio::time::advance(Duration::from_secs(1)).await;
    metrics.event_sent(Duration::ZERO);
    assert_eq!(written.lines()[0]["EventLag"], serde_json::json!([0, 0, 0]));
}

#[test]
fn the_page_has_the_same_figures() {
    let (metrics, _) = metrics(&["a\"b\\c\nd"], true);
    for _ in 0..3 {
        metrics.served(&Measured { is_tool_error: true, ..call("a\"b\\c\nd") });
    }
    metrics.stream_opened();
    metrics.stream_refused();
    metrics.event_sent(Duration::from_millis(150));
    metrics.record("Sold", Unit::Count, 2.5);
    metrics.served(&Measured { is_fault: true, ..Measured::default() });
    for status in ["completed", "completed", "failed"] {
        metrics.task("report", TaskStep::Created);
        metrics.task("report", TaskStep::Begun { waited: Duration::from_millis(150) });
        metrics.task("report", TaskStep::Ended { status, took: Duration::from_secs(90) });
    }
    let page = page(&metrics);
    for line in [
        "# TYPE mcp_calls_total counter",
        r#"mcp_calls_total{method="tools/call",tool="a\"b\\c\nd"} 3"#,
        r#"mcp_calls_total{method="other",tool=""} 1"#,
        r#"mcp_errors_total{method="other",tool=""} 1"#,
        r#"mcp_tool_errors_total{method="tools/call",tool="a\"b\\c\nd"} 3"#,
        r#"mcp_payload_bytes_total{method="tools/call",tool="a\"b\\c\nd"} 21"#,
        r#"mcp_store_round_trips_total{method="tools/call",tool="a\"b\\c\nd"} 6"#,
        r#"mcp_duration_seconds_bucket{method="tools/call",tool="a\"b\\c\nd",le="1"} 0"#,
        r#"mcp_duration_seconds_bucket{method="tools/call",tool="a\"b\\c\nd",le="2"} 3"#,
        r#"mcp_duration_seconds_bucket{method="tools/call",tool="a\"b\\c\nd",le="+Inf"} 3"#,
        r#"mcp_duration_seconds_count{method="tools/call",tool="a\"b\\c\nd"} 3"#,
        "mcp_open_streams 1",
        "mcp_streams_refused_total 1",
        r#"mcp_event_lag_seconds_bucket{le="0.1"} 0"#,
        r#"mcp_event_lag_seconds_bucket{le="0.2"} 1"#,
        "mcp_event_lag_seconds_sum 0.15",
        r#"mcp_tasks_created_total{tool="report"} 3"#,
        r#"mcp_tasks_ended_total{tool="report",status="completed"} 2"#,
        r#"mcp_tasks_ended_total{tool="report",status="failed"} 1"#,
        r#"mcp_task_duration_seconds_bucket{tool="report",le="60"} 0"#,
        r#"mcp_task_duration_seconds_bucket{tool="report",le="120"} 3"#,
        r#"mcp_task_queue_seconds_count{tool="report"} 3"#,
        "mcp_program_Sold_sum 2.5",
        "mcp_program_Sold_count 1",
    ] {
        assert!(page.lines().any(|there| there == line), "{line} is not in\n{page}");
    }
}
