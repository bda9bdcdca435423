//! The validation of what a server lists finds each fault of its lists and results, in both eras.

use std::{collections::BTreeSet, sync::Arc};

use mcp_lambda::{
    check::{Era, Target},
    schemas::{Counts, Options, Report, validate},
};
use planted_faults::{Fault, PlantedServer};

use crate::caller::{Caller, client};

async fn validated(fault: Option<Fault>, era: Era) -> Report {
    let server = PlantedServer::start(fault).await;
    let caller = Caller { http: client(), token: server.token("ada") };
    let target = Target::new(Arc::new(caller), server.url()).expect("a URL");
    let options = Options { era: Some(era), call: true, ..Options::default() };
    validate(&target, &options).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_faults_has_no_findings() {
    for era in [Era::Stateless, Era::Session] {
        let report = validated(None, era).await;
        assert_eq!(report.findings, [], "{era}");
        let expected = Counts { tools: 6, prompts: 0, resources: 1, templates: 1 };
        assert_eq!((report.counts, report.called), (expected, vec!["convert".to_owned()]), "{era}");
        assert_eq!(report.notes, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_lists_and_results_is_found_by_its_rule() {
    let both = [Era::Stateless, Era::Session];
    for (fault, rule, eras) in [
        (Fault::CursorLoops, "list", &both[..]),
        (Fault::DoubledTool, "tool-name", &both),
        (Fault::NoInputSchema, "input-schema", &both),
        (Fault::BrokenSchema, "json-schema", &both),
        (Fault::OutputMissesSchema, "output", &both),
        (Fault::HeaderOnNumber, "x-mcp-header", &[Era::Stateless]),
    ] {
        for era in eras {
            let report = validated(Some(fault), *era).await;
            let rules: BTreeSet<&str> = report.findings.iter().map(|one| one.rule).collect();
            assert_eq!(rules, BTreeSet::from([rule]), "{fault:?} in {era}: {:#?}", report.findings);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_without_a_token_and_a_tool_that_is_not_there_are_no_findings() {
    let server = PlantedServer::start(None).await;
    let target =
        |token: String| Target::new(Arc::new(Caller { http: client(), token }), server.url()).expect("a URL");
    let error = validate(&target("none".into()), &Options::default()).await.expect_err("refused");
    assert!(error.to_string().contains("401"), "{error}");
    let options = Options { tools: vec!["nothing".into()], ..Options::default() };
    let error = validate(&target(server.token("ada")), &options).await.expect_err("refused");
    assert!(error.to_string().contains("no tool \"nothing\"; it has convert"), "{error}");
}
