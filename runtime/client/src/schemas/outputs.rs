//! Results of tools, compared with their output schemas.

use serde_json::Value;

use super::{
    listings::name_of,
    report::{Findings, Subject},
    rules::OUTPUT,
};
use crate::check::{Probe, Stop};

/// How many tools are called.
const CALLS: usize = 100;

/// The tools that were called, and why others were not compared.
#[derive(Debug, Default)]
pub(super) struct Called {
    pub(super) names: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Calls each tool that has an output schema and may be called: those that declare `readOnlyHint`, and those of the plan.
pub(super) async fn compare(probe: &Probe<'_>, findings: &mut Findings) -> Called {
    let mut called = Called::default();
    let callable = probe.callable().into_iter().filter(|(tool, _)| tool["outputSchema"].is_object());
    for (tool, arguments) in callable.take(CALLS) {
        let name = name_of(tool);
        match result(probe, tool, &arguments).await {
            Ok(result) => {
                called.names.push(name.to_owned());
                compare_one(tool, &result, Subject { kind: "tool", name }, findings);
            }
            Err(why) => called.notes.push(format!("{name} was not compared: {why}")),
        }
    }
    called
}

/// The result of a call that has done its work, or why there is none.
async fn result(probe: &Probe<'_>, tool: &Value, arguments: &Value) -> Result<Value, String> {
    let why = |stop| match stop {
        Stop::Failed(why) | Stop::Warning(why) | Stop::Skipped(why) => why,
    };
    let call = probe.call(tool, arguments, None).await.map_err(why)?;
    let mut response = call.send().await.map_err(why)?.response().await.map_err(why)?;
    if let Some(error) = response.get("error") {
        return Err(format!("the call of it with {arguments} ended with the error {error}"));
    }
    let result = response["result"].take();
    match result["resultType"].as_str().unwrap_or("complete") {
        "complete" if result["isError"] == true => {
            Err(format!("its result for {arguments} reports an error"))
        }
        "complete" => Ok(result),
        other => Err(format!("its result has the type {other:?}")),
    }
}

fn compare_one(tool: &Value, result: &Value, subject: Subject<'_>, findings: &mut Findings) {
    // A schema that cannot be built is the finding of another rule.
    let Ok(validator) = jsonschema::options().offline().build(&tool["outputSchema"]) else { return };
    match result.get("structuredContent") {
        None => findings.add(OUTPUT, subject, "", "its result has no structuredContent"),
        Some(content) => {
            if let Err(error) = validator.validate(content) {
                let place = format!("structuredContent{}", error.instance_path());
                findings.add(OUTPUT, subject, &place, error.to_string());
            }
        }
    }
}
