//! Calls of AWS's own APIs: signed requests in the protocols of the services.
//!
//! The SDK of one service compiles for a minute or more, and this client calls a few operations of eight services.

mod api;
mod call;
mod topic;
mod xml;

pub(crate) use self::{
    api::{Api, ApiError},
    call::{Call, Service},
    topic::{external_event, publish, region_of_topic},
};
