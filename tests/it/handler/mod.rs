//! What the runtime does to the tools and results of any handler: schemas as clients list them, and texts of results.

mod composed;
mod defined_tools;
mod listed_schemas;
mod structured_content;
