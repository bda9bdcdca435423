mod global;
mod principal;
mod traces;
mod turul;
mod uris;
