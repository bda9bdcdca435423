//! `aws_real_time_monitor`: the resources of a type, with their states, once or as they change.

mod containers;
mod functions;
mod inventory;
mod observation;
mod pages;
mod resource;
mod services;
mod tags;
mod wanted;

use std::{collections::BTreeMap, time::Duration};

use mcp_lambda_server::{McpContext, events::GlobalEvent};
use rmcp::{
    Json, RoleServer,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ProgressNotificationParam, ProgressToken},
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    aws::{Aws, icon, in_time},
    server::Reference,
    tools::refused,
};

use observation::Observation;
use resource::{Kind, Resource};
use wanted::Wanted;

/// The time before the deadline of a call at which its updates end: the last one has to be read and the result written.
const MARGIN: Duration = Duration::from_secs(5);
const MOST_TAGS: usize = 10;
const MOST_RESOURCES: u32 = 1000;

#[derive(Deserialize, JsonSchema)]
struct Monitor {
    resource_type: Kind,
    /// The region. Default: that of the server.
    #[serde(default)]
    #[schemars(length(min = 3, max = 32))]
    region: Option<String>,
    /// The time between two updates, in milliseconds, for a request with a progress token.
    #[serde(default = "five_seconds")]
    #[schemars(range(min = 1000, max = 60_000))]
    update_frequency: u64,
    /// Tags, as texts by name: only resources that have all of them are returned. 10 at most.
    #[serde(default)]
    filter_tags: BTreeMap<String, String>,
    /// The number of resources after which no further page is read.
    #[serde(default = "a_hundred")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
    /// `next_cursor` of the result before, with the other arguments as they were.
    #[serde(default)]
    #[schemars(length(min = 1, max = 8192))]
    cursor: Option<String>,
}

fn five_seconds() -> u64 {
    5000
}

fn a_hundred() -> u32 {
    100
}

#[derive(Serialize, JsonSchema)]
struct Monitored {
    resource_type: Kind,
    region: String,
    resources: Vec<Resource>,
    /// The same resources, for EC2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Resource>")]
    instances: Option<Vec<Resource>>,
    /// The number of resources that were looked at, with those that lack a tag.
    total_scanned: usize,
    /// The cursor of the resources that were not looked at, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
    /// When the resources were read (RFC 3339).
    timestamp: String,
    monitoring_status: Status,
    /// The number of times that the resources were read.
    updates: u32,
    /// Why the updates ended, if one failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    failure: Option<String>,
    /// The id that the events of this call have in common.
    correlation_id: String,
}

/// Why a call returned.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// The resources were read once, as the request has no progress token.
    Completed,
    /// The client cancelled the request.
    Stopped,
    /// The time of the call is over: call again to go on.
    DeadlineReached,
    /// An update failed. The resources are those of the update before.
    Failed,
}

#[tool_router(router = monitor_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "AWS real-time monitor",
        description = "Returns the resources of one type in a region, with their states and tags: EC2 instances, RDS \
                       databases, Lambda functions, ECS services, S3 buckets or CloudFormation stacks. With a progress \
                       token it reads them again and again, and reports each change until it is cancelled or its time is over.",
        icons = icon("M2 12h5l3-8 4 16 3-8h5"),
        annotations(read_only_hint = true, destructive_hint = false, idempotent_hint = true, open_world_hint = true)
    )]
    async fn aws_real_time_monitor(
        &self,
        Parameters(monitor): Parameters<Monitor>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Monitored>, CallToolResult> {
        let monitored = async {
            let wanted = self.wanted(&monitor).await?;
            let first = in_time(&context, Observation::read(&self.aws, &wanted)).await?;
            let mut run = Run {
                id: Aws::id(),
                wanted,
                last: first,
                updates: 1,
                token: context.meta.get_progress_token(),
            };
            run.publish(&context).await;
            let pause = Duration::from_millis(monitor.update_frequency);
            let (status, failure) = run.go_on(self, &context, pause).await;
            Ok::<_, String>(run.result(status, failure))
        };
        monitored.await.map(Json).map_err(refused)
    }

    async fn wanted(&self, monitor: &Monitor) -> Result<Wanted, String> {
        let (frequency, limit) = (monitor.update_frequency, monitor.limit);
        if !(1000..=60_000).contains(&frequency) {
            return Err(format!("update_frequency is {frequency}: expected milliseconds from 1000 to 60000"));
        }
        if !(1..=MOST_RESOURCES).contains(&limit) {
            return Err(format!("limit is {limit}: expected a number from 1 to {MOST_RESOURCES}"));
        }
        if monitor.filter_tags.len() > MOST_TAGS {
            return Err(format!(
                "filter_tags has {}: expected {MOST_TAGS} at most",
                monitor.filter_tags.len()
            ));
        }
        self.aws.may_monitor(monitor.resource_type.name())?;
        Ok(Wanted {
            kind: monitor.resource_type,
            place: self.aws.place(monitor.region.as_deref()).await?,
            tags: monitor.filter_tags.clone(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            cursor: monitor.cursor.as_deref().map(pages::token).transpose()?,
        })
    }
}

/// One call.
struct Run {
    /// The id that its events share.
    id: String,
    wanted: Wanted,
    last: Observation,
    updates: u32,
    token: Option<ProgressToken>,
}

impl Run {
    /// Reads the resources again until the call has to end.
    async fn go_on(
        &mut self,
        server: &Reference,
        context: &RequestContext<RoleServer>,
        pause: Duration,
    ) -> (Status, Option<String>) {
        let Some(token) = self.token.clone() else { return (Status::Completed, None) };
        let end = context
            .deadline()
            .map_or_else(|| Instant::now() + pause, |deadline| deadline.minus(MARGIN).instant());
        self.report(context, &token, self.last.summary()).await;
        loop {
            let next = Instant::now() + pause;
            if next >= end {
                return (Status::DeadlineReached, None);
            }
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = context.ct.cancelled() => return (Status::Stopped, None),
            }
            let read = tokio::select! {
                read = tokio::time::timeout_at(end, Observation::read(&server.aws, &self.wanted)) => read,
                () = context.ct.cancelled() => return (Status::Stopped, None),
            };
            match read {
                Ok(Ok(observation)) => self.update(context, &token, observation).await,
                Ok(Err(failure)) => return (Status::Failed, Some(failure)),
                Err(_) => return (Status::DeadlineReached, None),
            }
        }
    }

    async fn update(
        &mut self,
        context: &RequestContext<RoleServer>,
        token: &ProgressToken,
        observation: Observation,
    ) {
        let changes = observation.changes_since(&self.last);
        self.last = observation;
        self.updates = self.updates.saturating_add(1);
        let text = match &changes {
            Some(changes) => format!("{}; {changes}", self.last.summary()),
            None => self.last.summary(),
        };
        self.report(context, token, text).await;
        if changes.is_some() {
            self.publish(context).await;
        }
    }

    async fn report(&self, context: &RequestContext<RoleServer>, token: &ProgressToken, text: String) {
        let progress =
            ProgressNotificationParam::new(token.clone(), f64::from(self.updates)).with_message(text);
        // A failure means that the client has left, which cancels the call.
        let _ = context.peer.notify_progress(progress).await;
    }

    /// Publishes the numbers to all clients that listen. Names and tags of resources go to the caller alone.
    async fn publish(&self, context: &RequestContext<RoleServer>) {
        let Ok(events) = context.events() else { return };
        let data = json!({ "total_scanned": self.last.scanned, "states": self.last.states() });
        let (kind, region) = (self.wanted.kind.name(), self.wanted.place.region.as_str());
        let event = GlobalEvent::monitoring_update(kind, region, self.id.as_str(), data);
        if let Err(error) = events.broadcast_global_event(event).await {
            tracing::warn!(%error, "an update of the monitor was not published");
        }
    }

    fn result(self, status: Status, failure: Option<String>) -> Monitored {
        let Observation { resources, scanned, next, at } = self.last;
        Monitored {
            resource_type: self.wanted.kind,
            region: self.wanted.place.region,
            instances: (self.wanted.kind == Kind::Ec2).then(|| resources.clone()),
            resources,
            total_scanned: scanned,
            next_cursor: next.map(|token| pages::cursor(&token)),
            timestamp: at.to_rfc3339(),
            monitoring_status: status,
            updates: self.updates,
            failure,
            correlation_id: self.id,
        }
    }
}
