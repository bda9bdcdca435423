//! Two environments that were restored of one snapshot make no identifier twice.
//!
//! A fork stands for the restore: both processes go on with the same memory, as two copies of an environment do. The control is
//! a generator that keeps its state in memory, as those of many libraries do: it repeats itself.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
    io::{self, Read, Write},
    process::ExitCode,
};

use fork::{Fork, fork, waitpid};
use mcp_lambda_core::{ids::StreamId, random, session::SessionId};

const IDS: usize = 200;

/// What a process makes, one line each: numbers of the control, then identifiers.
fn made() -> String {
    let control = (0..IDS).map(|_| format!("control {:x}\n", RandomState::new().hash_one(())));
    let ids = (0..IDS).flat_map(|_| {
        let key = random::key().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        [
            format!("session {}\n", SessionId::random()),
            format!("stream {}\n", StreamId::random()),
            format!("token {}\n", random::token()),
            format!("key {key}\n"),
            format!("trace {}\n", mcp_lambda_otel::random_trace_id()),
        ]
    });
    control.chain(ids).collect()
}

/// A copy of this process, and what it makes.
fn copy() -> io::Result<Vec<String>> {
    let (mut reader, mut writer) = io::pipe()?;
    match fork()? {
        Fork::Child => {
            let written = writer.write_all(made().as_bytes());
            drop(writer);
            std::process::exit(i32::from(written.is_err()));
        }
        Fork::Parent(child) => {
            drop(writer);
            let mut text = String::new();
            reader.read_to_string(&mut text)?;
            waitpid(child)?;
            Ok(text.lines().map(str::to_owned).collect())
        }
    }
}

fn main() -> ExitCode {
    // Every source was used before the snapshot.
    assert_eq!(made().lines().count(), 6 * IDS);
    let (first, second) = (copy().expect("a copy"), copy().expect("a copy"));
    assert_eq!((first.len(), second.len()), (6 * IDS, 6 * IDS));
    let of_first: HashSet<&str> = first.iter().map(String::as_str).collect();
    let twice: Vec<_> = second.iter().filter(|line| of_first.contains(&***line)).collect();
    let controls = twice.iter().filter(|line| line.starts_with("control ")).count();
    assert_eq!(controls, IDS, "the copies do not have the same memory");
    assert_eq!(twice.len(), controls, "made twice: {:?}", &twice[controls..]);
    ExitCode::SUCCESS
}
