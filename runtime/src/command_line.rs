//! The one command that a program has of this library: `schema --agentcore`.

use std::ffi::OsString;

/// All arguments of a program that prints its tools.
const SCHEMA: [&str; 2] = ["schema", "--agentcore"];

/// Whether the arguments of a program, without its name, are these two words and no others.
pub(crate) fn prints_schema(args: impl Iterator<Item = OsString>) -> bool {
    args.eq(SCHEMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prints(line: &str) -> bool {
        prints_schema(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_two_words_alone_print_the_schema_and_all_other_arguments_are_the_programs_own() {
        assert!(prints("schema --agentcore"));
        for own in [
            "",
            "schema",
            "--agentcore",
            "--agentcore schema",
            "schema --agentcore tools.json",
            "-- schema --agentcore",
            "schema --agentcore=1",
            "Schema --agentcore",
        ] {
            assert!(!prints(own), "{own}");
        }
    }
}
