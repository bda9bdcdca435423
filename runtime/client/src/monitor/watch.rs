//! The rounds of a monitor.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    alert::{Alert, Apis},
    endpoint::Endpoint,
    notice::Notice,
    rules::{Rule, Rules, Standing, Turn},
    sample::Sample,
    window::Window,
};

/// How, and how long, endpoints are watched.
#[derive(Debug, Clone)]
pub struct Monitor {
    /// The time between two checks of an endpoint. Default: 30 seconds.
    pub interval: Duration,
    /// How many checks the figures are of. Default: 60.
    pub window: usize,
    /// How many rounds of checks there are. Default: `None`, until `stop` is ready.
    pub rounds: Option<u64>,
    /// The rules. Default: none.
    pub rules: Rules,
    /// The AWS credentials for alerts to topics. Default: `None`, and topics hear of no alert.
    pub remote: Option<Arc<crate::Remote>>,
    /// How long a command or a topic may take to hear of an alert. Default: 10 seconds.
    pub patience: Duration,
}

impl Default for Monitor {
    fn default() -> Self {
        let interval = Duration::from_secs(30);
        let patience = Duration::from_secs(10);
        Self { interval, window: 60, rounds: None, rules: Rules::default(), remote: None, patience }
    }
}

/// An endpoint, and what was found so far.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The name of the endpoint.
    pub name: String,
    /// Its last samples.
    pub window: Window,
    /// The alerts that are on.
    pub alerts: Vec<Alert>,
    standings: Vec<Standing>,
}

/// What a round of checks found.
#[derive(Debug)]
pub struct Round<'a> {
    /// Its number, beginning with 1.
    pub number: u64,
    /// All endpoints, in the order in which they were given.
    pub watched: &'a [Watched],
    /// The alerts that began or ended with this round.
    pub alerts: &'a [Alert],
    /// Why commands or topics have not heard of them.
    pub unheard: &'a [String],
}

/// Checks endpoints in an interval until `stop` is ready, and calls `seen` after each round. All endpoints are checked at the
/// same time; a round begins when the one before it has ended, even if that took longer than the interval.
pub async fn watch(
    mut endpoints: Vec<Endpoint>,
    monitor: Monitor,
    mut seen: impl FnMut(&Round<'_>),
    stop: impl Future<Output = ()>,
) -> Vec<Watched> {
    let mut stop = pin!(stop);
    let mut watched: Vec<Watched> =
        endpoints.iter().map(|endpoint| Watched::new(endpoint, &monitor)).collect();
    let mut ticks = interval_at(Instant::now(), monitor.interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let apis = Apis { remote: monitor.remote.clone(), patience: monitor.patience };
    let mut number = 0;
    while monitor.rounds.is_none_or(|rounds| number < rounds) {
        let round = async {
            ticks.tick().await;
            let samples = join_all(endpoints.iter_mut().map(Endpoint::check)).await;
            let alerts = judge(&mut watched, samples, &monitor.rules);
            let unheard = tell(&alerts, &monitor.rules, &apis).await;
            (alerts, unheard)
        };
        let (alerts, unheard) = tokio::select! {
            biased;
            () = &mut stop => break,
            ended = round => ended,
        };
        number += 1;
        seen(&Round { number, watched: &watched, alerts: &alerts, unheard: &unheard });
    }
    watched
}

impl Watched {
    fn new(endpoint: &Endpoint, monitor: &Monitor) -> Self {
        let standings = monitor.rules.iter().map(|_| Standing::default()).collect();
        let window = Window::new(monitor.window);
        Self { name: endpoint.name().to_owned(), window, alerts: Vec::new(), standings }
    }

    /// Takes a sample, and returns the alerts that begin or end with it.
    fn take(&mut self, sample: Sample, rules: &Rules) -> Vec<Alert> {
        self.window.push(sample);
        let mut turned = Vec::new();
        for (rule, standing) in rules.iter().zip(&mut self.standings) {
            let Some((value, is_broken)) = rule.judge(&self.window).filter(|_| rule.is_for(&self.name))
            else {
                continue;
            };
            let turn = standing.step(rule, is_broken);
            if turn == Turn::Nothing {
                continue;
            }
            let alert = Alert::new(rule, &self.name, turn == Turn::On, value);
            self.alerts.retain(|one| one.alert != rule.name);
            if alert.is_on() {
                self.alerts.push(alert.clone());
            }
            turned.push(alert);
        }
        turned
    }
}

fn judge(watched: &mut [Watched], samples: Vec<Sample>, rules: &Rules) -> Vec<Alert> {
    watched.iter_mut().zip(samples).flat_map(|(one, sample)| one.take(sample, rules)).collect()
}

/// Passes alerts on, all at the same time, and returns what went wrong.
async fn tell(alerts: &[Alert], rules: &Rules, apis: &Apis) -> Vec<String> {
    let notices = alerts.iter().flat_map(|alert| {
        let rule = rules.iter().find(|rule| rule.name == alert.alert);
        notices_of(rule).into_iter().map(move |notice| (alert, notice))
    });
    let sent = notices.map(|(alert, notice)| async move {
        let sent = notice.send(alert, apis).await;
        sent.err().map(|why| format!("{}: {why}", alert.alert))
    });
    join_all(sent).await.into_iter().flatten().collect()
}

fn notices_of(rule: Option<&Rule>) -> Vec<Notice> {
    // The rules were read, so that there is no error.
    rule.and_then(|rule| Notice::of(rule.command.as_deref(), rule.topic.as_deref()).ok()).unwrap_or_default()
}
