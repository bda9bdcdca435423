//! The resources that the deployment allows, found by what a caller names.

use mcp_lambda_aws::signed::Place;

use super::account::Aws;

/// A resource with an ARN.
pub(crate) struct Resource {
    pub(crate) arn: String,
    pub(crate) place: Place,
    pub(crate) account: String,
    /// The name, without the kind of the resource.
    pub(crate) name: String,
}

impl Resource {
    /// The parts of an ARN, which the configuration has checked.
    fn of(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':').skip(1);
        let (partition, _, region, account, name) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            arn: arn.to_owned(),
            place: Place { partition: partition.to_owned(), region: region.to_owned() },
            account: account.to_owned(),
            name: name.rsplit('/').next().unwrap_or(name).to_owned(),
        })
    }
}

/// The resource with an ARN or a name, of those that are allowed. A name that several have is refused.
fn find(wanted: &str, allowed: &[String], kind: &str, variable: &str) -> Result<Resource, String> {
    let found: Vec<_> = allowed
        .iter()
        .filter_map(|arn| Resource::of(arn))
        .filter(|resource| resource.arn == wanted || resource.name == wanted)
        .collect();
    let several = found.len() > 1;
    match found.into_iter().next() {
        Some(resource) if !several => Ok(resource),
        Some(_) => Err(format!(
            "{kind} {wanted:?} is the name of several: give the ARN, one of {}",
            allowed.join(", ")
        )),
        None => Err(format!(
            "{kind} {wanted:?} is not allowed: this deployment allows {}, as {variable} sets",
            allowed.join(", ")
        )),
    }
}

impl Aws {
    pub(super) fn table(&self, wanted: &str) -> Result<Resource, String> {
        find(wanted, &self.allowed.tables, "table", "MCP_TOOL_TABLES")
    }

    pub(super) fn topic(&self, wanted: &str) -> Result<Resource, String> {
        let topic = find(wanted, &self.allowed.topics, "topic", "MCP_TOOL_TOPICS")?;
        if self.topic.as_ref() == Some(&topic.arn) {
            return Err(
                "this is the topic of the server's own events: publish to it with publish_event".to_owned()
            );
        }
        Ok(topic)
    }

    pub(super) fn queue(&self, wanted: &str) -> Result<Resource, String> {
        let queue = find(wanted, &self.allowed.queues, "queue", "MCP_TOOL_QUEUES")?;
        let own = format!("/{}/{}", queue.account, queue.name);
        if self.queue.as_deref().is_some_and(|url| url.ends_with(&own)) {
            return Err("this is the queue of the server's own tasks: only the server sends messages to it"
                .to_owned());
        }
        Ok(queue)
    }

    /// Whether there is a topic of events. Messages to it are not tried: all its subscribers would get them.
    pub(crate) fn topic_check(&self) -> &'static str {
        if self.topic.is_some() { "configured" } else { "not_configured" }
    }

    /// A type of resources to be listed.
    pub(crate) fn may_monitor(&self, kind: &str) -> Result<(), String> {
        let allowed = &self.allowed.monitored;
        if allowed.iter().any(|one| one == kind) {
            return Ok(());
        }
        Err(format!(
            "resource_type {kind} is not allowed: this deployment allows {}, as MCP_TOOL_MONITOR sets",
            allowed.join(", ")
        ))
    }

    /// A namespace of metrics.
    pub(super) fn namespace(&self, wanted: &str) -> Result<(), String> {
        let allowed = &self.allowed.metric_namespaces;
        if allowed.iter().any(|namespace| namespace == wanted) {
            return Ok(());
        }
        Err(format!(
            "namespace {wanted:?} is not allowed: this deployment allows {}, as MCP_TOOL_METRIC_NAMESPACES sets",
            allowed.join(", ")
        ))
    }
}
