mod properties;
mod read;
mod request_state;
