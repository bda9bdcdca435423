//! The hooks of a program, in an environment that is frozen between invocations, stopped, and restored.

use lambda_emulator::{Builder, Emulator, EnvironmentId};
use serde_json::json;

use crate::support::*;

const AROUND: [&str; 2] = ["invocation: Some(WarmUp)", "after the invocation"];

fn hooked() -> Builder {
    Emulator::builder().binary(env!("CARGO_BIN_EXE_hooked-function")).shutdown_grace(SOON)
}

/// Invokes it with an event that needs no answer.
async fn warm_up(emulator: &Emulator) {
    let answer = emulator.invoke(fixture("warm-up"), None).await.unwrap();
    assert_eq!(answer_of(answer).await, InvocationAnswer::Whole(json!({})));
}

/// The lines of the hooks, without those of the server.
fn said(emulator: &Emulator) -> Vec<String> {
    let lines = emulator.logs(EnvironmentId(1));
    lines.into_iter().filter(|line| !line.starts_with('{')).collect()
}

#[tokio::test]
async fn what_runs_after_an_invocation_has_run_before_the_freeze() {
    let emulator = hooked().start().await.unwrap();
    for count in 1..=3 {
        warm_up(&emulator).await;
        frozen(emulator.environments()[0].pid).await;
        // The emulator reads what was written a little later.
        eventually("its lines", || said(&emulator).len() == 2 * count).await;
        assert_eq!(said(&emulator), AROUND.repeat(count));
    }
}

/// The emulator sends SIGTERM only to processes with an extension, and SIGKILL to others, as Lambda does.
#[tokio::test]
async fn what_runs_on_shutdown_runs_in_an_environment_of_one_request() {
    let emulator = hooked().start().await.unwrap();
    warm_up(&emulator).await;
    let pid = emulator.environments()[0].pid;
    frozen(pid).await;
    emulator.retire(EnvironmentId(1)).unwrap();
    gone(pid).await;
    // The emulator refuses the poll that is open before it sends the signal, which may be an error of the process, too.
    eventually("its last line", || said(&emulator).len() > 2).await;
    assert_eq!(said(&emulator)[2], "on shutdown");
}

#[tokio::test]
async fn an_environment_with_snapstart_is_stored_and_restored_before_its_first_event() {
    let emulator = hooked().snap_start(true).start().await.unwrap();
    warm_up(&emulator).await;
    eventually("its lines", || said(&emulator).len() == 4).await;
    assert_eq!(said(&emulator), ["before the snapshot", "after the restore", AROUND[0], AROUND[1]]);
}
