//! Laws of concurrent writers.

use std::{collections::BTreeSet, sync::Arc};

use mcp_lambda_server::{
    StoreError,
    events::{Appended, Scope},
    session::{SessionId, StateScope},
    stream::StreamLease,
};
use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet};

use super::{Lab, log, principal, tasks};

const WRITERS: usize = 16;

/// Runs `write` in one task for each writer, all started at once, and collects what they return.
async fn race<T, F>(lab: &Lab, write: impl Fn(usize, Arc<Lab>) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (lab, start) = (Arc::new(lab.same()), Arc::new(Barrier::new(WRITERS)));
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let (start, write) = (Arc::clone(&start), write(writer, Arc::clone(&lab)));
        tasks.spawn(async move {
            start.wait().await;
            write.await
        });
    }
    tasks.join_all().await
}

impl Lab {
    fn same(&self) -> Self {
        Self { stores: self.stores.clone(), clock: self.clock.clone(), ttl: self.ttl, _folder: None }
    }
}

pub(crate) async fn of_writers_with_one_rev_exactly_one_succeeds(lab: &Lab) {
    let scope = StateScope::Session(lab.session().await);
    for round in 0..10 {
        let outcomes = race(lab, |writer, lab| {
            let scope = scope.clone();
            async move { lab.stores.state.put_state(&scope, "key", &json!(writer), round, lab.expiry()).await }
        })
        .await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let lost = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::Conflict))).count();
        assert_eq!((won, lost), (1, WRITERS - 1));
    }
}

pub(crate) async fn no_increment_is_lost(lab: &Lab) {
    let scope = StateScope::Handle { owner: "owner".into(), handle: SessionId::random().to_string() };
    const EACH: u64 = 25;
    race(lab, |_, lab| {
        let scope = scope.clone();
        async move {
            for _ in 0..EACH {
                increment(&lab, &scope).await;
            }
        }
    })
    .await;
    let found = lab.stores.state.state(&scope, "count").await.expect("read").expect("there");
    assert_eq!(found.value, json!(EACH * WRITERS as u64));
    assert_eq!(found.rev, EACH * WRITERS as u64);
}

async fn increment(lab: &Lab, scope: &StateScope) {
    loop {
        let found = lab.stores.state.state(scope, "count").await.expect("read");
        let (count, rev) = found.map_or((0, 0), |found| (found.value.as_u64().expect("a count"), found.rev));
        match lab.stores.state.put_state(scope, "count", &json!(count + 1), rev, lab.expiry()).await {
            Ok(_) => return,
            Err(StoreError::Conflict) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn no_more_leases_than_the_limit_are_ever_held(lab: &Lab) {
    const LIMIT: usize = 5;
    let owner = principal("shared");
    for round in 0..5 {
        let held = race(lab, |writer, lab| {
            let (owner, id) = (owner.clone(), format!("{round}-{writer}"));
            async move {
                let request = StreamLease::new(owner.clone(), id.clone(), LIMIT, lab.expiry());
                let held = lab.stores.stream_leases.acquire(&request).await.expect("counted");
                held.then_some((owner, id))
            }
        })
        .await;
        let held: Vec<_> = held.into_iter().flatten().collect();
        assert!((1..=LIMIT).contains(&held.len()), "{} are held, the limit is {LIMIT}", held.len());
        for (owner, id) in held {
            lab.stores.stream_leases.release(&owner, &id).await.expect("released");
        }
    }
}

pub(crate) async fn concurrent_appends_get_different_sequence_numbers(lab: &Lab) {
    const EACH: usize = 10;
    let scope = Scope::Session(SessionId::random());
    let seqs = race(lab, |writer, lab| {
        let scope = scope.clone();
        async move {
            let mut seqs = Vec::new();
            for at in 0..EACH {
                let Appended::At(seq) = log::append(&lab, &scope, &format!("{writer}-{at}"), None).await
                else {
                    panic!("the event has no source id");
                };
                seqs.push(seq);
            }
            seqs
        }
    })
    .await;
    assert!(seqs.iter().all(|own| own.is_sorted()), "the events of one writer keep their order");
    let seqs: BTreeSet<_> = seqs.into_iter().flatten().collect();
    assert_eq!(seqs.len(), EACH * WRITERS);
    let read: Vec<_> = log::read(lab, &scope, 0, 1_000).await.into_iter().map(|event| event.seq).collect();
    assert_eq!(read, seqs.into_iter().collect::<Vec<_>>());
}

pub(crate) async fn concurrent_deliveries_of_one_source_id_are_appended_once(lab: &Lab) {
    let scope = Scope::Session(SessionId::random());
    let outcomes = race(lab, |writer, lab| {
        let scope = scope.clone();
        async move { log::append(&lab, &scope, &writer.to_string(), Some("the one")).await }
    })
    .await;
    let appended: Vec<_> = outcomes
        .iter()
        .filter_map(|done| if let Appended::At(seq) = done { Some(*seq) } else { None })
        .collect();
    let [seq] = appended[..] else { panic!("appended {} times", appended.len()) };
    let already = outcomes.iter().filter(|done| **done == Appended::Already(seq)).count();
    assert_eq!(already, WRITERS - 1);
    // A counter that was slow to respond may have counted twice, which leaves a gap without a writer.
    let start = lab.stores.events.seal_gap(&scope, 0).await.expect("sealed");
    assert_eq!(log::read(lab, &scope, start, 10).await.len(), 1);
}

pub(crate) async fn no_more_subscriptions_than_the_limit_are_ever_held(lab: &Lab) {
    let id = lab.session().await;
    let mut subscribing = JoinSet::new();
    for number in 0..12 {
        let (sessions, id) = (Arc::clone(&lab.stores.sessions), id.clone());
        subscribing.spawn(async move { sessions.subscribe(&id, &format!("test://{number}"), 4).await });
    }
    let mut held = 0;
    for subscribed in subscribing.join_all().await {
        match subscribed {
            Ok(()) => held += 1,
            Err(StoreError::Full { limit: 4, .. } | StoreError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(held <= 4);
    assert_eq!(lab.stores.sessions.subscriptions(&id).await.expect("read").len(), held);
}

pub(crate) async fn of_workers_that_claim_a_task_exactly_one_holds_it(lab: &Lab) {
    let task = tasks::task(lab, &principal("owner"));
    tasks::tasks(lab).create(&task).await.expect("created");
    let outcomes = race(lab, |_, lab| {
        let id = task.id.clone();
        async move { tasks::tasks(&lab).claim(&id).await }
    })
    .await;
    let held: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()?.as_ref()).collect();
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].lease().token, held[0].task().state.attempt()), (1, 1));
}

pub(crate) async fn no_more_tasks_than_the_limit_are_ever_open(lab: &Lab) {
    const LIMIT: usize = 5;
    let owner = principal("owner");
    let outcomes = race(lab, |_, lab| {
        let task = tasks::task(&lab, &owner);
        // A creation that other ones keep cancelling is tried again by its client.
        async move {
            loop {
                match lab.stores.tasks.create(&task, LIMIT).await {
                    Err(StoreError::Conflict) => {}
                    outcome => return outcome,
                }
            }
        }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), LIMIT);
    let full = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::Full { .. })));
    assert_eq!(full.count(), WRITERS - LIMIT);
}
