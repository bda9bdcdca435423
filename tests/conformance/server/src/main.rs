//! conformance-server
fn main() {}
