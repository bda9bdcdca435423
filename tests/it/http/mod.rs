mod bad_input;
mod connections;
mod guard;
mod hostile;
mod layers;
mod limits;
mod local;
mod semantics;
