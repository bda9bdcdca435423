//! Lines of the log that are equal.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often equal lines are written.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many different lines are counted separately.
const LINES: usize = 64;

/// Counts equal lines, and writes each at most once a second: callers must not be able to fill the log.
#[derive(Debug, Default)]
pub(crate) struct Repeated(Mutex<HashMap<String, Line>>);

#[derive(Debug)]
struct Line {
    written: Instant,
    /// How often it was not written since.
    left_out: u64,
}

impl Repeated {
    /// Writes a line, unless an equal one was written in the last second. `write` takes how many lines it stands for.
    pub(crate) fn log(&self, line: &str, write: impl FnOnce(u64)) {
        if let Some(count) = self.count(line, Instant::now()) {
            write(count);
        }
    }

    fn count(&self, line: &str, now: Instant) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !lines.contains_key(line) && lines.len() >= LINES {
            lines.retain(|_, line| now - line.written < INTERVAL);
        }
        // Callers can invent lines: when there are too many in a second, all others count as one.
        let line = if lines.len() < LINES || lines.contains_key(line) { line } else { "" };
        let Some(known) = lines.get_mut(line) else {
            lines.insert(line.to_owned(), Line { written: now, left_out: 0 });
            return Some(1);
        };
        if now - known.written < INTERVAL {
            known.left_out += 1;
            return None;
        }
        known.written = now;
        Some(1 + std::mem::take(&mut known.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_are_written_once_a_second_with_their_count() {
        let (repeated, start) = (Repeated::default(), Instant::now());
        let after = |millis| start + Duration::from_millis(millis);
        assert_eq!(repeated.count("one", start), Some(1));
        assert_eq!(repeated.count("two", start), Some(1));
        for at in 1..500 {
            assert_eq!(repeated.count("one", after(at)), None);
        }
        assert_eq!(repeated.count("one", after(1000)), Some(500));
        assert_eq!(repeated.count("one", after(1001)), None);
        assert_eq!(repeated.count("one", after(5000)), Some(2));
        assert_eq!(repeated.count("one", after(9000)), Some(1));
    }

    #[test]
    fn lines_that_a_caller_invents_take_no_more_room_than_others() {
        let (repeated, start) = (Repeated::default(), Instant::now());
        let written = (0..10_000).filter(|n| repeated.count(&format!("line {n}"), start).is_some()).count();
        assert_eq!(written, LINES + 1);
        assert!(repeated.0.lock().expect("no panic").len() <= LINES + 1);
        assert_eq!(repeated.count("late", start + INTERVAL), Some(1));
    }
}
