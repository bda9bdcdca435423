//! `mcp-lambda validate-schemas`.

use std::{sync::Arc, time::Duration};

use clap::{Args, ValueEnum};

use super::{
    args::{EraArg, FormArgs, RemoteArgs},
    check, client,
    failure::Failure,
    output,
};
use crate::{
    check::{CannotCheck, Era, Target},
    schemas::{CannotValidate, Options, Provider, text, validate},
};

/// The longest that one response may take.
const LONGEST: Duration = Duration::from_secs(120);

#[derive(Debug, Args)]
pub(super) struct ValidateSchemasArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    form: FormArgs,
    /// Validates this tool alone, or `all` that is listed; may be repeated. NAME=JSON gives the arguments for --call, and
    /// lets it call a tool that does not declare readOnlyHint
    #[arg(long = "tool", value_name = "NAME[=JSON]", default_value = "all")]
    tools: Vec<String>,
    /// Calls tools that declare readOnlyHint, and compares their results with their output schemas
    #[arg(long)]
    call: bool,
    /// Counts the limits of these APIs of language models, with commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "all")]
    provider: Vec<ProviderArg>,
}

/// An API of language models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProviderArg {
    /// All of them
    All,
    /// None: only MCP and JSON Schema
    None,
    /// OpenAI
    Openai,
    /// Anthropic
    Anthropic,
    /// Gemini
    Gemini,
    /// The Converse API of Amazon Bedrock
    Bedrock,
}

/// Validates what a server lists, prints the findings, and fails if there is one.
pub(super) async fn run(args: ValidateSchemasArgs) -> Result<(), Failure> {
    let options = options(&args)?;
    let http = Arc::new(client::remote(&args.remote.server, &args.remote.options)?.http()?);
    let url = http.url().to_owned();
    let target = Target::new(http, &url).map_err(Failure::usage)?;
    let report = validate(&target, &options).await?;
    output::print(args.form.output, &report, |_| text(&report))?;
    if report.findings.is_empty() { Ok(()) } else { Err(Failure::refused("")) }
}

fn options(args: &ValidateSchemasArgs) -> Result<Options, Failure> {
    let named: Vec<&String> = args.tools.iter().filter(|name| *name != "all").collect();
    let calls = named.iter().filter(|name| name.contains('=')).map(|name| check::tool(name));
    Ok(Options {
        era: match args.form.era {
            EraArg::Auto => None,
            EraArg::Stateless => Some(Era::Stateless),
            EraArg::Session => Some(Era::Session),
        },
        tools: named.iter().map(|name| name.split('=').next().unwrap_or_default().to_owned()).collect(),
        providers: args.provider.iter().flat_map(|one| providers(*one)).copied().collect(),
        call: args.call,
        calls: calls.collect::<Result<_, _>>()?,
        timeout: args.remote.options.timeout.min(LONGEST),
    })
}

fn providers(named: ProviderArg) -> &'static [Provider] {
    match named {
        ProviderArg::All => &Provider::ALL,
        ProviderArg::None => &[],
        ProviderArg::Openai => &[Provider::OpenAi],
        ProviderArg::Anthropic => &[Provider::Anthropic],
        ProviderArg::Gemini => &[Provider::Gemini],
        ProviderArg::Bedrock => &[Provider::Bedrock],
    }
}

impl From<CannotValidate> for Failure {
    fn from(error: CannotValidate) -> Self {
        let text = error.to_string();
        match error {
            CannotValidate::NoServer(CannotCheck::Unreachable { .. } | CannotCheck::NoServer { .. })
            | CannotValidate::Unauthorized { .. } => Self::unreachable(text),
            CannotValidate::Era { .. } | CannotValidate::Tool { .. } | CannotValidate::TimedOut(_) => {
                Self::refused(text)
            }
        }
    }
}
