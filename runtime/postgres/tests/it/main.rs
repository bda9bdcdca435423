//! The stores in a real PostgreSQL: its tables, its limits, and its faults.

mod faults;
mod limits;
mod notifications;
mod queue;
mod support;
mod tables;
