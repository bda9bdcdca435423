//! What a child writes to its standard error: lines of the log, the last of which explain its end.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{io::AsyncRead, time::Instant};

use super::lines::{Line, LineReader};

/// How many of the last lines are kept.
const KEPT: usize = 10;
/// The longest line, in bytes. The rest of a longer one is dropped.
const LONGEST: usize = 8 * 1024;
/// The longest line that an error of a call shows, in characters.
const SHOWN: usize = 300;

/// The last lines of a child.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(SHOWN).collect());
    }

    /// The last lines, oldest first.
    pub(crate) fn get(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// How many lines of a child the log takes: a burst, and then so many a second.
#[derive(Debug)]
pub(crate) struct LineRate {
    left: f64,
    at: Instant,
    dropped: u64,
}

const BURST: f64 = 200.0;
const PER_SECOND: f64 = 50.0;

impl LineRate {
    pub(crate) fn new() -> Self {
        Self { left: BURST, at: Instant::now(), dropped: 0 }
    }

    /// Whether a line is logged, and how many were not since the last one that was.
    pub(crate) fn takes(&mut self) -> Option<u64> {
        let now = Instant::now();
        let since = now.duration_since(self.at).min(Duration::from_secs(60));
        self.left = since.as_secs_f64().mul_add(PER_SECOND, self.left).min(BURST);
        self.at = now;
        if self.left < 1.0 {
            self.dropped += 1;
            return None;
        }
        self.left -= 1.0;
        Some(std::mem::take(&mut self.dropped))
    }
}

/// Reads the standard error of a child to its end.
pub(crate) async fn log(source: impl AsyncRead + Unpin, server: Arc<str>, last: LastLines) {
    let mut lines = LineReader::new(source, LONGEST);
    let mut rate = LineRate::new();
    while let Ok(Some(line)) = lines.next().await {
        let bytes = match &line {
            Line::Whole(line) => line,
            Line::TooLong(line) => &line.start,
        };
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        last.push(text);
        match rate.takes() {
            Some(0) => tracing::info!(server = &*server, stderr = text, "the server says"),
            Some(dropped) => tracing::info!(server = &*server, stderr = text, dropped, "the server says"),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_lines_is_counted_and_not_logged() {
        let mut rate = LineRate::new();
        let logged = (0..1000).filter(|_| rate.takes().is_some()).count();
        assert_eq!(logged, BURST as usize);
        advance(Duration::from_secs(1)).await;
        assert_eq!(rate.takes(), Some(800), "the lines that were dropped");
        assert_eq!(rate.takes(), Some(0));
    }

    #[tokio::test]
    async fn the_last_lines_are_kept() {
        let text: String = (0..30).map(|number| format!("line {number}\n")).collect();
        let last = LastLines::default();
        log(text.as_bytes(), "test".into(), last.clone()).await;
        let kept = last.get();
        assert_eq!((kept.len(), kept[0].as_str(), kept[KEPT - 1].as_str()), (KEPT, "line 20", "line 29"));
    }
}
