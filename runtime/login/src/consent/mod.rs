//! What a user is asked before a client gets tokens.
//!
//! * `page`: the pages that users see.

mod page;
