//! What `mcp-lambda monitor` shows on a terminal: one screen that is written again with each round.

use std::{fmt::Write, time::Duration};

use crate::monitor::{Round, Sample, Watched, Window};

/// How many lines about alerts and changes are kept.
const NEWS: usize = 8;
/// The levels of the small chart of latencies.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Styles of a terminal, or nothing where colours are not wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) colours: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn soft(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// The screen, and the last news on it.
#[derive(Debug)]
pub(super) struct Dashboard {
    style: Style,
    interval: Duration,
    news: Vec<String>,
}

impl Dashboard {
    pub(super) fn new(interval: Duration, style: Style) -> Self {
        Self { style, interval, news: Vec::new() }
    }

    /// The lines of the screen after a round, none longer than the terminal is wide.
    pub(super) fn lines(&mut self, round: &Round<'_>, time: &str, width: usize) -> Vec<String> {
        self.remember(round, time);
        let count = round.watched.len();
        let mut lines = vec![
            format!(
                "mcp-lambda monitor   {count} endpoint{}   every {} s   round {}   {time}   Ctrl-C ends",
                if count == 1 { "" } else { "s" },
                self.interval.as_secs_f32(),
                round.number
            ),
            String::new(),
        ];
        for watched in round.watched {
            lines.extend(self.endpoint(watched, width));
        }
        let on: Vec<_> = round.watched.iter().flat_map(|one| &one.alerts).collect();
        if !on.is_empty() {
            lines.push(self.style.bad("alerts"));
            lines.extend(on.iter().map(|alert| format!("  {}", alert.text)));
            lines.push(String::new());
        }
        if !self.news.is_empty() {
            lines.push("news".to_owned());
            lines.extend(self.news.iter().map(|line| self.style.soft(&format!("  {line}"))));
        }
        lines.iter().map(|line| cut(line, width)).collect()
    }

    fn remember(&mut self, round: &Round<'_>, time: &str) {
        for alert in round.alerts {
            self.news.push(format!("{time}  {}  {}", alert.state, alert.text));
        }
        for watched in round.watched {
            if let Some(changes) = watched.window.last().map(changes).filter(|text| !text.is_empty()) {
                self.news.push(format!("{time}  tools of {}: {changes}", watched.name));
            }
        }
        self.news.extend(round.unheard.iter().map(|line| format!("{time}  not heard: {line}")));
        let surplus = self.news.len().saturating_sub(NEWS);
        self.news.drain(..surplus);
    }

    fn endpoint(&self, watched: &Watched, width: usize) -> Vec<String> {
        let window = &watched.window;
        let Some(last) = window.last() else { return vec![watched.name.clone()] };
        let state = match &last.failure {
            None => self.style.good("up  "),
            Some(_) => self.style.bad("down"),
        };
        let mut lines = vec![format!("{state} {}", watched.name)];
        if let Some(why) = &last.failure {
            lines.push(format!("     {why}"));
        }
        lines.push(format!("     {}", figures(window)));
        let extras = extras(last, window);
        if !extras.is_empty() {
            lines.push(format!("     {extras}"));
        }
        lines.push(format!("     {}", chart(window, width.saturating_sub(6).min(60))));
        lines.push(String::new());
        lines
    }
}

/// Availability and latencies in one line.
pub(super) fn figures(window: &Window) -> String {
    let share = window.availability().map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %"));
    let mut text = format!("available {share}   ");
    for (name, at) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let value = window.latency(at).map_or_else(|| "-".to_owned(), milliseconds);
        let _ = write!(text, "{name} {value}   ");
    }
    let _ = write!(text, "{} of {} checks failed", window.failures(), window.checks());
    text
}

/// Tools, event lag, tasks and the end of token or certificate, as far as they are known.
pub(super) fn extras(last: &Sample, window: &Window) -> String {
    let mut parts = Vec::new();
    parts.extend(last.tools.map(|count| format!("{count} tools")));
    if let Some(lag) = last.event_lag_ms {
        let median = window.event_lag(0.5).unwrap_or(lag);
        parts.push(format!("event lag {} (p50 {})", milliseconds(lag), milliseconds(median)));
    }
    parts.extend(last.event_failure.iter().map(|why| format!("no event: {why}")));
    if !last.tasks.is_empty() {
        let counts: Vec<String> =
            last.tasks.iter().map(|(status, count)| format!("{count} {status}")).collect();
        parts.push(format!("tasks: {}", counts.join(", ")));
    }
    parts.extend(last.expires_in_s.map(ends));
    parts.join("   ")
}

pub(super) fn changes(sample: &Sample) -> String {
    sample.changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn ends(seconds: f64) -> String {
    match seconds {
        past if past <= 0.0 => "expired".to_owned(),
        short if short < 120.0 => format!("expires in {short:.0} s"),
        minutes if minutes < 7200.0 => format!("expires in {:.0} min", minutes / 60.0),
        hours => format!("expires in {:.0} h", hours / 3600.0),
    }
}

fn milliseconds(value: f64) -> String {
    match value {
        short if short < 10.0 => format!("{short:.1} ms"),
        value if value < 10_000.0 => format!("{value:.0} ms"),
        long => format!("{:.1} s", long / 1000.0),
    }
}

/// The last latencies as bars, and `x` for checks that failed.
fn chart(window: &Window, width: usize) -> String {
    let largest = window.latency(1.0).unwrap_or(0.0).max(f64::MIN_POSITIVE);
    let bar = |sample: &Sample| match sample.latency_ms {
        None => 'x',
        Some(latency) => BARS[((latency / largest * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    let mut bars: Vec<char> = window.samples().rev().take(width).map(bar).collect();
    bars.reverse();
    bars.into_iter().collect()
}

/// A line of at most so many characters. Sequences of styles take no room; text of servers has none, as control
/// characters in it are replaced.
fn cut(line: &str, width: usize) -> String {
    let (mut text, mut room, mut is_style) = (String::new(), width, false);
    for character in line.chars() {
        if is_style || character == '\u{1b}' {
            is_style = character != 'm';
            text.push(character);
            continue;
        }
        if room > 0 {
            text.push(if character.is_control() { '\u{fffd}' } else { character });
            room -= 1;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(samples: Vec<Sample>) -> Window {
        let mut window = Window::new(10);
        samples.into_iter().for_each(|sample| window.push(sample));
        window
    }

    fn up(latency: f64) -> Sample {
        Sample { latency_ms: Some(latency), tools: Some(2), ..Sample::default() }
    }

    #[test]
    fn the_chart_has_a_bar_for_each_success_and_a_cross_for_each_failure() {
        let failed = Sample { failure: Some("away".into()), ..Sample::default() };
        assert_eq!(chart(&window(vec![up(1.0), failed, up(8.0), up(4.0)]), 10), "▁x█▄");
        assert_eq!(chart(&window(vec![up(1.0), up(8.0), up(4.0)]), 2), "█▄", "the last ones");
        assert_eq!(chart(&window(vec![]), 10), "");
    }

    #[test]
    fn figures_are_in_units_that_can_be_read() {
        let line = figures(&window(vec![up(1.25), up(850.0), up(12_500.0)]));
        assert_eq!(line, "available 100.0 %   p50 850 ms   p95 12.5 s   p99 12.5 s   0 of 3 checks failed");
        assert_eq!((ends(-1.0), ends(90.0)), ("expired".into(), "expires in 90 s".into()));
        assert_eq!((ends(600.0), ends(86_400.0)), ("expires in 10 min".into(), "expires in 24 h".into()));
    }

    #[test]
    fn a_line_is_cut_by_what_is_seen_and_a_server_writes_no_sequences_of_the_terminal() {
        let style = Style { colours: true };
        let line = format!("{} abc", style.good("up"));
        assert_eq!(cut(&line, 4), "\u{1b}[32mup\u{1b}[0m a");
        assert_eq!(cut("a\u{7}b\u{9b}c", 10), "a\u{fffd}b\u{fffd}c");
    }
}
