mod client_responses;
mod database;
mod events;
mod tools;
