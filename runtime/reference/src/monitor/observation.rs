//! The resources of one reading, and what has changed since the reading before.

use std::collections::BTreeMap;

use mcp_lambda_server::time::Timestamp;

use super::{
    containers, functions,
    pages::Page,
    resource::{Kind, Resource},
    services,
    wanted::Wanted,
};
use crate::aws::Aws;

/// The most resources that one reading looks at, and the size of those it returns from which no further page is read.
const MOST_SCANNED: usize = 1000;
const ENOUGH_BYTES: usize = 256 * 1024;
/// The most changes that one text names.
const MOST_CHANGES: usize = 5;

pub(super) struct Observation {
    pub(super) resources: Vec<Resource>,
    pub(super) scanned: usize,
    /// The token of the next page.
    pub(super) next: Option<String>,
    pub(super) at: Timestamp,
}

impl Observation {
    /// Reads pages until there is no other one, or enough is read.
    pub(super) async fn read(aws: &Aws, wanted: &Wanted) -> Result<Self, String> {
        let mut all =
            Self { resources: Vec::new(), scanned: 0, next: wanted.cursor.clone(), at: aws.clock.now() };
        let mut bytes = 0;
        loop {
            let Page { resources, scanned, next } = page(aws, wanted, all.next.take().as_deref()).await?;
            all.scanned += scanned;
            bytes += serde_json::to_vec(&resources).map_or(0, |json| json.len());
            all.resources.extend(resources);
            all.next = next;
            let is_enough =
                all.resources.len() >= wanted.limit || all.scanned >= MOST_SCANNED || bytes >= ENOUGH_BYTES;
            if all.next.is_none() || is_enough {
                return Ok(all);
            }
        }
    }

    /// The number of resources in each state.
    pub(super) fn states(&self) -> BTreeMap<&str, usize> {
        let mut states = BTreeMap::new();
        for state in self.resources.iter().filter_map(|resource| resource.state.as_deref()) {
            *states.entry(state).or_default() += 1;
        }
        states
    }

    /// The numbers as a text.
    pub(super) fn summary(&self) -> String {
        let states: Vec<_> =
            self.states().into_iter().map(|(state, count)| format!("{count} {state}")).collect();
        let count = self.resources.len();
        if states.is_empty() {
            format!("{count} found")
        } else {
            format!("{count} found: {}", states.join(", "))
        }
    }

    /// What has changed since an earlier reading, as a text.
    pub(super) fn changes_since(&self, before: &Self) -> Option<String> {
        let by_id = |observation: &Self| -> BTreeMap<String, Resource> {
            observation.resources.iter().map(|one| (one.id.clone(), one.clone())).collect()
        };
        let (old, new) = (by_id(before), by_id(self));
        let changed = new.iter().filter_map(|(id, now)| match old.get(id) {
            None => Some(format!("{id} is new")),
            Some(then) if then.state != now.state => {
                let state = |one: &Resource| one.state.clone().unwrap_or_default();
                Some(format!("{id}: {} -> {}", state(then), state(now)))
            }
            Some(then) => (then != now).then(|| format!("{id} has changed")),
        });
        let gone = old.keys().filter(|id| !new.contains_key(*id)).map(|id| format!("{id} is gone"));
        let changes: Vec<_> = changed.chain(gone).collect();
        let named = changes.iter().take(MOST_CHANGES).cloned().collect::<Vec<_>>().join(", ");
        match changes.len() {
            0 => None,
            count if count > MOST_CHANGES => Some(format!("{named} and {} more", count - MOST_CHANGES)),
            _ => Some(named),
        }
    }
}

async fn page(aws: &Aws, wanted: &Wanted, token: Option<&str>) -> Result<Page, String> {
    match wanted.kind {
        Kind::Ec2 => services::instances(aws, wanted, token).await,
        Kind::Rds => services::databases(aws, wanted, token).await,
        Kind::CloudFormation => services::stacks(aws, wanted, token).await,
        Kind::S3 => services::buckets(aws, wanted, token).await,
        Kind::Lambda => functions::functions(aws, wanted, token).await,
        Kind::Ecs => containers::services(aws, wanted, token).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(resources: &[(&str, &str)]) -> Observation {
        let resource = |(id, state): &(&str, &str)| Resource {
            id: (*id).to_owned(),
            state: Some((*state).to_owned()),
            tags: BTreeMap::new(),
            last_updated: None,
        };
        let resources: Vec<_> = resources.iter().map(resource).collect();
        Observation { scanned: resources.len(), resources, next: None, at: Timestamp::from_millis(0) }
    }

    #[test]
    fn changes_are_named_up_to_a_limit() {
        let before = observation(&[("i-1", "running"), ("i-2", "running")]);
        assert_eq!(before.changes_since(&before), None);
        assert_eq!(before.summary(), "2 found: 2 running");
        let after = observation(&[("i-1", "stopped"), ("i-3", "pending")]);
        let changes = after.changes_since(&before).expect("changes");
        assert_eq!(changes, "i-1: running -> stopped, i-3 is new, i-2 is gone");
        let names: Vec<_> = (0..9).map(|at| format!("n-{at}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "running")).collect();
        let changes = observation(&many).changes_since(&observation(&[])).expect("changes");
        assert!(changes.ends_with("n-4 is new and 4 more"), "{changes}");
    }
}
