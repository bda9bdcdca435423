//! A process as the operating system sees it.

use std::path::Path;

use rustix::{
    fd::OwnedFd,
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};
use tokio::{io::unix::AsyncFd, time::timeout};

use crate::waiting::{SOON, eventually};

/// A process to be waited for, also one that another process has started.
pub struct Watched(Option<AsyncFd<OwnedFd>>);

impl Watched {
    /// Begins to watch a process. One that is gone has ended.
    #[expect(
        deprecated,
        reason = "an owned descriptor is open as long as it is polled; the other way is unsafe"
    )]
    pub fn of(pid: u32) -> Self {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("the id of a process");
        match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(fd) => Self(Some(AsyncFd::new(fd).expect("a descriptor that can be polled"))),
            Err(Errno::SRCH) => Self(None),
            Err(error) => panic!("the process cannot be watched: {error}"),
        }
    }

    /// Returns when the process has ended.
    pub async fn ended(self) {
        let Some(fd) = self.0 else { return };
        let heard = timeout(SOON, fd.readable()).await.expect("the process ends");
        heard.expect("its end is told").retain_ready();
    }
}

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
    Watched::of(pid).ended().await;
}

/// How many threads the process has.
pub fn threads(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line =
        status.lines().find_map(|line| line.strip_prefix("Threads:")).expect("the number of its threads");
    line.trim().parse().expect("a number")
}
