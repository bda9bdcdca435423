mod global;
mod principal;
mod traces;
