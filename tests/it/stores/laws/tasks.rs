//! Laws of `TaskStore`, and of the operations that are built on it.

use std::{collections::BTreeSet, time::Duration};

use mcp_lambda_server::{
    Principal, StoreError,
    session::Versioned,
    tasks::{
        Checkpoint, ExternalUpdate, HeldTask, LARGEST_OUTCOME, LeaseTerms, Task, TaskCursor, TaskError,
        TaskId, TaskInput, TaskLimits, TaskOutcome, TaskStatus, Tasks,
    },
};
use serde_json::{Map, Value, json};

use super::{Lab, principal};

/// After this long, a task that is due has been returned.
const BLIND: Duration = Duration::from_secs(5 * 60);

pub(super) fn tasks(lab: &Lab) -> Tasks {
    Tasks::new(lab.stores.tasks.clone(), lab.clock.clone(), TaskLimits::default())
}

pub(super) fn task(lab: &Lab, owner: &Principal) -> Task {
    Task::new(owner.clone(), "render", r#"{"name":"render"}"#, lab.clock.now(), lab.ttl)
}

async fn created(lab: &Lab, owner: &Principal) -> TaskId {
    let task = task(lab, owner);
    tasks(lab).create(&task).await.expect("created");
    task.id
}

async fn claimed(lab: &Lab, id: &TaskId) -> HeldTask {
    tasks(lab).claim(id).await.expect("claimed").expect("it has not ended")
}

pub(super) fn completed(text: &str) -> TaskOutcome {
    TaskOutcome::Completed(Map::from_iter([("text".to_owned(), json!(text))]))
}

pub(crate) async fn a_created_task_reads_back_as_it_was_written(lab: &Lab) {
    let owner = principal("owner");
    let task = task(lab, &owner);
    tasks(lab).create(&task).await.expect("created");
    assert_eq!(tasks(lab).get(&owner, &task.id).await.expect("there"), task);
    assert_eq!(task.status(), TaskStatus::Working);
    let again = lab.stores.tasks.create(&task, usize::MAX).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
}

pub(crate) async fn a_task_of_another_principal_does_not_exist(lab: &Lab) {
    let (owner, other) = (principal("owner"), principal("other"));
    let id = created(lab, &owner).await;
    let tasks = tasks(lab);
    for id in [&id, &TaskId::random()] {
        let answers = [("key".to_owned(), json!(1))];
        let refused = [
            tasks.get(&other, id).await,
            tasks.cancel(&other, id).await,
            tasks.answer(&other, id, &answers).await,
        ];
        assert!(refused.iter().all(|found| matches!(found, Err(TaskError::NotFound))), "{refused:?}");
    }
    assert_eq!(tasks.list(&other, None, 10).await.expect("listed"), (Vec::new(), None));
    assert_eq!(tasks.get(&owner, &id).await.expect("untouched").status(), TaskStatus::Working);
}

pub(crate) async fn tasks_that_are_polled_together_are_those_that_are_live(lab: &Lab) {
    let (one, two) = (created(lab, &principal("one")).await, created(lab, &principal("two")).await);
    let mut held = claimed(lab, &two).await;
    held.set_message("half").await.expect("held");
    let short = Task::new(principal("one"), "render", "{}", lab.clock.now(), Duration::from_secs(1));
    tasks(lab).create(&short).await.expect("created");
    lab.clock.advance(Duration::from_secs(1));
    let ids = [two.clone(), TaskId::random(), short.id, one.clone()];
    let mut polled = lab.stores.tasks.load_many(&ids).await.expect("read");
    polled.sort_by_key(|found| found.value.id != one);
    let mut loaded = Vec::new();
    for id in [&one, &two] {
        loaded.push(lab.stores.tasks.load(id).await.expect("read").expect("live"));
    }
    let seen = |found: &[Versioned<Task>]| -> Vec<_> {
        found.iter().map(|found| (found.rev, found.value.clone())).collect()
    };
    assert_eq!(seen(&polled), seen(&loaded));
    assert_eq!(lab.stores.tasks.load_many(&[]).await.expect("read").len(), 0);
}

pub(crate) async fn an_expired_task_is_absent(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let mut held = claimed(lab, &id).await;
    lab.expire_all();
    assert!(matches!(tasks(lab).get(&owner, &id).await, Err(TaskError::NotFound)));
    assert!(matches!(held.finish(&TaskOutcome::Cancelled).await, Err(TaskError::NotFound)));
    assert!(tasks(lab).list(&owner, None, 10).await.expect("listed").0.is_empty());
    assert!(!lab.stores.tasks.due(1_000).await.expect("read").contains(&id));
}

pub(crate) async fn one_worker_holds_a_task_and_a_stale_one_writes_nothing(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let mut first = claimed(lab, &id).await;
    assert!(matches!(tasks(lab).claim(&id).await, Err(TaskError::NotDue { .. })));
    first.heartbeat().await.expect("held");
    lab.clock.advance(LeaseTerms::default().length);
    let mut second = claimed(lab, &id).await;
    assert!(second.lease().token > first.lease().token);
    assert_eq!(second.task().state.attempt(), 2);
    let stale = [
        first.heartbeat().await,
        first.set_message("stale").await,
        first.checkpoint(&Checkpoint::new("1", json!("stale"))).await,
        first.ask("key", &json!("stale")).await.map(drop),
        first.release(Duration::ZERO).await,
        first.finish(&completed("stale")).await,
    ];
    assert!(stale.iter().all(|outcome| matches!(outcome, Err(TaskError::Superseded))), "{stale:?}");
    second.finish(&completed("second")).await.expect("held");
    let task = tasks(lab).get(&owner, &id).await.expect("there");
    assert_eq!(task.state.outcome(), Some(&completed("second")));
    assert!(matches!(first.finish(&completed("stale")).await, Err(TaskError::Ended(TaskStatus::Completed))));
}

pub(crate) async fn an_ended_task_never_changes(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let mut held = claimed(lab, &id).await;
    held.ask("name", &json!({ "q": 1 })).await.expect("asked");
    held.finish(&completed("done")).await.expect("finished");
    let ended = tasks(lab).get(&owner, &id).await.expect("there");
    assert_eq!((ended.call.as_str(), ended.status()), ("", TaskStatus::Completed));
    held.finish(&completed("done")).await.expect("the same again");
    assert!(held.finish(&completed("other")).await.is_err());
    lab.clock.advance(Duration::from_secs(1));
    tasks(lab).cancel(&owner, &id).await.expect("acknowledged");
    tasks(lab).answer(&owner, &id, &[("name".into(), json!(1))]).await.expect("ignored");
    assert!(matches!(tasks(lab).claim(&id).await, Err(TaskError::Ended(TaskStatus::Completed))));
    assert_eq!(tasks(lab).get(&owner, &id).await.expect("there"), ended);
}

pub(crate) async fn a_checkpoint_is_there_for_the_next_attempt(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let mut first = claimed(lab, &id).await;
    let checkpoint = Checkpoint::new("1.2.0", json!({ "frame": 40, "ü": [null] }));
    first.checkpoint(&checkpoint).await.expect("held");
    first.set_message("frame 40").await.expect("held");
    lab.clock.advance(LeaseTerms::default().length);
    let second = claimed(lab, &id).await;
    let state = &second.task().state;
    assert_eq!((state.checkpoint(), state.message()), (Some(&checkpoint), Some("frame 40")));
    assert_eq!(second.task().call, r#"{"name":"render"}"#);
}

pub(crate) async fn a_question_is_open_until_it_is_answered_and_its_key_stands_for_it(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let mut held = claimed(lab, &id).await;
    for key in ["one", "two"] {
        assert_eq!(held.ask(key, &json!({ "ask": key })).await.expect("asked"), None);
    }
    let open =
        |task: &Task| -> Vec<String> { task.state.open_inputs().map(|(key, _)| key.to_owned()).collect() };
    let found = tasks(lab).get(&owner, &id).await.expect("there");
    assert_eq!((found.status(), open(&found)), (TaskStatus::InputRequired, vec!["one".into(), "two".into()]));

    let answer = async |key: &str, value: Value| {
        tasks(lab).answer(&owner, &id, &[(key.to_owned(), value)]).await.expect("kept")
    };
    let found = answer("one", json!(1)).await;
    assert_eq!((found.status(), open(&found)), (TaskStatus::InputRequired, vec!["two".into()]));
    answer("one", json!("again")).await;
    answer("unknown", json!(3)).await;
    assert_eq!(answer("two", json!(2)).await.status(), TaskStatus::Working);

    assert_eq!(held.ask("one", &json!({ "ask": "one" })).await.expect("known"), Some(json!(1)));
    let other = held.ask("two", &json!({ "ask": "another" })).await;
    assert!(matches!(other, Err(TaskError::KeyTaken { .. })), "{other:?}");
}

pub(crate) async fn a_waiting_task_is_due_when_its_last_question_is_answered(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let mut held = claimed(lab, &id).await;
    held.ask("one", &json!(1)).await.expect("asked");
    held.release_until_answered().await.expect("held");
    assert!(matches!(tasks(lab).claim(&id).await, Err(TaskError::NotDue { .. })));
    tasks(lab).answer(&owner, &id, &[("one".into(), json!("yes"))]).await.expect("kept");
    let held = claimed(lab, &id).await;
    assert_eq!((held.answer("one"), held.task().state.attempt()), (Some(&json!("yes")), 1));
}

pub(crate) async fn a_queued_task_is_cancelled_at_once_and_a_running_one_is_told(lab: &Lab) {
    let owner = principal("owner");
    let queued = created(lab, &owner).await;
    assert_eq!(tasks(lab).cancel(&owner, &queued).await.expect("cancelled").status(), TaskStatus::Cancelled);
    assert!(matches!(tasks(lab).claim(&queued).await, Err(TaskError::Ended(TaskStatus::Cancelled))));

    let running = created(lab, &owner).await;
    let mut held = claimed(lab, &running).await;
    for _ in 0..2 {
        assert_eq!(tasks(lab).cancel(&owner, &running).await.expect("marked").status(), TaskStatus::Working);
    }
    assert!(held.refresh().await.expect("held").state.is_cancelled());
    held.release(Duration::from_secs(60)).await.expect("held");
    assert_eq!(tasks(lab).get(&owner, &running).await.expect("there").status(), TaskStatus::Cancelled);

    let abandoned = created(lab, &owner).await;
    let _lost = claimed(lab, &abandoned).await;
    tasks(lab).cancel(&owner, &abandoned).await.expect("marked");
    lab.clock.advance(LeaseTerms::default().length);
    assert!(tasks(lab).claim(&abandoned).await.expect("read").is_none(), "it ends instead");
    assert_eq!(tasks(lab).get(&owner, &abandoned).await.expect("there").status(), TaskStatus::Cancelled);
}

pub(crate) async fn a_task_that_is_ended_as_cancelled_stays_so_in_the_hands_of_its_worker(lab: &Lab) {
    let (owner, other) = (principal("owner"), principal("other"));
    let id = created(lab, &owner).await;
    let mut held = claimed(lab, &id).await;
    assert!(matches!(tasks(lab).end(&other, &id).await, Err(TaskError::NotFound)));
    assert_eq!(tasks(lab).end(&owner, &id).await.expect("ended").status(), TaskStatus::Cancelled);
    let late =
        [held.heartbeat().await, held.set_message("late").await, held.finish(&completed("late")).await];
    let is_ended =
        |late: &Result<(), TaskError>| matches!(late, Err(TaskError::Ended(TaskStatus::Cancelled)));
    assert!(late.iter().all(is_ended), "{late:?}");
    assert!(matches!(tasks(lab).end(&owner, &id).await, Err(TaskError::Ended(TaskStatus::Cancelled))));
    let found = tasks(lab).get(&owner, &id).await.expect("there");
    assert_eq!((found.status(), found.call.as_str()), (TaskStatus::Cancelled, ""));
}

pub(crate) async fn a_task_that_kills_its_workers_fails_with_a_reason(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    for _ in 0..LeaseTerms::default().attempts {
        claimed(lab, &id).await;
        lab.clock.advance(LeaseTerms::default().length);
    }
    assert!(tasks(lab).claim(&id).await.expect("read").is_none());
    let task = tasks(lab).get(&owner, &id).await.expect("there");
    let Some(TaskOutcome::Failed(error)) = task.state.outcome() else { panic!("{task:?}") };
    assert!(error.message.contains("5 attempts"), "{error:?}");
}

pub(crate) async fn a_hand_over_is_no_attempt_and_waits_as_long_as_it_says(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    for _ in 0..2 * LeaseTerms::default().attempts {
        claimed(lab, &id).await.release(Duration::from_secs(5)).await.expect("held");
        assert!(matches!(tasks(lab).claim(&id).await, Err(TaskError::NotDue { .. })));
        lab.clock.advance(Duration::from_secs(5));
    }
    let held = claimed(lab, &id).await;
    assert_eq!((held.task().state.attempt(), held.lease().token), (1, 11));
}

pub(crate) async fn the_end_of_a_workers_time_is_a_failed_attempt_unless_the_task_came_further(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let attempts = LeaseTerms::default().attempts;
    for round in 0..2 * attempts {
        let mut held = claimed(lab, &id).await;
        held.checkpoint(&Checkpoint::new("1", json!(round))).await.expect("held");
        held.hand_over().await.expect("held");
    }
    for attempt in 1..=attempts {
        let mut held = claimed(lab, &id).await;
        assert_eq!(held.task().state.attempt(), attempt);
        let last = Checkpoint::new("1", json!(2 * attempts - 1));
        held.checkpoint(&last).await.expect("held");
        held.hand_over().await.expect("held");
    }
    assert!(tasks(lab).claim(&id).await.expect("read").is_none(), "it ends instead");
    assert_eq!(tasks(lab).get(&owner, &id).await.expect("there").status(), TaskStatus::Failed);
}

pub(crate) async fn an_answer_that_a_worker_has_not_seen_makes_its_task_due_at_once(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let mut held = claimed(lab, &id).await;
    for key in ["one", "two"] {
        held.ask(key, &json!(key)).await.expect("asked");
    }
    let answer = |key: &str| [(key.to_owned(), json!("yes"))];
    tasks(lab).answer(&owner, &id, &answer("one")).await.expect("kept");
    held.release_until_answered().await.expect("held");
    let mut held = claimed(lab, &id).await;
    held.release_until_answered().await.expect("held");
    assert!(matches!(tasks(lab).claim(&id).await, Err(TaskError::NotDue { .. })));
    tasks(lab).answer(&owner, &id, &answer("two")).await.expect("kept");
    claimed(lab, &id).await;
}

pub(crate) async fn another_system_answers_and_ends_a_task_that_a_worker_runs(lab: &Lab) {
    let owner = principal("owner");
    let id = created(lab, &owner).await;
    let mut held = claimed(lab, &id).await;
    held.ask("approve", &json!("?")).await.expect("asked");
    let update = async |update| tasks(lab).update(&id, &update).await;
    let noted = update(ExternalUpdate::Message("asked Ada".into())).await.expect("noted");
    assert_eq!(noted.state.message(), Some("asked Ada"));
    update(ExternalUpdate::Answers(vec![("approve".into(), json!(true))])).await.expect("kept");
    held.refresh().await.expect("held");
    assert_eq!(held.answer("approve"), Some(&json!(true)));
    for _ in 0..2 {
        let ended = update(ExternalUpdate::Outcome(completed("by another"))).await.expect("ended");
        assert_eq!(ended.state.outcome(), Some(&completed("by another")));
    }
    let late = held.finish(&completed("by the worker")).await;
    assert!(matches!(late, Err(TaskError::Ended(TaskStatus::Completed))), "{late:?}");
    for late in [ExternalUpdate::Outcome(TaskOutcome::Cancelled), ExternalUpdate::Message("late".into())] {
        assert!(matches!(update(late).await, Err(TaskError::Ended(TaskStatus::Completed))));
    }
    let unknown = tasks(lab).update(&TaskId::random(), &ExternalUpdate::Message(String::new())).await;
    assert!(matches!(unknown, Err(TaskError::NotFound)), "{unknown:?}");
}

pub(crate) async fn parts_above_their_limits_are_refused_with_what_to_do(lab: &Lab) {
    let owner = principal("owner");
    let long = |size: usize| "x".repeat(size);
    let call = Task::new(owner.clone(), "render", long(128 * 1024 + 1), lab.clock.now(), lab.ttl);
    let id = created(lab, &owner).await;
    let mut held = claimed(lab, &id).await;
    let refused = [
        tasks(lab).create(&call).await,
        held.checkpoint(&Checkpoint::new("1", json!(long(Checkpoint::LARGEST)))).await,
        held.ask("key", &json!(long(TaskInput::LARGEST))).await.map(drop),
        held.ask(&long(TaskInput::LONGEST_KEY), &json!(1)).await.map(drop),
        held.finish(&completed(&long(LARGEST_OUTCOME))).await,
    ];
    for outcome in refused {
        let error = outcome.expect_err("too large");
        assert!(matches!(error, TaskError::TooLarge { .. }), "{error:?}");
        assert!(error.to_string().contains("keep it elsewhere and refer to it"), "{error}");
    }
    for key in 0..TaskInput::MOST {
        held.ask(&key.to_string(), &json!(key)).await.expect("asked");
    }
    assert!(matches!(held.ask("one more", &json!(1)).await, Err(TaskError::TooManyInputs { .. })));
    let large = completed(&long(LARGEST_OUTCOME - 100));
    held.finish(&large).await.expect("it fits");
    assert_eq!(tasks(lab).get(&owner, &id).await.expect("there").state.outcome(), Some(&large));
}

/// Everything at its limit at once is still one item of DynamoDB.
pub(crate) async fn a_task_with_every_part_at_its_limit_is_kept(lab: &Lab) {
    let owner = principal("owner");
    let call = "x".repeat(128 * 1024);
    let task = Task::new(owner.clone(), "render", call.clone(), lab.clock.now(), lab.ttl);
    tasks(lab).create(&task).await.expect("created");
    let mut held = claimed(lab, &task.id).await;
    held.checkpoint(&Checkpoint::new("1", json!("x".repeat(Checkpoint::LARGEST - 100)))).await.expect("kept");
    for key in ["a", "b", "c", "d", "e"] {
        held.ask(key, &json!("x".repeat(TaskInput::LARGEST - 2))).await.expect("asked");
    }
    held.set_message(&"ü".repeat(1_000)).await.expect("cut");
    let found = tasks(lab).get(&owner, &task.id).await.expect("there");
    assert_eq!((found.call, found.state.message().map(str::len)), (call, Some(1024)));
}

pub(crate) async fn a_principal_has_at_most_the_limit_of_open_tasks(lab: &Lab) {
    let (owner, other) = (principal("owner"), principal("other"));
    let create = async |owner: &Principal| {
        let task = task(lab, owner);
        lab.stores.tasks.create(&task, 2).await.map(|()| task.id)
    };
    let first = create(&owner).await.expect("created");
    create(&owner).await.expect("created");
    for _ in 0..2 {
        let refused = create(&owner).await;
        assert!(matches!(refused, Err(StoreError::Full { limit: 2, .. })), "{refused:?}");
    }
    create(&other).await.expect("another principal");
    tasks(lab).cancel(&owner, &first).await.expect("cancelled");
    create(&owner).await.expect("an ended task does not count");
    assert!(create(&owner).await.is_err());
    lab.expire_all();
    create(&owner).await.expect("an expired task does not count");
}

pub(crate) async fn a_list_holds_the_owners_tasks_newest_first_page_by_page(lab: &Lab) {
    let owner = principal("owner");
    let mut ids = Vec::new();
    for index in 0..7 {
        ids.push(created(lab, &owner).await);
        // Two are as old as each other.
        lab.clock.advance(Duration::from_millis(index % 2));
    }
    let (tasks, mut seen, mut after) = (tasks(lab), Vec::new(), None::<TaskCursor>);
    loop {
        let (page, next) = tasks.list(&owner, after.as_ref(), 3).await.expect("listed");
        assert!(page.len() <= 3);
        seen.extend(page.into_iter().map(|task| (task.created_at, task.id)));
        let Some(next) = next else { break };
        after = Some(next.to_string().parse().expect("a cursor is read back"));
    }
    assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");
    let seen: BTreeSet<_> = seen.into_iter().map(|(_, id)| id).collect();
    assert_eq!(seen, ids.into_iter().collect());
    let anonymous = Principal::anonymous();
    created(lab, &anonymous).await;
    assert_eq!(tasks.list(&anonymous, None, 10).await.expect("listed"), (Vec::new(), None));
}

pub(crate) async fn a_task_that_no_worker_runs_is_found(lab: &Lab) {
    let owner = principal("owner");
    let (lost, abandoned) = (created(lab, &owner).await, created(lab, &owner).await);
    let (running, ended) = (created(lab, &owner).await, created(lab, &owner).await);
    let waiting = created(lab, &owner).await;
    let (_gone, mut held) = (claimed(lab, &abandoned).await, claimed(lab, &running).await);
    claimed(lab, &ended).await.finish(&TaskOutcome::Cancelled).await.expect("finished");
    let mut asking = claimed(lab, &waiting).await;
    asking.ask("key", &json!(1)).await.expect("asked");
    asking.release_until_answered().await.expect("released");
    tasks(lab).answer(&owner, &waiting, &[("key".into(), json!(1))]).await.expect("kept");
    let mut found = BTreeSet::new();
    for _ in 0..10 {
        lab.clock.advance(BLIND / 10);
        held.heartbeat().await.expect("held");
        found.extend(tasks(lab).sweep(1_000).await.expect("swept"));
    }
    assert_eq!(found, [lost.clone(), abandoned, waiting].into_iter().collect());
}

/// Its message may wait in a long queue: to send it again each minute would make that longer.
pub(crate) async fn a_task_that_stays_due_is_returned_less_and_less_often(lab: &Lab) {
    let start = lab.clock.now();
    let task = Task::new(principal("owner"), "render", "{}", start, Duration::from_secs(3_600));
    tasks(lab).create(&task).await.expect("created");
    let mut returned = Vec::new();
    for _ in 0..70 {
        lab.clock.advance(Duration::from_secs(30));
        if tasks(lab).sweep(1_000).await.expect("swept").contains(&task.id) {
            returned.push(lab.clock.now().since(start));
        }
    }
    assert!(returned[0] <= BLIND, "{returned:?}");
    let pauses: Vec<_> = returned.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(pauses[..5], [60, 120, 240, 480, 960], "{returned:?}");
}
