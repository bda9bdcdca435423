//! Where lines of metrics go: the standard output, which Lambda passes to the log of the function.

use std::{fs::File, io::Write, time::Duration};

use tracing_subscriber::fmt::MakeWriter;

use super::{logs::standard_output, writer::LogWriter};

/// How long [`MetricLines::flush`] waits for lines that have no reader.
const FLUSH: Duration = Duration::from_millis(100);

/// Writes lines of metrics, each in one piece, and never waits for their reader. Clones share it.
#[derive(Clone)]
pub(crate) struct MetricLines(LogWriter);

impl MetricLines {
    /// Lines on the standard output. `None`: the process has none.
    pub(crate) fn on_standard_output() -> Option<Self> {
        let file: File = standard_output().ok()?;
        Some(Self(LogWriter::new(file, notice)))
    }

    pub(crate) fn write(&self, line: &[u8]) {
        // The writer takes everything, or counts what it drops.
        let _ = self.0.make_writer().write_all(line);
    }

    /// Waits until the lines are written, up to 100 ms.
    pub(crate) async fn flush(&self) {
        self.0.flush(FLUSH).await;
    }
}

/// The line that says how many others were dropped.
fn notice(dropped: u64) -> Vec<u8> {
    let line = serde_json::json!({ "level": "WARN", "message": "lines of metrics were dropped", "dropped": dropped });
    format!("{line}\n").into_bytes()
}
