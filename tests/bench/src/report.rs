//! The results: as a table for readers, as JSON for scripts, and the limits that they must keep.

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
    limits: Vec<Limit>,
}

/// The results of one target. Times are in microseconds, sizes in bytes.
#[derive(Serialize)]
struct Row {
    target: String,
    size: u64,
    rss: u64,
    init: Summary,
    /// The ratio to the baseline.
    init_ratio: f64,
    first: Summary,
    warm: Summary,
    /// The ratio to the baseline.
    warm_ratio: f64,
    cpu: Summary,
    kernel_acks: Option<KernelAcks>,
}

/// Answers where the kernel chooses when to acknowledge.
#[derive(Serialize)]
struct KernelAcks {
    latency: Summary,
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

/// The limits of the results.
#[derive(Serialize)]
struct Limit {
    what: &'static str,
    of: String,
    to: String,
    is: f64,
    at_most: f64,
}

impl Limit {
    fn is_met(&self) -> bool {
        self.is <= self.at_most
    }
}

/// The measurements of all targets, in the order of the targets.
pub(crate) struct Measured<'a> {
    pub(crate) targets: &'a [Target],
    pub(crate) cold: &'a [Cold],
    pub(crate) warm: &'a [Warm],
    /// None of them in a brief run.
    pub(crate) kernel: &'a [Warm],
}

impl Report {
    /// The results, with `baseline` as the target that the ratios refer to.
    pub(crate) fn new(cpus: String, measured: &Measured<'_>, baseline: usize) -> io::Result<Self> {
        let rows = measured.targets.iter().enumerate().map(|(at, target)| {
            let (cold, warm) = (&measured.cold[at], &measured.warm[at]);
            let kernel_acks = measured.kernel.get(at).map(|kernel| KernelAcks {
                latency: kernel.latency.summary(),
                stalled: kernel.latency.share_from(STALL_MICROS),
            });
            Ok(Row {
                target: target.label.clone(),
                size: fs::metadata(&target.binary)?.len(),
                rss: warm.rss,
                init: cold.init.summary(),
                init_ratio: cold.init.ratio(&measured.cold[baseline].init),
                first: cold.first.summary(),
                warm: warm.latency.summary(),
                warm_ratio: warm.latency.ratio(&measured.warm[baseline].latency),
                cpu: warm.cpu.summary(),
                kernel_acks,
            })
        });
        Ok(Self {
            machine: machine(),
            cpus,
            targets: rows.collect::<io::Result<_>>()?,
            progress: Vec::new(),
            other_calls: Vec::new(),
            limits: Vec::new(),
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

    /// Limits the ratios of two targets: of their warm p50 and of their cold init.
    pub(crate) fn compare(
        &mut self,
        measured: &Measured<'_>,
        of: usize,
        to: usize,
        limits: [Option<f64>; 2],
    ) {
        let label = |at: usize| measured.targets[at].label.clone();
        let warm = measured.warm[of].latency.ratio(&measured.warm[to].latency);
        let cold = measured.cold[of].init.ratio(&measured.cold[to].init);
        for (what, is, limit) in [("warm p50", warm, limits[0]), ("cold init", cold, limits[1])] {
            if let Some(at_most) = limit {
                self.limits.push(Limit { what, of: label(of), to: label(to), is, at_most });
            }
        }
    }

    /// Holds the size of a target's binary, in MB, to a budget.
    pub(crate) fn budget(&mut self, target: usize, at_most: f64) {
        let Some(row) = self.targets.get(target) else { return };
        let is = megabytes(row.size);
        self.limits.push(Limit {
            what: "size, MB",
            of: row.target.clone(),
            to: "budget".into(),
            is,
            at_most,
        });
    }

    pub(crate) fn is_met(&self) -> bool {
        self.limits.iter().all(Limit::is_met)
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
        line(
            out,
            "| target | size MB | RSS MB | init ms | x | first ms | warm p50 us | x | p99 us | CPU us |",
        );
        line(out, &format!("{}|", "|---".repeat(10)));
        for row in &self.targets {
            line(
                out,
                &cells(&[
                    &row.target,
                    &format!("{:.2}", megabytes(row.size)),
                    &format!("{:.1}", megabytes(row.rss)),
                    &format!("{:.2}", row.init.p50 / 1e3),
                    &format!("{:.2}", row.init_ratio),
                    &format!("{:.2}", row.first.p50 / 1e3),
                    &format!("{:.0}", row.warm.p50),
                    &format!("{:.2}", row.warm_ratio),
                    &format!("{:.0}", row.warm.p99),
                    &format!("{:.0}", row.cpu.p50),
                ]),
            );
        }
    }

    fn details(&self, out: &mut String) {
        if self.progress.is_empty() {
            return;
        }
        line(out, "\n| warm, kernel's acknowledgements | p50 us | p99 us | stalled |\n|---|---|---|---|");
        for row in &self.targets {
            let Some(acks) = &row.kernel_acks else { continue };
            let (p50, p99) = (format!("{:.0}", acks.latency.p50), format!("{:.0}", acks.latency.p99));
            line(out, &cells(&[&row.target, &p50, &p99, &format!("{:.0} %", acks.stalled * 100.0)]));
        }
        line(out, "\n| progress: sent to received | p50 us | p99 us |\n|---|---|---|");
        for row in &self.progress {
            line(
                out,
                &cells(&[&row.target, &format!("{:.0}", row.delay.p50), &format!("{:.0}", row.delay.p99)]),
            );
        }
        line(out, "\n| call | target | p50 us | p99 us |\n|---|---|---|---|");
        for row in &self.other_calls {
            let (p50, p99) = (format!("{:.0}", row.latency.p50), format!("{:.0}", row.latency.p99));
            line(out, &cells(&[row.call, &row.target, &p50, &p99]));
        }
    }

    fn verdict(&self, out: &mut String) {
        line(out, "\n| limit | of | to | is | at most | |\n|---|---|---|---|---|---|");
        for row in &self.limits {
            let (is, limit) = (format!("{:.2}", row.is), format!("{:.2}", row.at_most));
            let verdict = if row.is_met() { "met" } else { "MISSED" };
            line(out, &cells(&[row.what, &row.of, &row.to, &is, &limit, verdict]));
        }
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
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
    format!(
        "{cpus} vCPU {} {}, {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        model.trim_start_matches(['\t', ':', ' '])
    )
}
