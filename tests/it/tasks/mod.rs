mod discovery;
mod experimental;
mod experimental_questions;
mod extension;
mod jobs;
mod limits;
mod listen;
mod properties;
