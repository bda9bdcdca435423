//! The laws of the store traits, run on every store by the same functions.
//!
//! A new store needs one line in this file.

#![allow(deprecated, reason = "logging levels are tested until they are gone")]

use std::time::Duration;

use mcp_lambda_server::{Clock, MemoryStore, Stores, time::Timestamp};

use super::laws::Lab;

/// Writes one test for each law.
macro_rules! laws_of {
    ($store:ident, $make:expr; $($family:ident: $($law:ident),+;)+) => {
        mod $store {
            $(mod $family {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $law() {
                        crate::stores::laws::$family::$law(&$make).await;
                    }
                )+
            })+
        }
    };
}

/// Writes the tests of all laws.
macro_rules! all_laws_of {
    ($store:ident, $make:expr) => {
        laws_of! { $store, $make;
            sessions:
                a_created_session_reads_back_as_it_was_written,
                a_taken_id_is_a_conflict,
                an_unknown_session_is_absent,
                a_change_is_seen_by_the_next_read,
                an_expired_session_is_absent_and_is_not_revived,
                a_touch_moves_the_expiry_and_never_revives,
                end_is_idempotent_and_removes_everything,
                a_list_holds_the_owners_live_sessions_newest_first,
                subscriptions_are_a_set,
                a_session_subscribes_to_as_many_resources_as_the_limit,
                subscriptions_live_as_long_as_their_session;
            state:
                a_rev_grows_with_each_write_and_a_stale_one_is_a_conflict,
                an_absent_value_is_written_with_rev_zero,
                keys_and_scopes_are_kept_apart,
                any_json_reads_back_as_it_was_written,
                a_value_above_the_largest_is_refused,
                the_values_of_handles_and_of_the_authorization_server_expire,
                the_values_of_a_session_live_as_long_as_the_session,
                the_values_of_the_deployment_never_expire;
            inbox:
                messages_are_read_oldest_first_until_they_are_discarded,
                a_message_that_is_put_twice_is_one_message,
                recipients_and_sessions_are_kept_apart,
                discarding_is_idempotent_and_removes_only_the_given_messages,
                expired_messages_are_absent,
                messages_end_with_their_session;
            streams:
                an_open_stream_is_visible_with_its_first_part,
                messages_are_read_in_order_after_any_sequence_number,
                a_part_written_again_changes_nothing,
                the_last_part_is_final_with_or_without_messages,
                no_message_is_read_beyond_a_missing_one,
                a_stream_is_resumed_after_a_message_that_is_not_stored,
                a_stream_without_its_last_part_is_broken_once_its_writer_has_ended,
                a_stream_is_read_only_through_its_session,
                a_stream_ends_with_its_session,
                an_expired_stream_is_unknown,
                a_long_stream_is_read_as_a_whole;
            stream_leases:
                at_most_the_limit_are_held,
                a_released_lease_is_free_and_releasing_is_idempotent,
                an_expired_lease_is_free,
                acquiring_a_held_lease_renews_it,
                owners_are_counted_separately;
            tasks:
                a_created_task_reads_back_as_it_was_written,
                a_task_of_another_principal_does_not_exist,
                tasks_that_are_polled_together_are_those_that_are_live,
                an_expired_task_is_absent,
                one_worker_holds_a_task_and_a_stale_one_writes_nothing,
                an_ended_task_never_changes,
                a_checkpoint_is_there_for_the_next_attempt,
                a_question_is_open_until_it_is_answered_and_its_key_stands_for_it,
                a_waiting_task_is_due_when_its_last_question_is_answered,
                a_queued_task_is_cancelled_at_once_and_a_running_one_is_told,
                a_task_that_is_ended_as_cancelled_stays_so_in_the_hands_of_its_worker,
                a_task_that_kills_its_workers_fails_with_a_reason,
                a_hand_over_is_no_attempt_and_waits_as_long_as_it_says,
                the_end_of_a_workers_time_is_a_failed_attempt_unless_the_task_came_further,
                an_answer_that_a_worker_has_not_seen_makes_its_task_due_at_once,
                another_system_answers_and_ends_a_task_that_a_worker_runs,
                parts_above_their_limits_are_refused_with_what_to_do,
                a_task_with_every_part_at_its_limit_is_kept,
                a_principal_has_at_most_the_limit_of_open_tasks,
                a_list_holds_the_owners_tasks_newest_first_page_by_page,
                a_task_that_no_worker_runs_is_found,
                a_task_that_stays_due_is_returned_less_and_less_often;
            log:
                an_append_is_read_at_its_sequence_number_and_they_grow,
                one_source_id_gets_one_sequence_number_in_a_scope,
                scopes_are_separate_sequences,
                a_read_is_in_order_and_within_its_limit,
                expired_events_are_absent_and_their_sequence_numbers_are_not_reused,
                heads_are_in_the_order_of_the_request,
                a_reader_that_starts_at_the_end_reads_later_events,
                sealing_passes_expired_events_and_no_live_one,
                global_events_are_kept_by_event_key_newest_first,
                events_of_one_principal_are_kept_apart_from_those_of_others,
                event_keys_are_listed_page_by_page_while_they_have_events,
                an_event_above_the_largest_is_refused,
                the_newest_events_are_read_past_a_page_or_said_to_be_cut;
            concurrency:
                of_writers_with_one_rev_exactly_one_succeeds,
                no_increment_is_lost,
                no_more_leases_than_the_limit_are_ever_held,
                no_more_subscriptions_than_the_limit_are_ever_held,
                of_workers_that_claim_a_task_exactly_one_holds_it,
                no_more_tasks_than_the_limit_are_ever_open,
                concurrent_appends_get_different_sequence_numbers,
                concurrent_deliveries_of_one_source_id_are_appended_once;
        }
    };
}

fn memory() -> Lab {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let stores = Stores::of(MemoryStore::new(clock.clone()));
    Lab { stores, clock, ttl: Duration::from_secs(600), _folder: None }
}

all_laws_of!(memory, super::super::memory());

all_laws_of!(sqlite, super::super::files::lab(1));

// Each trait of a store in a process of its own, as far as SQLite can tell: they share the file alone.
all_laws_of!(sqlite_of_several_processes, super::super::files::lab(7));

all_laws_of!(postgres, super::super::database::lab(1).await);

// Each trait of a store in a process of its own, as far as PostgreSQL can tell.
all_laws_of!(postgres_of_several_processes, super::super::database::lab(7).await);

all_laws_of!(dynoxide, super::super::dynamo::embedded().await);

laws_of! { replicated, super::super::dynamo::replicated().await;
    log:
        an_append_is_read_at_its_sequence_number_and_they_grow,
        one_source_id_gets_one_sequence_number_in_a_scope,
        scopes_are_separate_sequences,
        a_read_is_in_order_and_within_its_limit,
        heads_are_in_the_order_of_the_request,
        sealing_passes_expired_events_and_no_live_one,
        global_events_are_kept_by_event_key_newest_first;
    concurrency:
        concurrent_appends_get_different_sequence_numbers,
        concurrent_deliveries_of_one_source_id_are_appended_once;
}

all_laws_of!(endpoint, super::super::dynamo::endpoint().await);

/// A file of SQLite.
mod files {
    use std::{sync::Arc, time::Duration};

    use mcp_lambda_server::{
        Clock, Stores,
        sqlite::{SqliteLimits, SqliteStore},
        time::Timestamp,
    };

    use crate::stores::laws::{Folder, Lab};

    pub(crate) fn lab(connections: usize) -> Lab {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let folder = Folder::new();
        let open = |_| {
            let limits = SqliteLimits::default();
            Arc::new(SqliteStore::open(&folder.0.join("laws.db"), clock.clone(), limits).expect("a file"))
        };
        let stores: Vec<Arc<SqliteStore>> = (0..connections).map(open).collect();
        let of = |number: usize| Arc::clone(&stores[number % connections]);
        let all = Stores::memory(clock.clone())
            .with_sessions(of(0))
            .with_state(of(1))
            .with_inbox(of(2))
            .with_streams(of(3))
            .with_stream_leases(of(4))
            .with_tasks(of(5))
            .with_events(of(6));
        Lab { stores: all, clock, ttl: Duration::from_secs(600), _folder: Some(folder) }
    }
}

/// A server of PostgreSQL, with tables of its own for each law.
mod database {
    use std::{sync::Arc, time::Duration};

    use mcp_lambda_server::{
        Clock, Stores,
        postgres::{PostgresLimits, PostgresStore, migrate},
        time::Timestamp,
    };
    use test_support::postgres;

    use crate::stores::laws::Lab;

    pub(crate) async fn lab(connections: usize) -> Lab {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let url = postgres::schema().await.parse().expect("a URL");
        migrate(&url).await.expect("tables");
        let mut stores = Vec::new();
        for _ in 0..connections {
            let store = PostgresStore::connect(&url, clock.clone(), PostgresLimits::default()).await;
            stores.push(Arc::new(store.expect("a database")));
        }
        let of = |number: usize| Arc::clone(&stores[number % connections]);
        let all = Stores::memory(clock.clone())
            .with_sessions(of(0))
            .with_state(of(1))
            .with_inbox(of(2))
            .with_streams(of(3))
            .with_stream_leases(of(4))
            .with_tasks(of(5))
            .with_events(of(6));
        Lab { stores: all, clock, ttl: Duration::from_secs(600), _folder: None }
    }
}

/// DynamoDB over HTTP, as in AWS: a database embedded in the test, or the one at `LAWS_DYNAMODB_ENDPOINT` (DynamoDB Local,
/// ministack).
mod dynamo {
    use std::time::Duration;

    use mcp_lambda_server::{Clock, Stores, dynamodb::DynamoStore, time::Timestamp};
    use test_support::dynamodb::{client, serve, tables_with};

    use crate::stores::laws::Lab;

    pub(crate) async fn embedded() -> Lab {
        lab(&serve().await, 1).await
    }

    /// With three replicas of the log, of which a reader sees one.
    pub(crate) async fn replicated() -> Lab {
        lab(&serve().await, 3).await
    }

    pub(crate) async fn endpoint() -> Lab {
        #[expect(clippy::disallowed_methods, reason = "the test script sets the endpoint")]
        match std::env::var("LAWS_DYNAMODB_ENDPOINT") {
            Ok(url) => lab(&url, 1).await,
            Err(_) => embedded().await,
        }
    }

    async fn lab(url: &str, replicas: usize) -> Lab {
        let client = client(url);
        let (state, events) = tables_with(&client).await;
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let store = DynamoStore::new(client, &state, &events, clock.clone()).with_replicas(replicas);
        Lab { stores: Stores::of(store), clock, ttl: Duration::from_secs(600), _folder: None }
    }
}
