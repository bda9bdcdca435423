//! Each planted fault is found by the checks that are meant for it, and by no other.

mod caller;
mod schemas;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::StreamExt;
use mcp_lambda::check::{Http, Plan, RemoteHttp, Report, Target, ToolCall, run};
use planted_faults::{Fault, PlantedServer};

use self::caller::{Caller, client};

/// How many faulty servers run at the same time.
const AT_ONCE: usize = 24;

fn plan() -> Plan {
    Plan {
        timeout: Duration::from_secs(10),
        quiet: Duration::from_millis(150),
        tools: vec![ToolCall { name: "publish_event".into(), arguments: None }],
        ..Plan::default()
    }
}

async fn checked(http: &Arc<RemoteHttp>, fault: Option<Fault>) -> Report {
    let server = PlantedServer::start(fault).await;
    let caller = |token: &str| Arc::new(Caller { http: Arc::clone(http), token: token.to_owned() });
    let (ada, bob) = (server.token("ada"), server.token("bob"));
    let target = Target::new(caller(&ada), server.url())
        .expect("a URL")
        .anonymous(Arc::clone(http) as Arc<dyn Http>)
        .other(caller(&bob))
        .token(&ada);
    run(&target, &plan(), |_| {}).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"))
}

/// The ids of the checks that have found something, with what they say.
fn found(report: &Report) -> (BTreeSet<&'static str>, String) {
    let findings = report.findings.iter().filter(|one| ["failed", "warning"].contains(&one.verdict.word()));
    let ids = findings.clone().map(|one| one.id).collect();
    let lines = findings
        .map(|one| format!("  {} {:?}: {}", one.id, one.era, one.verdict.reason().unwrap_or_default()));
    (ids, lines.collect::<Vec<_>>().join("\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_faults_passes_every_check() {
    let report = checked(&client(), None).await;
    assert_eq!(found(&report), (BTreeSet::new(), String::new()));
    let skipped: Vec<_> = report.findings.iter().filter(|one| one.verdict.word() == "skipped").collect();
    assert!(skipped.is_empty(), "{skipped:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_found_by_exactly_the_checks_meant_for_it() {
    let http = &client();
    let reports = futures::stream::iter(Fault::ALL.iter().copied())
        .map(|fault| async move { (fault, checked(http, Some(fault)).await) })
        .buffer_unordered(AT_ONCE);
    let wrong: Vec<String> = reports
        .filter_map(|(fault, report)| async move {
            let expected: BTreeSet<&str> = meant_for(fault).iter().copied().collect();
            let (ids, lines) = found(&report);
            (ids != expected).then(|| format!("{fault:?}: expected {expected:?}, found\n{lines}"))
        })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} of {} faults:\n{}", wrong.len(), Fault::ALL.len(), wrong.join("\n"));
}

/// The checks meant for a fault.
fn meant_for(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::IdAsText => &["protocol.response-id"],
        Fault::ResultBesideError => &["protocol.response-shape"],
        Fault::WrongMediaType => &["protocol.content-type"],
        Fault::NotificationAnswered => &["protocol.notification"],
        Fault::ParseErrorIs500 => &["protocol.parse-error"],
        Fault::BatchAnswered => &["protocol.batch"],
        Fault::NullIdAnswered => &["protocol.null-id"],
        Fault::UnknownMethodAnswered => &["protocol.unknown-method"],
        // The status belongs to the code, whichever method is unknown.
        Fault::UnknownMethodIs200 => {
            &["protocol.unknown-method", "protocol.removed-methods", "tasks.removed"]
        }
        Fault::MetaOptional => &["protocol.meta"],
        Fault::ClientInfoRequired => &["protocol.client-info"],
        Fault::VersionHeaderIgnored => &["protocol.version-header"],
        Fault::UnknownVersionAccepted | Fault::VersionErrorWithoutData => &["protocol.unsupported-version"],
        Fault::MethodHeaderIgnored => &["protocol.method-header"],
        Fault::NameHeaderIgnored => &["protocol.name-header"],
        Fault::EncodedNameLiteral => &["protocol.encoded-name"],
        Fault::PingInStateless => &["protocol.removed-methods"],
        Fault::SessionIdInStateless => &["protocol.no-session"],
        Fault::GetInStateless => &["protocol.get-and-delete"],
        Fault::DiscoverWithoutVersions => &["protocol.discover"],
        Fault::NoResultType => &["protocol.result-type"],
        Fault::NoServerInfo => &["protocol.server-info"],
        Fault::NoCacheHints => &["protocol.cache-hints"],
        Fault::MissingResourceEmpty | Fault::OldResourceCode => &["protocol.resource-not-found"],
        Fault::UnknownVersionEchoed => &["protocol.initialize"],
        Fault::SessionVersionIgnored => &["protocol.session-version-header"],
        Fault::PingWithContent => &["protocol.ping"],
        Fault::OriginAccepted => &["protocol.origin"],
        Fault::NoVary => &["protocol.vary"],
        Fault::NoCacheControl => &["protocol.cache-control"],
        _ => meant_for_tools(fault),
    }
}

fn meant_for_tools(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::NoInputSchema => &["tools.list"],
        Fault::DoubledTool => &["tools.names"],
        Fault::CursorLoops => &["tools.pages"],
        Fault::AnyCursor => &["tools.cursor"],
        Fault::OrderChanges => &["tools.order"],
        Fault::UnknownToolAnswered => &["tools.unknown"],
        Fault::ContentIsText => &["tools.result"],
        Fault::ArgumentsUnchecked => &["tools.arguments"],
        Fault::OutputMissesSchema => &["tools.output-schema"],
        Fault::NoStructuredText => &["tools.structured-text"],
        Fault::BrokenSchema => &["tools.schemas"],
        Fault::HeaderOnNumber => &["tools.header-annotations"],
        Fault::ParamHeaderIgnored => &["tools.param-headers"],
        Fault::IdWithBlank => &["session.visible-id"],
        Fault::NumberedIds => &["session.unguessable-id"],
        Fault::MissingIdIs404 => &["session.missing-id"],
        Fault::UnknownSessionIs400 => &["session.unknown-id"],
        Fault::DeleteIgnored | Fault::LateNotFound => &["session.end"],
        Fault::AnswersByIdAlone => &["session.equal-ids"],
        _ => meant_for_streams(fault),
    }
}

fn meant_for_streams(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::EventNamed => &["streaming.event-name"],
        Fault::EventIdWithNul | Fault::EventIdsRepeat => &["streaming.event-id"],
        Fault::DoubledEvent => &["streaming.event-once"],
        Fault::StreamNeverEnds => &["streaming.end"],
        Fault::ProgressAfterResponse => &["streaming.after-response"],
        Fault::ProgressBackwards => &["streaming.progress-increases"],
        Fault::ProgressTokenAsText => &["streaming.progress-token"],
        Fault::ProgressUnasked => &["streaming.progress-unasked"],
        Fault::IdsInStateless => &["streaming.stateless-ids"],
        Fault::RequestInStateless => &["streaming.stateless-requests"],
        Fault::NoAccelBuffering => &["streaming.buffering"],
        Fault::NoPriming => &["streaming.priming"],
        Fault::GetStreamIsJson => &["streaming.get"],
        Fault::ReplayWithoutResponse => &["streaming.resume"],
        Fault::ReplayOfAnotherStream => &["streaming.resume-own"],
        Fault::ReplayFromThere => &["streaming.resume-after"],
        Fault::ReplayToAnotherSession => &["streaming.resume-session"],
        Fault::AcknowledgedLate | Fault::AcknowledgesMore => &["events.acknowledged"],
        Fault::SubscriptionIdAsText => &["events.subscription-id"],
        Fault::ListenWithoutFilter => &["events.filter"],
        Fault::EmptyHeld => &["events.empty"],
        Fault::EventLost | Fault::EventTwice => &["events.delivered"],
        Fault::EventUnasked => &["events.filtered"],
        Fault::EventTwiceOnGet => &["events.one-stream"],
        _ => meant_for_tasks_and_callers(fault),
    }
}

fn meant_for_tasks_and_callers(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::OldTasksCapability => &["tasks.declared"],
        Fault::TasksWithoutDeclaration => &["tasks.undeclared"],
        Fault::TaskUnasked => &["tasks.unasked"],
        Fault::UnknownTaskAnswered => &["tasks.unknown"],
        Fault::TasksListExists => &["tasks.removed"],
        Fault::TaskNested | Fault::TaskWithoutTtl => &["tasks.created"],
        Fault::GetSaysTask => &["tasks.readable"],
        // A client that polls a task which is not there yet gives up.
        Fault::TaskNotDurable => {
            &["tasks.readable", "tasks.lifecycle", "tasks.outcome", "tasks.cancel-ended"]
        }
        Fault::TaskBackwards => &["tasks.lifecycle"],
        Fault::TaskWithoutResult => &["tasks.outcome"],
        Fault::CancelEndedRefused => &["tasks.cancel-ended"],
        Fault::TaskNameHeaderIgnored => &["tasks.name-header"],
        Fault::GetWithoutToken => &["auth.required"],
        Fault::NoChallenge | Fault::ChallengeWithoutMetadata => &["auth.challenge"],
        Fault::NoMetadata | Fault::MetadataWithoutServers | Fault::MetadataOfAnotherResource => {
            &["auth.metadata"]
        }
        Fault::AnyTextIsToken | Fault::UnsignedToken => &["auth.invalid-token"],
        Fault::SignatureUnchecked => &["auth.damaged-token"],
        Fault::QueryToken => &["auth.query-token"],
        Fault::SessionOfAnyone => &["auth.session"],
        Fault::DeleteOfAnyone => &["auth.session-end"],
        Fault::TaskOfAnyone => &["auth.task"],
        other => panic!("no check is meant for {other:?}"),
    }
}
