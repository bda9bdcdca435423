mod eras;
mod headers;
mod listen;
mod requests;
mod results;
mod rounds;
mod streams;
