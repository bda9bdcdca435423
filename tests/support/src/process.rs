//! A process as the operating system sees it.

use std::path::Path;

use crate::waiting::eventually;

/// The process's state as the kernel sees it: `T` is stopped, `None` is gone.
pub fn process_state(pid: u32) -> Option<char> {
    // A zombie has ended, even if its parent has not waited for it yet.
    state_in(Path::new(&format!("/proc/{pid}/stat"))).filter(|state| *state != 'Z')
}

/// Whether the process runs or is stopped.
pub fn alive(pid: u32) -> bool {
    process_state(pid).is_some()
}

fn state_in(stat: &Path) -> Option<char> {
    std::fs::read_to_string(stat).ok()?.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Waits until every thread of the process has stopped.
pub async fn frozen(pid: u32) {
    let stopped = |thread: std::io::Result<std::fs::DirEntry>| state_in(&thread.ok()?.path().join("stat"));
    eventually("frozen", || {
        std::fs::read_dir(format!("/proc/{pid}/task"))
            .is_ok_and(|mut threads| threads.all(|thread| stopped(thread) == Some('T')))
    })
    .await;
}

/// Waits until the process has ended.
pub async fn gone(pid: u32) {
    eventually("gone", || !alive(pid)).await;
}

/// How many threads the process has.
pub fn threads(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line =
        status.lines().find_map(|line| line.strip_prefix("Threads:")).expect("the number of its threads");
    line.trim().parse().expect("a number")
}
