mod aws_client;
mod contract;
mod dynamodb_log;
mod faults;
mod laws;
mod laws_of_each_store;
mod memory;
mod round_trips;
