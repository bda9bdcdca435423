mod global;
mod principal;
mod traces;
mod uris;
