mod global;
mod principal;
