//! One check: its rule, where the rule applies, and the function that finds out whether a server keeps it.

use std::fmt;

use futures::future::BoxFuture;
use serde::Serialize;

use super::{finding::Checked, probe::Probe, suite::Suite};

/// The eras to which a rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Eras {
    /// All: the check runs once in each era that the server speaks.
    Each,
    /// Sessions: 2025-11-25 and earlier.
    Session,
    /// 2026-07-28.
    Stateless,
    /// Neither: the check is about HTTP, and runs once.
    Once,
}

/// A sentence that a server has to keep, in this project's words.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rule {
    /// The sentence.
    pub text: &'static str,
    /// The place in the specification that it comes from.
    pub link: &'static str,
}

/// The day on which the specification of MCP was read for the rules.
pub const READ: &str = "2026-11-20";

/// One rule, and the function that finds out whether a server keeps it.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its id: the suite, a dot, and a name. Ids are stable.
    pub id: &'static str,
    /// Its suite.
    pub suite: Suite,
    /// The subject of the check, in a few words.
    pub title: &'static str,
    /// The rule.
    pub rule: Rule,
    /// Where the rule applies.
    pub eras: Eras,
    pub(crate) run: Run,
}

pub(crate) type Run = for<'a> fn(&'a Probe<'a>) -> BoxFuture<'a, Checked>;

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("id", &self.id).field("eras", &self.eras).finish_non_exhaustive()
    }
}

/// A row of the table: id, suite, eras, title, rule, link, function.
macro_rules! check {
    ($id:literal, $suite:ident, $eras:ident, $title:literal, $text:literal, $link:expr, $run:path) => {
        $crate::check::row::Check {
            id: $id,
            suite: $crate::check::suite::Suite::$suite,
            title: $title,
            rule: $crate::check::row::Rule { text: $text, link: $link },
            eras: $crate::check::row::Eras::$eras,
            run: |probe| Box::pin($run(probe)),
        }
    };
}

pub(crate) use check;
