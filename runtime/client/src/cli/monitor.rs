//! `mcp-lambda monitor`.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use tokio::sync::Notify;

use super::{
    args::{MonitorArgs, Output},
    client,
    dashboard::{Dashboard, Style, changes, extras, figures},
    failure::Failure,
    output,
    signals::Signals,
};
use crate::{
    aws,
    check::Target,
    clock,
    monitor::{Endpoint, Monitor, Round, Rules, Watched, watch},
};

/// The most endpoints of one monitor.
const MOST: usize = 100;
/// The longest that one check may take.
const LONGEST: Duration = Duration::from_secs(60);

/// Watches endpoints until the rounds are over, or a signal comes.
pub(super) async fn run(args: MonitorArgs) -> Result<(), Failure> {
    let rules = match &args.alert_config {
        Some(file) => rules(file)?,
        None => Rules::default(),
    };
    let endpoints = args.urls.iter().map(|url| endpoint(url, &args)).collect::<Result<Vec<_>, _>>()?;
    if endpoints.len() > MOST {
        return Err(Failure::usage(format!("{} endpoints, and {MOST} at most are watched", endpoints.len())));
    }
    let first = client::remote(&args.urls[0], &args.options)?;
    let monitor = Monitor {
        interval: args.interval,
        window: args.window,
        rounds: args.rounds,
        rules,
        remote: Some(Arc::new(first)),
        ..Monitor::default()
    };
    let mut view = View::of(&args);
    let mut signals = Signals::new()?;
    // A reader that has gone, as `head` goes, ends the watch.
    let gone = Notify::new();
    let seen = |round: &Round<'_>| {
        if view.show(round).is_err() {
            gone.notify_one();
        }
    };
    let stop = async {
        tokio::select! {
            () = signals.next() => {}
            () = gone.notified() => {}
        }
    };
    let watched = watch(endpoints, monitor, seen, stop).await;
    drop(view);
    summary(&watched, args.output)?;
    verdict(&watched)
}

/// 2 if an endpoint has never answered, 1 if one is down at the end or an alert is on, else 0.
fn verdict(watched: &[Watched]) -> Result<(), Failure> {
    let never = |one: &&Watched| one.window.checks() > 0 && one.window.checks() == one.window.failures();
    if let Some(one) = watched.iter().find(never) {
        let why = one.window.last().and_then(|sample| sample.failure.clone()).unwrap_or_default();
        return Err(Failure::unreachable(format!("{}: {why}", one.name)));
    }
    let is_down = |one: &Watched| one.window.last().is_some_and(|sample| sample.failure.is_some());
    if watched.iter().any(|one| !one.alerts.is_empty() || is_down(one)) {
        return Err(Failure::refused(""));
    }
    Ok(())
}

fn rules(file: &Path) -> Result<Rules, Failure> {
    let wrong = |why: String| Failure::usage(format!("--alert-config {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    Rules::read(&text).map_err(|error| wrong(error.to_string()))
}

fn endpoint(url: &str, args: &MonitorArgs) -> Result<Endpoint, Failure> {
    let remote = client::remote(url, &args.options)?;
    let http = Arc::new(remote.clone().http()?);
    let mut target = Target::new(http.clone(), http.url()).map_err(Failure::usage)?;
    if let Some(token) = &args.options.bearer_token {
        target = target.token(token);
    }
    let name = remote.address().to_string();
    let mut endpoint = Endpoint::new(target).named(name).timeout(args.options.timeout.min(LONGEST));
    if args.publish_tool {
        endpoint = endpoint.publish_with_tool();
    }
    if let Some(topic) = &args.topic {
        if aws::region_of_topic(topic).is_none() {
            return Err(Failure::usage(format!("--topic {topic:?}: expected the ARN of an SNS topic")));
        }
        endpoint = endpoint.publish_to_topic(topic, remote);
    }
    if args.tasks {
        endpoint = endpoint.count_tasks();
    }
    Ok(endpoint)
}

/// How rounds are shown.
enum View {
    Screen(Dashboard),
    Lines,
    Json,
}

impl View {
    fn of(args: &MonitorArgs) -> Self {
        match args.output {
            Output::Json => Self::Json,
            Output::Text if args.plain || !io::stdout().is_terminal() => Self::Lines,
            Output::Text => {
                // Another screen, without a cursor: what was on the terminal comes back at the end.
                let _ = write!(io::stdout(), "\u{1b}[?1049h\u{1b}[?25l");
                let colours = args.no_color.as_deref().is_none_or(str::is_empty);
                Self::Screen(Dashboard::new(args.interval, Style { colours }))
            }
        }
    }

    fn show(&mut self, round: &Round<'_>) -> io::Result<()> {
        let text = match self {
            Self::Screen(dashboard) => screen(&dashboard.lines(round, &time(), width())),
            Self::Lines => lines(round).iter().map(|line| format!("{line}\n")).collect(),
            Self::Json => objects(round).iter().map(|object| format!("{object}\n")).collect(),
        };
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size()?;
    Some((usize::from(width.0), usize::from(height.0)))
}

fn width() -> usize {
    size().map_or(80, |(width, _)| width)
}

/// Lines from the top of the screen, as many as there is room for, and nothing below.
fn screen(lines: &[String]) -> String {
    let height = size().map_or(24, |(_, height)| height);
    let shown = lines.iter().take(height.saturating_sub(1));
    let lines: String = shown.map(|line| format!("{line}\u{1b}[K\r\n")).collect();
    format!("\u{1b}[H{lines}\u{1b}[J")
}

impl Drop for View {
    fn drop(&mut self) {
        if matches!(self, Self::Screen(_)) {
            let _ = write!(io::stdout(), "\u{1b}[?25h\u{1b}[?1049l");
            let _ = io::stdout().flush();
        }
    }
}

/// The time of day, in UTC.
fn time() -> String {
    let date = httpdate::fmt_http_date(clock::now());
    date.split(' ').nth(4).unwrap_or_default().to_owned()
}

/// A line for each endpoint, and one for each alert.
fn lines(round: &Round<'_>) -> Vec<String> {
    let time = time();
    let mut lines = Vec::new();
    for one in round.watched {
        let Some(last) = one.window.last() else { continue };
        let state = match &last.failure {
            None => "up  ".to_owned(),
            Some(why) => format!("down ({why})"),
        };
        let latency = last.latency_ms.map(|value| format!("   {value:.1} ms")).unwrap_or_default();
        let (figures, extras) = (figures(&one.window), extras(last, &one.window));
        lines.push(
            format!("{time}  {state} {}{latency}   {figures}   {extras}", one.name).trim_end().to_owned(),
        );
        let changes = changes(last);
        if !changes.is_empty() {
            lines.push(format!("{time}  tools of {}: {changes}", one.name));
        }
    }
    lines.extend(round.alerts.iter().map(|alert| format!("{time}  alert {}: {}", alert.state, alert.text)));
    lines.extend(round.unheard.iter().map(|why| format!("{time}  not heard: {why}")));
    lines
}

/// The same as JSON, one object on a line.
fn objects(round: &Round<'_>) -> Vec<String> {
    let sample = |one: &Watched| {
        let mut object = json!(one.window.last());
        object["endpoint"] = json!(one.name);
        object["round"] = json!(round.number);
        object.to_string()
    };
    let mut objects: Vec<String> = round.watched.iter().map(sample).collect();
    objects.extend(round.alerts.iter().map(|alert| json!(alert).to_string()));
    objects.extend(round.unheard.iter().map(|why| json!({ "unheard": why }).to_string()));
    objects
}

/// The end: what was found of each endpoint.
fn summary(watched: &[Watched], output: Output) -> Result<(), Failure> {
    for one in watched {
        let window = &one.window;
        let line = match output {
            Output::Text => format!("{}   {}   {} alerts on", one.name, figures(window), one.alerts.len()),
            Output::Json => json!({ "summary": {
                "endpoint": one.name, "checks": window.checks(), "failures": window.failures(),
                "availability": window.availability(), "latency_p50_ms": window.latency(0.5),
                "latency_p95_ms": window.latency(0.95), "latency_p99_ms": window.latency(0.99),
                "event_lag_p50_ms": window.event_lag(0.5), "alerts": one.alerts,
            } })
            .to_string(),
        };
        output::line(&line)?;
    }
    Ok(())
}
