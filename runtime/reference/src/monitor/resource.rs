//! A resource, and the types of resources.

use std::collections::BTreeMap;

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

/// A type of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub(super) enum Kind {
    #[serde(rename = "EC2")]
    Ec2,
    #[serde(rename = "RDS")]
    Rds,
    Lambda,
    #[serde(rename = "ECS")]
    Ecs,
    S3,
    CloudFormation,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Ec2, Self::Rds, Self::Lambda, Self::Ecs, Self::S3, Self::CloudFormation];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "EC2",
            Self::Rds => "RDS",
            Self::Lambda => "Lambda",
            Self::Ecs => "ECS",
            Self::S3 => "S3",
            Self::CloudFormation => "CloudFormation",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct Resource {
    /// The id or the name. Of an ECS service: cluster/service.
    pub(super) id: String,
    /// The state, in the words of the service. A bucket has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(super) state: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// The newest time that the service tells of the resource (RFC 3339): its start, its creation or its last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(super) last_updated: Option<String>,
}

impl Resource {
    /// Whether it has all of these tags.
    pub(super) fn has(&self, wanted: &BTreeMap<String, String>) -> bool {
        wanted.iter().all(|(name, value)| self.tags.get(name) == Some(value))
    }
}
