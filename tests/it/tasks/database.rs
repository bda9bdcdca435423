//! A server and workers that share nothing but a database of PostgreSQL, as the configuration names it.

use std::{sync::atomic::Ordering, time::Duration};

use mcp_lambda_server::{
    Config, McpLambdaServer, Principal, Server,
    config::{PostgresUrl, ProcessRole, StoreChoice},
    error::Error,
    postgres::migrate,
    tasks::TaskSupport,
};
use serde_json::json;
use test_support::{postgres, result};
use tokio_util::task::TaskTracker;

use super::queue::{Jobs, declared};

async fn server(url: &PostgresUrl, jobs: &Jobs, role: ProcessRole) -> Result<Server, Error> {
    let mut config = Config::default();
    config.role = role;
    config.store = StoreChoice::Postgres(url.clone());
    config.tasks.queue_url = Some("database".into());
    let builder = McpLambdaServer::builder(jobs.clone()).config(config);
    builder.task_tool("steps", TaskSupport::Optional).build().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_run_the_tasks_of_a_server_through_the_database_each_once() {
    let (url, jobs) = (postgres::schema().await.parse().expect("a URL"), Jobs::new());
    migrate(&url).await.expect("tables");
    let front = server(&url, &jobs, ProcessRole::Server).await.expect("a server");
    let (mut workers, working) = (Vec::new(), TaskTracker::new());
    for _ in 0..3 {
        let worker = server(&url, &jobs, ProcessRole::Worker).await.expect("a worker");
        working.spawn(worker.core().clone().work());
        workers.push(worker);
    }
    jobs.gate.add_permits(1_000);
    let owner = Principal::new("issuer", "ada");
    let mut ids = Vec::new();
    for _ in 0..30 {
        let call = declared("tools/call", json!({ "name": "steps", "arguments": {} }));
        let task = result(call.extension(owner.clone()).send(&front).await).await;
        ids.push(task["taskId"].as_str().expect("a task").to_owned());
    }
    let completed = async {
        for id in ids {
            let get = declared("tasks/get", json!({ "taskId": id })).extension(owner.clone());
            while result(get.clone().send(&front).await).await["status"] != "completed" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), completed).await.expect("all tasks are completed in time");
    for worker in &workers {
        worker.stop();
    }
    working.close();
    working.wait().await;
    assert_eq!(jobs.done.load(Ordering::SeqCst), 90, "three steps of each task, once");
    let beside = postgres::connect(url.expose()).await;
    let left = beside.query_one("SELECT count(*) FROM mcp_task_messages", &[]).await.expect("a count");
    assert_eq!(left.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_server_without_tables_does_not_start_and_says_what_to_run() {
    let url = postgres::schema().await.parse().expect("a URL");
    let refused = server(&url, &Jobs::new(), ProcessRole::Server).await.expect_err("no tables").to_string();
    assert_eq!(
        refused,
        "MCP_STORE is \"postgres:///postgres\": expected a usable database: postgres:///postgres has no tables of this \
         server: run the program with the argument migrate"
    );
}
