//! The pages that users see, without scripts.
