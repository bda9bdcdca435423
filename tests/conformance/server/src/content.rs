//! The content blocks of tools, prompts and resources.

use mcp_lambda_server::rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

/// A PNG of one orange pixel.
pub(crate) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4P5MBAAQzAZni4lchAAAAAElFTkSuQmCC";

/// A WAV of a millisecond's silence.
const WAV: &str = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";

/// A successful result with one text.
pub(crate) fn say(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// The result of a tool that ran and failed: its text is for the model.
pub(crate) fn fail(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

pub(crate) fn image() -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::image(PNG, "image/png")])
}

pub(crate) fn audio() -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::audio(WAV, "audio/wav")])
}

pub(crate) fn embedded_resource() -> CallToolResult {
    let resource =
        ResourceContents::text("This is an embedded resource content.", "test://embedded-resource");
    CallToolResult::success(vec![ContentBlock::resource(resource)])
}

pub(crate) fn mixed() -> CallToolResult {
    let resource = ResourceContents::text(r#"{"test":"data","value":123}"#, "test://mixed-content-resource")
        .with_mime_type("application/json");
    CallToolResult::success(vec![
        ContentBlock::text("Multiple content types test:"),
        ContentBlock::image(PNG, "image/png"),
        ContentBlock::resource(resource),
    ])
}
