mod client_responses;
mod events;
mod tools;
