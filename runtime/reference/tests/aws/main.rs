//! The tools with AWS data: what they send to AWS, and what they return for its answers.

mod cloud;
mod contract;
mod inventory;
mod messages;
mod metrics;
mod monitor;
mod on_ministack;
mod program;
mod refusals;
mod sessions;
mod surface;
mod table;
