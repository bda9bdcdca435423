//! How much memory one request takes, by the kernel's count: a process for each shape of request, and its peak.
//!
//! typescript-sdk and others have no such bound: a body of nested one-key objects takes more than a hundred times its
//! size as a tree of values. Here no request of the default limits takes more than eight times the largest body.

use std::{fmt::Write as _, fs, process::Command};

use serde_json::{Value, json};
use test_support::{
    McpRequest, environment,
    request::{STATELESS, initialize_request},
    session::{Client, NEWEST},
    stateless,
};

/// Eight times the largest body of the default limits, in KiB.
const PEAK: u64 = 8 * 6 * 1024;
/// How many requests a process serves, one after another. The allocator may keep what the first one took, for the next
/// one: it must not keep more with each.
const TIMES: usize = 3;
/// The largest body, in bytes, less room for the rest of the message.
const BODY: usize = 6 * 1024 * 1024 - 4096;

/// As much of a shape as a body can hold, and a little less than the limit of values.
fn shape(name: &str) -> String {
    let items = |item: &str, most: usize| {
        let count = most.min(BODY / (item.len() + 1));
        vec![item; count].join(",")
    };
    match name {
        "one-key objects" => format!("[{}]", items("{\"\":0}", 12_000)),
        "nested one-key objects" => {
            let nested = format!("{}0{}", "{\"\":".repeat(50), "}".repeat(50));
            format!("[{}]", items(&nested, 24_500 / 51))
        }
        "empty objects" => format!("[{}]", items("{}", 8_000)),
        "nested arrays" => {
            let nested = format!("{}{}", "[".repeat(50), "]".repeat(50));
            format!("[{}]", items(&nested, 24_000 / 51))
        }
        "small numbers" => format!("[{}]", items("1", 24_500)),
        "many keys" => {
            let keys: Vec<_> = (0..24_500).map(|n| format!("\"{n}\":0")).collect();
            format!("{{{}}}", keys.join(","))
        }
        "long texts" => format!("[{}]", items(&format!("\"{}\"", "x".repeat(100_000)), 62)),
        "one text" => format!("\"{}\"", "x".repeat(BODY)),
        "escapes" => format!("\"{}\"", "\\u00e9".repeat(BODY / 6)),
        "too many values" => format!("[{}]", items("{\"\":0}", BODY)),
        other => panic!("no shape {other}"),
    }
}

const SHAPES: [&str; 10] = [
    "one-key objects",
    "nested one-key objects",
    "empty objects",
    "nested arrays",
    "small numbers",
    "many keys",
    "long texts",
    "one text",
    "escapes",
    "too many values",
];

/// Where in a request a shape is put.
const PLACES: [&str; 8] = [
    "arguments",
    "arguments in a session",
    "_meta",
    "_meta in a session",
    "requestState beside arguments",
    "initialize",
    "a notification",
    "a method of the program",
];

/// A message with a mark that is replaced by the shape: a tree of the shape would be measured too.
async fn post(place: &str, shape: &str) -> (test_support::World, McpRequest) {
    const MARK: &str = "\"@\"";
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let arguments = json!({ "name": "echo", "arguments": { "message": "@" } });
    let post = match place {
        "arguments" => stateless("tools/call", arguments),
        "arguments in a session" => client.request(1, "tools/call", arguments),
        "_meta" => stateless("tools/call", json!({ "name": "echo", "_meta": { "x": "@" } })),
        "_meta in a session" => {
            client.request(1, "tools/call", json!({ "name": "echo", "_meta": { "x": "@" } }))
        }
        "requestState beside arguments" => {
            let mut params = arguments;
            params["requestState"] = json!("forged");
            stateless("tools/call", params)
        }
        "initialize" => initialize_request(NEWEST, json!({ "experimental": { "x": { "y": "@" } } })),
        "a notification" => client.notification("notifications/own", json!({ "x": "@" })),
        "a method of the program" => stateless("fixture/own", json!({ "x": "@" })),
        other => panic!("no place {other}"),
    };
    let text = String::from_utf8(post.body.to_vec()).expect("JSON");
    assert!(text.contains(MARK), "{text}");
    let body = text.replacen(MARK, shape, 1);
    assert!(STATELESS > NEWEST && body.len() <= 6 * 1024 * 1024, "{} bytes", body.len());
    (world, McpRequest { body: body.into(), ..post })
}

/// A line of this process's status, in KiB.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the line");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Serves a request in this process, and prints how much memory that took at its peak and what the allocator kept.
fn measure(place: &str, name: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (world, post) = post(place, &shape(name)).await;
        // The peak from here on: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html.
        fs::write("/proc/self/clear_refs", "5").expect("Linux");
        let before = status("VmRSS");
        let (mut served, mut answer) = (0, 0);
        for _ in 0..TIMES {
            let reply = post.clone().send(world.at(0)).await;
            served = reply.status.as_u16();
            answer = reply.bytes().await.len();
        }
        let peak = status("VmHWM").saturating_sub(before);
        println!("{served} {answer} {peak} {}", status("VmRSS").saturating_sub(before));
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mark, place, shape] = &arguments[..]
        && mark == "--measure"
    {
        return measure(place, shape);
    }
    let (mut table, mut over) = (String::new(), Vec::new());
    for place in PLACES {
        for shape in SHAPES {
            let program = std::env::current_exe().expect("this program");
            let run = Command::new(program).args(["--measure", place, shape]).output().expect("it runs");
            let line = String::from_utf8(run.stdout).expect("text");
            let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            let [status, _, peak, kept] = numbers[..] else {
                panic!("{place}, {shape}: {line} {}", String::from_utf8_lossy(&run.stderr));
            };
            writeln!(table, "{place}, {shape}: {status}, {peak} KiB at the peak, {kept} KiB kept")
                .expect("a text");
            let expected: Value = if shape == "too many values" { json!(400) } else { json!(status) };
            if peak > PEAK || expected != status {
                over.push(format!("{place}, {shape}"));
            }
        }
    }
    println!("{table}");
    assert!(over.is_empty(), "over the limit: {over:?}");
}
