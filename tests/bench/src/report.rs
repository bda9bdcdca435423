//! What was measured: as a table for people, as JSON for scripts, and whether it is good enough.

use std::{fmt::Write as _, fs, io};

use serde::Serialize;

use crate::{
    environment::Target,
    measure::{Cold, Warm},
    stats::{Series, Summary},
};

/// An acknowledgement the kernel held back takes 40 ms and more; nothing else here takes that long.
const STALL_MICROS: f64 = 35_000.0;

#[derive(Serialize)]
pub(crate) struct Report {
    machine: String,
    cpus: String,
    targets: Vec<Row>,
    progress: Vec<Named>,
    other_calls: Vec<Call>,
    ratios: Vec<Ratio>,
}

/// All about one target. Times are in microseconds, sizes in bytes.
#[derive(Serialize)]
struct Row {
    target: String,
    size: u64,
    rss: u64,
    init: Summary,
    first: Summary,
    warm: Summary,
    cpu: Summary,
    kernel_acks: Summary,
    /// The share of answers that waited for an acknowledgement.
    stalled: f64,
}

#[derive(Serialize)]
struct Named {
    target: String,
    delay: Summary,
}

#[derive(Serialize)]
struct Call {
    call: &'static str,
    target: String,
    latency: Summary,
}

/// A comparison that must come out well.
#[derive(Serialize)]
struct Ratio {
    what: &'static str,
    of: String,
    to: String,
    ratio: f64,
    at_most: f64,
}

impl Ratio {
    fn is_met(&self) -> bool {
        self.ratio <= self.at_most
    }
}

/// The measurements of all targets, in the order of the targets.
pub(crate) struct Measured<'a> {
    pub(crate) targets: &'a [Target],
    pub(crate) cold: &'a [Cold],
    pub(crate) warm: &'a [Warm],
    pub(crate) kernel: &'a [Warm],
}

impl Report {
    pub(crate) fn new(cpus: String, measured: &Measured<'_>) -> io::Result<Self> {
        let rows = measured.targets.iter().enumerate().map(|(at, target)| {
            let (cold, warm, kernel) = (&measured.cold[at], &measured.warm[at], &measured.kernel[at]);
            Ok(Row {
                target: target.label.clone(),
                size: fs::metadata(&target.binary)?.len(),
                rss: warm.rss,
                init: cold.init.summary(),
                first: cold.first.summary(),
                warm: warm.latency.summary(),
                cpu: warm.cpu.summary(),
                kernel_acks: kernel.latency.summary(),
                stalled: kernel.latency.share_from(STALL_MICROS),
            })
        });
        Ok(Self {
            machine: machine(),
            cpus,
            targets: rows.collect::<io::Result<_>>()?,
            progress: Vec::new(),
            other_calls: Vec::new(),
            ratios: Vec::new(),
        })
    }

    pub(crate) fn progress(&mut self, targets: &[Target], delays: &[Series]) {
        let named = |(target, delay): (&Target, &Series)| Named {
            target: target.label.clone(),
            delay: delay.summary(),
        };
        self.progress = targets.iter().zip(delays).map(named).collect();
    }

    pub(crate) fn call(&mut self, call: &'static str, targets: &[Target], warm: &[Warm]) {
        let named = |(target, warm): (&Target, &Warm)| Call {
            call,
            target: target.label.clone(),
            latency: warm.latency.summary(),
        };
        self.other_calls.extend(targets.iter().zip(warm).map(named));
    }

    /// Compares two targets. `limits` are those of warm p50 and of cold init.
    pub(crate) fn compare(&mut self, measured: &Measured<'_>, of: usize, to: usize, limits: [Option<f64>; 2]) {
        let label = |at: usize| measured.targets[at].label.clone();
        let warm = measured.warm[of].latency.ratio(&measured.warm[to].latency);
        let cold = measured.cold[of].init.ratio(&measured.cold[to].init);
        for (what, ratio, limit) in [("warm p50", warm, limits[0]), ("cold init", cold, limits[1])] {
            if let Some(at_most) = limit {
                self.ratios.push(Ratio { what, of: label(of), to: label(to), ratio, at_most });
            }
        }
    }

    pub(crate) fn is_met(&self) -> bool {
        self.ratios.iter().all(Ratio::is_met)
    }

    pub(crate) fn save(&self, path: &std::path::Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, serde_json::to_vec_pretty(self)?)
    }

    /// Markdown, so that it reads the same in a terminal and in docs/performance.md.
    pub(crate) fn table(&self) -> String {
        let mut out = format!("{}; CPUs {}\n\n", self.machine, self.cpus);
        self.targets(&mut out);
        self.details(&mut out);
        self.verdict(&mut out);
        out
    }

    fn targets(&self, out: &mut String) {
        line(out, &cells(&[
            "target", "size MB", "RSS MB", "init ms", "first ms", "warm p50 us", "p99 us", "CPU us", "kernel acks p50 us",
            "p99 us", "stalled",
        ]));
        line(out, &"|---".repeat(11));
        for row in &self.targets {
            line(out, &cells(&[
                &row.target,
                &format!("{:.2}", row.size as f64 / 1e6),
                &format!("{:.1}", row.rss as f64 / 1e6),
                &format!("{:.2}", row.init.p50 / 1e3),
                &format!("{:.2}", row.first.p50 / 1e3),
                &format!("{:.0}", row.warm.p50),
                &format!("{:.0}", row.warm.p99),
                &format!("{:.0}", row.cpu.p50),
                &format!("{:.0}", row.kernel_acks.p50),
                &format!("{:.0}", row.kernel_acks.p99),
                &format!("{:.0} %", row.stalled * 100.0),
            ]));
        }
    }

    fn details(&self, out: &mut String) {
        line(out, "\n| progress: sent to received | p50 us | p99 us |\n|---|---|---|");
        for row in &self.progress {
            line(out, &cells(&[&row.target, &format!("{:.0}", row.delay.p50), &format!("{:.0}", row.delay.p99)]));
        }
        line(out, "\n| call | target | p50 us | p99 us |\n|---|---|---|---|");
        for row in &self.other_calls {
            let (p50, p99) = (format!("{:.0}", row.latency.p50), format!("{:.0}", row.latency.p99));
            line(out, &cells(&[row.call, &row.target, &p50, &p99]));
        }
    }

    fn verdict(&self, out: &mut String) {
        line(out, "\n| ratio | | to | is | at most | |\n|---|---|---|---|---|---|");
        for row in &self.ratios {
            let (ratio, limit) = (format!("{:.2}", row.ratio), format!("{:.2}", row.at_most));
            let verdict = if row.is_met() { "met" } else { "MISSED" };
            line(out, &cells(&[row.what, &row.of, &row.to, &ratio, &limit, verdict]));
        }
    }
}

fn line(out: &mut String, text: &str) {
    // A String takes every write.
    let _ = writeln!(out, "{text}");
}

fn cells(cells: &[&str]) -> String {
    format!("| {} |", cells.join(" | "))
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpus = info.lines().filter(|line| line.starts_with("processor")).count();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    format!("{cpus} vCPU {} {}, {}", std::env::consts::OS, std::env::consts::ARCH, model.trim_start_matches(['\t', ':', ' ']))
}
