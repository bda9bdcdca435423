//! Measures Lambda functions by the Runtime API they speak.
//!
//! The driver is the Runtime API: it starts each target as Lambda would, hands it Function URL events and takes the
//! time of every byte. `scripts/bench` builds the targets and runs it; docs/performance.md says what the numbers mean.

mod clock;
mod connection;
mod cpus;
mod environment;
mod event;
mod measure;
mod report;
mod stats;

use std::{
    error::Error,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use crate::{
    connection::Acknowledge,
    cpus::Cpus,
    environment::{Kind, Target},
    measure::{Extent, timed},
    report::{Measured, Report},
};

/// Compares our server on Lambda with a hello world and with rmcp's own HTTP service.
#[derive(Parser)]
struct Arguments {
    /// The folder of the targets' binaries.
    #[arg(long, default_value = "target/release")]
    targets: PathBuf,
    /// Measures this binary too: another build of our server.
    #[arg(long, value_name = "LABEL=PATH")]
    also: Vec<String>,
    /// Fewer rounds: enough for a check, and for large differences.
    #[arg(long)]
    quick: bool,
    /// Only cold starts and warm calls, which the ratios need.
    #[arg(long)]
    brief: bool,
    /// The CPU of the functions and that of the driver, or `free`.
    #[arg(long, default_value = "1,0")]
    cpus: String,
    /// The file of the results.
    #[arg(long, default_value = "out/bench.json")]
    out: PathBuf,
    /// Shows what the functions log.
    #[arg(long)]
    logs: bool,
}

/// The limits of our server's stripped binary, without and with the checks of arguments, of which 5.4 MB are
/// `jsonschema`. Raising one needs a reason: they were 6.2 and 11.6 before tasks, the observation of requests and the entry
/// points of AgentCore.
const SIZE_BUDGET_MB: f64 = 8.0;
const SIZE_BUDGET_WITH_CHECKS_MB: f64 = 13.4;

const HELLO_DEFAULT: usize = 0;
const HELLO_CURRENT: usize = 1;
const RMCP_DEFAULT: usize = 2;
const RMCP_CURRENT: usize = 3;
const OURS: usize = 4;
const OURS_WITHOUT_CHECKS: usize = 5;
const OURS_DYNAMODB: usize = 6;
const OURS_METRICS: usize = 7;
const OURS_OTEL: usize = 8;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("bench: a limit was missed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("    {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let cpus: Cpus = arguments.cpus.parse()?;
    cpus.driver()?;
    let folder = arguments.out.with_extension("targets");
    let targets = copied(targets(arguments)?, &folder)?;
    let mcp: Vec<_> = targets.iter().filter(|target| target.kind == Kind::Mcp).cloned().collect();
    let rounds = if arguments.quick { 12 } else { 60 };
    let full = Extent { rounds, block: 100, cpus };
    // A start gives one sample.
    let starts = Extent { rounds: rounds * 5, ..full };
    // Calls that wait 40 ms for an acknowledgement, or 15 ms in a tool, are repeated less often.
    let short = Extent { rounds: rounds / 4, block: 20, cpus };
    let echo = event::echo();

    let cold = timed("cold starts", || measure::cold(&targets, &echo, starts))?;
    let warm = timed("warm calls", || measure::warm(&targets, &echo, Acknowledge::AtOnce, full))?;
    let kernel = match arguments.brief {
        true => Vec::new(),
        false => timed("kernel acks", || measure::warm(&targets, &echo, Acknowledge::Kernel, short))?,
    };
    let measured = Measured { targets: &targets, cold: &cold, warm: &warm, kernel: &kernel };
    let mut report = Report::new(arguments.cpus.clone(), &measured, HELLO_CURRENT)?;
    if !arguments.brief {
        let delays = timed("progress", || measure::progress(&mcp, short))?;
        report.progress(&mcp, &delays);
        for event in event::others() {
            let some = Extent { rounds: rounds / 4, ..full };
            let warm = timed(event.name, || measure::warm(&mcp, &event, Acknowledge::AtOnce, some))?;
            report.call(event.name, &mcp, &warm);
        }
    }
    report.compare(&measured, OURS, HELLO_CURRENT, [Some(1.35), Some(1.45)]);
    report.compare(&measured, OURS, HELLO_DEFAULT, [Some(1.0), None]);
    report.compare(&measured, OURS, RMCP_DEFAULT, [Some(1.0), None]);
    report.compare(&measured, OURS, RMCP_CURRENT, [Some(1.0), None]);
    // rmcp's service checks no argument against its schema, so cold starts compare without the checks. On one thread,
    // which is not its default, it also has no logger.
    report.compare(&measured, OURS_WITHOUT_CHECKS, HELLO_CURRENT, [Some(1.35), Some(1.25)]);
    report.compare(&measured, OURS_WITHOUT_CHECKS, RMCP_DEFAULT, [Some(1.0), Some(1.05)]);
    report.compare(&measured, OURS_WITHOUT_CHECKS, RMCP_CURRENT, [Some(1.0), Some(1.2)]);
    report.compare(&measured, OURS_DYNAMODB, HELLO_CURRENT, [None, Some(1.65)]);
    // A call writes one more line. OpenTelemetry without an endpoint does nothing.
    report.compare(&measured, OURS_METRICS, OURS, [Some(1.05), Some(1.05)]);
    report.compare(&measured, OURS_OTEL, OURS, [Some(1.05), Some(1.1)]);
    report.budget(OURS, SIZE_BUDGET_WITH_CHECKS_MB);
    report.budget(OURS_WITHOUT_CHECKS, SIZE_BUDGET_MB);
    print!("{}", report.table());
    report.save(&arguments.out)?;
    Ok(report.is_met())
}

/// Runs copies: the page cache keeps a file in the pieces it was written in, and a linker's are smaller than others.
fn copied(mut targets: Vec<Target>, folder: &Path) -> Result<Vec<Target>, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (at, target) in targets.iter_mut().enumerate() {
        let copy = folder.join(at.to_string());
        let written = fs::read(&target.binary).and_then(|bytes| {
            let _ = fs::remove_file(&copy);
            fs::write(&copy, bytes)?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))
        });
        written.map_err(|error| format!("{}: {error}", target.binary.display()))?;
        target.binary = copy;
    }
    Ok(targets)
}

fn targets(arguments: &Arguments) -> Result<Vec<Target>, String> {
    let target = |label: &str, binary: PathBuf, argument, kind| Target {
        label: label.to_owned(),
        binary,
        argument,
        kind,
        tables: false,
        logs: arguments.logs,
    };
    let built = |name: &str| arguments.targets.join(name);
    let (default, current) = (Some("default"), Some("current-thread"));
    let mut targets = vec![
        target("hello, default runtime", built("bench-hello"), default, Kind::Hello),
        target("hello, current-thread", built("bench-hello"), current, Kind::Hello),
        target("rmcp, default runtime", built("bench-rmcp-service"), default, Kind::Mcp),
        target("rmcp, current-thread", built("bench-rmcp-service"), current, Kind::Mcp),
        target("ours", built("bench-server"), None, Kind::Mcp),
        target("ours, without argument checks", built("bench-server-without-checks"), None, Kind::Mcp),
        Target { tables: true, ..target("ours, DynamoDB", built("bench-server-dynamodb"), None, Kind::Mcp) },
        target("ours, with metrics", built("bench-server-metrics"), None, Kind::Mcp),
        target("ours, with otel", built("bench-server-otel"), None, Kind::Mcp),
    ];
    for also in &arguments.also {
        let (label, path) =
            also.split_once('=').ok_or_else(|| format!("--also {also}: expected LABEL=PATH"))?;
        targets.push(target(label, path.into(), None, Kind::Mcp));
    }
    Ok(targets)
}
