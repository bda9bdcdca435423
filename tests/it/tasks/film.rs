//! The example of docs/tasks.md: 40 minutes of work in invocations of 15 minutes, on a clock that jumps.

use std::{fs, sync::Arc, time::Duration};

use mcp_lambda_server::{
    Clock, Config, Deadline, McpLambdaServer, MemoryStore, Server, Stores, tasks::TaskSupport,
    time::Timestamp,
};
use serde_json::json;
use test_support::{built, result};
use tokio_util::task::TaskTracker;

use super::queue::{Kept, declared};

#[expect(dead_code, reason = "its main function starts a server")]
#[path = "../../../runtime/examples/render.rs"]
mod render;

/// The time of a worker: a function's longest timeout, less what the hand-over takes.
const TIME: Duration = Duration::from_secs(15 * 60 - 10);

fn server(stores: &Stores, queue: &Kept, clock: &Clock) -> Server {
    let builder = McpLambdaServer::builder(render::Renderer).config(Config::default()).stores(stores.clone());
    let builder = builder.task_tool("render", TaskSupport::Optional).task_queue(Arc::new(queue.clone()));
    built(builder.clock(clock.clone())).expect("a server")
}

#[tokio::test(start_paused = true)]
async fn forty_minutes_of_work_take_three_invocations_and_lose_no_minute_of_it() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let (stores, queue) = (Stores::of(MemoryStore::new(clock.clone())), Kept::default());
    let environments: Vec<_> = (0..4).map(|_| server(&stores, &queue, &clock)).collect();
    let ticking = clock.clone();
    let ticks = TaskTracker::new().spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            ticking.advance(Duration::from_secs(1));
        }
    });
    let call = declared("tools/call", json!({ "name": "render", "arguments": {} }));
    let task = result(call.send(&environments[0]).await).await;
    let get = declared("tasks/get", json!({ "taskId": task["taskId"] }));
    let began = clock.now();
    let mut invocations = 0;
    while let Some(message) = queue.take().pop() {
        invocations += 1;
        let worker = environments[invocations].core().queue_worker().expect("a worker").clone();
        worker.deliver(&message.task, Deadline::after(TIME)).await.expect("done with");
    }
    ticks.abort();
    let task = result(get.send(&environments[0]).await).await;
    assert_eq!(task["statusMessage"], "2400 of 2400 frames", "{task}");
    assert_eq!(task["result"]["content"][0]["text"], "2400 frames, the last 720 of them in this attempt");
    assert_eq!(invocations, 3);
    let took = clock.now().since(began);
    assert!(
        took < Duration::from_secs(42 * 60),
        "{took:?}: a hand-over costs what was done since the checkpoint"
    );
}

#[test]
fn the_document_shows_the_example_as_it_is() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let read = |path: &str| fs::read_to_string(format!("{root}/{path}")).expect("a file");
    let (document, example) = (read("docs/tasks.md"), read("runtime/examples/render.rs"));
    let code = example.split_once("\n\n").expect("a comment, then code").1;
    assert!(
        document.contains(&format!("```rust\n{code}```")),
        "docs/tasks.md shows runtime/examples/render.rs"
    );
}
