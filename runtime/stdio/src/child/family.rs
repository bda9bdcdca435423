//! The processes that a child has started, and itself: how many there are. No limit of the system can be used for that: `RLIMIT_NPROC`
//! counts all processes of the user, those of this server and of other programs among them, and does not bind root
//! (<https://man7.org/linux/man-pages/man2/setrlimit.2.html>, 2026-11-28), and a cgroup cannot be made by everyone.

use std::{
    collections::{HashMap, HashSet},
    fs,
    future::pending,
    time::Duration,
};

use tokio::time::sleep;

use super::process::{Signal, signal_group, signal_process};

/// The time between two looks at the size of the system.
const LOOK: Duration = Duration::from_millis(250);
/// After so many looks the processes of the child are counted, however little the system has grown.
const LOOKS: u32 = 40;
/// How often what is left of a family is killed, and the time between: what was started meanwhile is seen the next time.
const KILLS: u32 = 50;
const BETWEEN_KILLS: Duration = Duration::from_millis(20);

/// A process, by what it has in common with others. Each is the id of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    parent: u32,
    group: u32,
    session: u32,
    /// Whether it has ended, and its parent has not waited for it yet.
    is_over: bool,
}

/// The processes of a child, by their ids.
#[derive(Debug)]
pub(super) struct Family(HashMap<u32, Process>);

impl Family {
    /// Waits until a child has more processes than it may have, and returns them. Where the system does not show its processes, that
    /// never happens.
    pub(super) async fn beyond(child: Option<u32>, most: usize) -> Self {
        let Some(child) = child else { return pending().await };
        let mut smallest = None;
        let mut looks = LOOKS;
        loop {
            let size = size_of_system();
            let has_grown = match (size, smallest) {
                (Some(size), Some(smallest)) => size >= smallest + most.div_ceil(2),
                _ => true,
            };
            smallest = smallest.into_iter().chain(size).min();
            looks += 1;
            if has_grown || looks > LOOKS {
                let family = Self::of(child);
                if family.size() > most {
                    return family;
                }
                (smallest, looks) = (size, 0);
            }
            sleep(LOOK).await;
        }
    }

    /// The processes of a child, as far as the system shows them.
    fn of(child: u32) -> Self {
        Self::among(&all(), HashSet::from([child]))
    }

    /// Those processes that have one of these ids, or a parent, group or session in the family. A session or a group lives on when the
    /// process has ended after which it is named.
    fn among(all: &HashMap<u32, Process>, mut ids: HashSet<u32>) -> Self {
        let belongs = |process: &Process, ids: &HashSet<u32>| {
            let is_group = ids.contains(&process.group) || ids.contains(&process.session);
            // Of those that are over, only its parent can be rid of: a child that does not wait for its own.
            ids.contains(&process.parent) || (is_group && !process.is_over)
        };
        loop {
            let more: Vec<u32> = all
                .iter()
                .filter(|(id, process)| !ids.contains(id) && belongs(process, &ids))
                .map(|(id, _)| *id)
                .collect();
            if more.is_empty() {
                break;
            }
            ids.extend(more);
        }
        Self(ids.into_iter().filter_map(|id| Some((id, *all.get(&id)?))).collect())
    }

    /// How many processes there are.
    pub(super) fn size(&self) -> usize {
        self.0.len()
    }

    /// Kills all of them, and what they start meanwhile.
    pub(super) async fn kill(mut self) {
        for _ in 0..KILLS {
            let (groups, others) = self.groups_and_others();
            groups.into_iter().for_each(|group| signal_group(group, Signal::Kill));
            others.into_iter().for_each(|process| signal_process(process, Signal::Kill));
            sleep(BETWEEN_KILLS).await;
            self = Self::among(&all(), self.0.into_keys().collect());
            if self.0.values().all(|process| process.is_over) {
                return;
            }
        }
        tracing::warn!(left = self.size(), "processes of a server did not end when they were killed");
    }

    /// The process groups that the family has made, each of which only it can be in, and the processes that are in other ones.
    fn groups_and_others(&self) -> (HashSet<u32>, Vec<u32>) {
        let is_own = |process: &Process| self.0.contains_key(&process.group);
        let groups = self.0.values().filter(|process| is_own(process)).map(|process| process.group).collect();
        let others = self.0.iter().filter(|(_, process)| !is_own(process)).map(|(id, _)| *id).collect();
        (groups, others)
    }
}

/// How many processes and threads the system has.
fn size_of_system() -> Option<usize> {
    // Such as "0.20 0.18 0.12 1/80 11206": those that run, and all.
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// The processes of the system, by their ids.
fn all() -> HashMap<u32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: u32| {
        let stat = fs::read(format!("/proc/{id}/stat")).ok()?;
        Some((id, read(&stat)?))
    })
    .collect()
}

/// Reads a file `stat`: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>, 2026-11-28. The name in it may contain anything.
fn read(stat: &[u8]) -> Option<Process> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let mut fields = std::str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace();
    let is_over = matches!(fields.next()?, "Z" | "X");
    let mut next = || fields.next()?.parse().ok();
    Some(Process { parent: next()?, group: next()?, session: next()?, is_over })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(parent: u32, group: u32, session: u32) -> Process {
        Process { parent, group, session, is_over: false }
    }

    #[test]
    fn a_name_of_a_process_may_look_like_the_end_of_it() {
        let stat = b"7 (a) Z 1 (b \xff) S 3 4 5 0 -1 4194560";
        assert_eq!(read(stat), Some(process(3, 4, 5)));
        for broken in [&b""[..], b"7 (a", b"7 (a) S 3 4", b"7 (a) S x 4 5"] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn a_process_belongs_to_a_child_by_its_parent_its_group_or_its_session() {
        let over = Process { is_over: true, ..process(1, 10, 1) };
        let unwaited = Process { is_over: true, ..process(11, 10, 1) };
        let all = HashMap::from([
            (2, process(1, 2, 1)),
            (10, process(2, 10, 1)),
            (11, process(10, 10, 1)),
            // It has begun a session, and its parent has ended.
            (12, process(1, 10, 1)),
            (13, process(12, 13, 13)),
            (14, process(1, 14, 13)),
            // The parent of this one waits for it, and that of the other one is the first process of the system.
            (15, unwaited),
            (16, over),
            // It has joined the group of this server.
            (17, process(14, 2, 1)),
        ]);
        let family = Family::among(&all, HashSet::from([10]));
        let mut ids: Vec<_> = family.0.keys().copied().collect();
        ids.sort_unstable();
        assert_eq!((ids, family.size()), (vec![10, 11, 12, 13, 14, 15, 17], 7));
        let (groups, others) = family.groups_and_others();
        assert_eq!((groups, others), (HashSet::from([10, 13, 14]), vec![17]));
    }

    #[tokio::test]
    async fn this_process_alone_is_one() {
        let this = std::process::id();
        assert!(Family::of(this).0.contains_key(&this));
        assert!(size_of_system().is_some_and(|size| size > 0));
        assert!(Family::beyond(Some(this), 0).await.size() > 0);
    }
}
