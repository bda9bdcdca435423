//! One prompt, whose argument is completed.

use rmcp::{
    ErrorData,
    model::{
        GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult, Prompt,
        PromptArgument, PromptMessage, Role,
    },
};

/// The areas that `diagnose` takes as its argument.
pub(crate) const AREAS: [&str; 4] = ["health", "memory", "sessions", "streams"];

pub(crate) fn list() -> ListPromptsResult {
    let area = PromptArgument::new("area")
        .with_description("The area to diagnose: health, memory, sessions or streams")
        .with_required(true);
    let description = "Asks for a diagnosis of this server, from its own tools";
    ListPromptsResult::with_all_items(vec![Prompt::new("diagnose", Some(description), Some(vec![area]))])
}

pub(crate) fn get(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    if request.name != "diagnose" {
        return Err(ErrorData::invalid_params(
            format!("unknown prompt {:?}: this server has only diagnose", request.name),
            None,
        ));
    }
    let area =
        request.arguments.as_ref().and_then(|arguments| arguments.get("area")).and_then(|area| area.as_str());
    let Some(area) = area.filter(|area| AREAS.contains(area)) else {
        let text = format!("area must be one of {}", AREAS.join(", "));
        return Err(ErrorData::invalid_params(text, None));
    };
    let text = format!(
        "Call lambda_diagnostics and session_info, then say in three sentences how the {area} of this server looks \
         and what, if anything, should be done about it."
    );
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into())
}
