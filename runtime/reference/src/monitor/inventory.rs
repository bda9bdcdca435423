//! `aws_inventory`: the number of resources of all types in all regions, as a task that goes on from its last reading.

use std::collections::{BTreeMap, BTreeSet};

use mcp_lambda_server::{McpContext, tasks::TaskError};
use rmcp::{
    Json, RoleServer,
    handler::server::wrapper::Parameters,
    model::CallToolResult,
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};

use super::{MOST_RESOURCES, observation::Observation, resource::Kind, wanted::Wanted};
use crate::{
    aws::{icon, in_time},
    server::Reference,
    tools::refused,
};

/// The most types and regions of one call.
const MOST_PLACES: usize = 100;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Inventory {
    /// The types to count. Default: all that the deployment allows.
    #[schemars(length(max = 6))]
    resource_types: Vec<Kind>,
    /// The regions to count in. Default: all that the deployment allows, else that of the server.
    #[schemars(length(max = 50))]
    regions: Vec<String>,
}

/// What was counted so far: the checkpoint of the task.
#[derive(Default, Deserialize, Serialize)]
struct Progress {
    counted: Vec<Count>,
    /// The token of the next page of the last count.
    next: Option<String>,
}

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
struct Count {
    resource_type: Kind,
    region: String,
    total: usize,
    /// The number of resources in each state, in the words of the service.
    states: BTreeMap<String, usize>,
    /// Why the count is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    failure: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Counted {
    counts: Vec<Count>,
    /// The number of all resources that were counted.
    total: usize,
}

#[tool_router(router = inventory_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "AWS inventory",
        description = "Counts the resources of all types and regions that the deployment allows, by their states. Large accounts take \
                       minutes: call it as a task, which goes on from its last reading if its process ends.",
        icons = icon("M4 4h16v4H4zm0 6h16v4H4zm0 6h16v4H4z"),
        annotations(read_only_hint = true, destructive_hint = false, idempotent_hint = true, open_world_hint = true)
    )]
    async fn aws_inventory(
        &self,
        Parameters(inventory): Parameters<Inventory>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Counted>, CallToolResult> {
        self.inventory(&inventory, &context).await.map(Json).map_err(refused)
    }

    async fn inventory(
        &self,
        inventory: &Inventory,
        context: &RequestContext<RoleServer>,
    ) -> Result<Counted, String> {
        let failed = |error: TaskError| format!("the progress of the task was not stored: {error}");
        let places = self.places(inventory).await?;
        let task = context.task();
        let mut progress: Progress = task.last_checkpoint().await.map_err(failed)?.unwrap_or_default();
        // A page that was read, but not stored, is read again.
        while let Some(wanted) = self.next(&places, &progress).await? {
            if task.is_cancel_requested() {
                return Err("cancelled".to_owned());
            }
            let read = in_time(context, async { Ok(Observation::read(&self.aws, &wanted).await) }).await?;
            progress.add(&wanted, read);
            task.checkpoint(&progress).await.map_err(failed)?;
            let text =
                format!("{} of {} counts, {} resources", progress.done(), places.len(), progress.total());
            task.set_status_message(text).await.map_err(failed)?;
        }
        let total = progress.total();
        Ok(Counted { counts: progress.counted, total })
    }

    /// The types, each with its regions.
    async fn places(&self, inventory: &Inventory) -> Result<Vec<(Kind, String)>, String> {
        let mut kinds = inventory.resource_types.clone();
        if kinds.is_empty() {
            kinds = Kind::ALL.into_iter().filter(|kind| self.aws.may_monitor(kind.name()).is_ok()).collect();
        }
        let mut regions: BTreeSet<String> = inventory.regions.iter().cloned().collect();
        if regions.is_empty() {
            regions = self.aws.allowed.regions.iter().cloned().collect();
        }
        if regions.is_empty() {
            regions.insert(self.aws.region().await?);
        }
        let mut places = Vec::new();
        for kind in kinds {
            self.aws.may_monitor(kind.name())?;
            for region in &regions {
                self.aws.place(Some(region)).await?;
                if !places.contains(&(kind, region.clone())) {
                    places.push((kind, region.clone()));
                }
            }
        }
        if places.len() > MOST_PLACES {
            let count = places.len();
            return Err(format!(
                "{count} types and regions are too many: {MOST_PLACES} at most; name fewer regions"
            ));
        }
        Ok(places)
    }

    /// What is read next. `None` when all is counted.
    async fn next(&self, places: &[(Kind, String)], progress: &Progress) -> Result<Option<Wanted>, String> {
        let Some((kind, region)) = places.get(progress.done()) else { return Ok(None) };
        let place = self.aws.place(Some(region)).await?;
        let limit = usize::try_from(MOST_RESOURCES).unwrap_or(usize::MAX);
        Ok(Some(Wanted { kind: *kind, place, tags: BTreeMap::new(), limit, cursor: progress.next.clone() }))
    }
}

impl Progress {
    /// The number of counts that are complete.
    fn done(&self) -> usize {
        self.counted.len() - usize::from(self.next.is_some())
    }

    fn total(&self) -> usize {
        self.counted.iter().map(|count| count.total).sum()
    }

    /// Adds a reading to the last count, or begins a new one. A count that fails is complete with its reason.
    fn add(&mut self, wanted: &Wanted, read: Result<Observation, String>) {
        if self.next.take().is_none() {
            let (resource_type, region) = (wanted.kind, wanted.place.region.clone());
            self.counted.push(Count {
                resource_type,
                region,
                total: 0,
                states: BTreeMap::new(),
                failure: None,
            });
        }
        let Some(count) = self.counted.last_mut() else { return };
        match read {
            Ok(observation) => {
                count.total += observation.resources.len();
                for (state, number) in observation.states() {
                    *count.states.entry(state.to_owned()).or_default() += number;
                }
                self.next = observation.next;
            }
            Err(failure) => count.failure = Some(failure),
        }
    }
}
