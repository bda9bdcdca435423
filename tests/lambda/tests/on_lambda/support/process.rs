//! The operating system's view of an environment.

use std::path::Path;

use tokio::time::{Duration, Instant, sleep};

use super::SOON;

/// Waits for something the emulator or a process does on its own.
pub(crate) async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !happened() {
        assert!(Instant::now() < end, "never: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// The process's state as the kernel sees it: `T` is stopped, `None` is gone.
pub(crate) fn process_state(pid: u32) -> Option<char> {
    // A zombie has ended; who reaps it is not the point.
    state_in(Path::new(&format!("/proc/{pid}/stat"))).filter(|state| *state != 'Z')
}

pub(crate) fn alive(pid: u32) -> bool {
    process_state(pid).is_some()
}

fn state_in(stat: &Path) -> Option<char> {
    std::fs::read_to_string(stat).ok()?.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Waits until every thread of the process has stopped.
pub(crate) async fn frozen(pid: u32) {
    let stopped = |thread: std::io::Result<std::fs::DirEntry>| state_in(&thread.ok()?.path().join("stat"));
    eventually("frozen", || {
        std::fs::read_dir(format!("/proc/{pid}/task"))
            .is_ok_and(|mut threads| threads.all(|thread| stopped(thread) == Some('T')))
    })
    .await;
}

pub(crate) async fn gone(pid: u32) {
    eventually("gone", || !alive(pid)).await;
}

/// How many threads the process has.
pub(crate) fn threads(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
    line.trim().parse().unwrap()
}
