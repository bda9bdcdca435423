//! What a call reads.

use std::collections::BTreeMap;

use mcp_lambda_aws::signed::Place;

use super::resource::Kind;

/// The resources that are read.
pub(super) struct Wanted {
    pub(super) kind: Kind,
    pub(super) place: Place,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) limit: usize,
    /// The token of the first page, in the words of the service.
    pub(super) cursor: Option<String>,
}
