//! Property tests of what reads the output of a child: no panic, no line lost, and never slower than [`DEADLINE`].

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

#[path = "../../../tests/it/mutated.rs"]
mod mutated;

use self::mutated::{corpus, mutated};
use crate::child::{
    lines::{Line, LineSplitter},
    message,
};

/// The longest time for an output of a few kilobytes, in a debug build on a busy machine.
const DEADLINE: Duration = Duration::from_secs(2);
/// The limit of a line.
const LIMIT: usize = 64;

fn lines_of(output: &[u8], size: usize) -> Vec<Line> {
    let mut splitter = LineSplitter::new(LIMIT);
    let mut lines = Vec::new();
    for chunk in output.chunks(size) {
        splitter.push(chunk);
        lines.extend(std::iter::from_fn(|| splitter.take()));
        assert!(splitter.held() <= LIMIT, "no more is held than a line may have");
    }
    lines.extend(splitter.take_rest());
    lines
}

proptest! {
    /// However an output arrives, its lines are the same, and none is lost.
    #[test]
    fn any_output_has_the_same_lines_in_any_pieces(
        output in mutated(corpus(&["../fuzz/stdio"])),
        size in 1_usize..200,
    ) {
        let text = output.strip_suffix(b"\n").unwrap_or(&output);
        let expected: Vec<_> =
            if output.is_empty() { vec![] } else { text.split(|byte| *byte == b'\n').collect() };
        let lines = lines_of(&output, size);
        prop_assert_eq!(lines.len(), expected.len());
        for (line, expected) in lines.iter().zip(expected) {
            match line {
                Line::Whole(line) => {
                    prop_assert_eq!(&line[..], expected.strip_suffix(b"\r").unwrap_or(expected));
                }
                Line::TooLong(long) => {
                    prop_assert!(expected.len() > LIMIT && long.size == expected.len());
                    prop_assert!(expected.starts_with(&long.start) && expected.ends_with(&long.end));
                }
            }
        }
    }

    /// A line is messages or noise.
    #[test]
    fn any_line_is_read(line in mutated(corpus(&["../fuzz/stdio", "../fuzz/protocol"]))) {
        let started = Instant::now();
        let _ = message::read(&line);
        let _ = message::id_in_part(&line);
        prop_assert!(started.elapsed() < DEADLINE);
    }
}
