//! The laws written at the store traits, proved on every store by the same functions.
//!
//! A new store joins with one line at the end of this file.

#![allow(deprecated, reason = "logging levels are tested until they are gone")]

use std::time::Duration;

use mcp_lambda_server::{Clock, MemoryStore, Stores, time::Timestamp};

use super::laws::Lab;

/// Writes one test per law.
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

macro_rules! on {
    ($store:ident, $make:expr) => {
        laws_of! { $store, $make;
            sessions:
                a_created_session_reads_back_as_it_was_written,
                a_taken_id_is_a_conflict,
                an_unknown_session_is_absent,
                what_changes_is_seen_at_the_next_read,
                an_expired_session_is_absent_and_nothing_revives_it,
                a_touch_moves_the_end_and_never_revives,
                end_is_idempotent_and_takes_everything_along,
                a_list_holds_the_owners_live_sessions_newest_first,
                subscriptions_are_a_set,
                subscriptions_live_as_long_as_their_session;
            state:
                a_rev_counts_the_writes_and_a_stale_one_is_a_conflict,
                what_is_not_there_is_written_with_rev_zero,
                keys_and_scopes_never_meet,
                any_json_reads_back_as_it_was_written,
                the_state_of_a_handle_ends_when_its_time_has_passed,
                the_state_of_a_session_lives_as_long_as_the_session,
                the_deployments_own_state_has_no_end;
            inbox:
                messages_are_read_oldest_first_until_they_are_discarded,
                a_message_that_is_put_twice_is_one_message,
                keys_and_sessions_never_meet,
                discarding_is_idempotent_and_takes_only_what_was_named,
                expired_messages_are_absent,
                messages_end_with_their_session;
            streams:
                an_open_stream_is_visible_with_what_it_was_opened_with,
                messages_read_back_in_order_after_any_position,
                a_part_written_again_changes_nothing,
                the_last_part_is_final_with_messages_and_without,
                nothing_is_read_beyond_a_message_that_is_missing,
                a_position_beyond_the_stored_end_is_continued_from,
                a_stream_without_its_end_is_broken_when_its_writer_must_be_dead,
                a_stream_is_read_only_through_its_session,
                a_stream_ends_with_its_session,
                an_expired_stream_is_unknown,
                a_long_stream_reads_back_whole;
            stream_leases:
                at_most_the_limit_hold,
                a_released_lease_is_free_and_releasing_is_idempotent,
                an_expired_lease_is_free,
                acquiring_a_held_lease_renews_it,
                owners_do_not_share;
            log:
                an_append_is_read_at_its_position_and_positions_grow,
                one_source_id_gets_one_position_in_a_scope,
                scopes_are_sequences_of_their_own,
                a_read_is_in_order_and_no_longer_than_asked,
                expired_events_are_left_out_and_their_positions_are_not_used_again,
                heads_answer_in_the_order_asked,
                a_reader_that_begins_at_the_end_reads_the_next_events,
                sealing_gaps_passes_expired_events_and_no_live_ones,
                global_events_are_kept_under_their_key_newest_first,
                events_of_one_caller_are_kept_apart_from_those_of_others,
                event_keys_are_listed_page_by_page_as_long_as_they_have_events;
            concurrency:
                of_writers_with_one_rev_exactly_one_succeeds,
                no_increment_is_lost,
                no_more_leases_than_the_limit_are_ever_held,
                concurrent_appends_get_positions_of_their_own,
                concurrent_deliveries_of_one_source_id_are_appended_once;
        }
    };
}

fn memory() -> Lab {
    let clock = Clock::manual(Timestamp(1_800_000_000_000));
    Lab { stores: Stores::of(MemoryStore::new(clock.clone())), clock, life: Duration::from_secs(600) }
}

on!(memory, super::super::memory());

on!(dynoxide, super::super::dynamo::embedded().await);

laws_of! { copied, super::super::dynamo::copied().await;
    log:
        an_append_is_read_at_its_position_and_positions_grow,
        one_source_id_gets_one_position_in_a_scope,
        scopes_are_sequences_of_their_own,
        a_read_is_in_order_and_no_longer_than_asked,
        heads_answer_in_the_order_asked,
        sealing_gaps_passes_expired_events_and_no_live_ones,
        global_events_are_kept_under_their_key_newest_first;
    concurrency:
        concurrent_appends_get_positions_of_their_own,
        concurrent_deliveries_of_one_source_id_are_appended_once;
}

on!(endpoint, super::super::dynamo::endpoint().await);

/// DynamoDB over HTTP as in AWS: a database embedded in the test, or the one that
/// `LAWS_DYNAMODB_ENDPOINT` names (DynamoDB Local, ministack), else embedded again.
mod dynamo {
    use std::time::Duration;

    use mcp_lambda_server::{Clock, Stores, dynamodb::DynamoStore, time::Timestamp};
    use test_support::dynamodb::{client, serve, tables};

    use crate::stores::laws::Lab;

    pub(crate) async fn embedded() -> Lab {
        lab(&serve().await, 1).await
    }

    /// With copies of the log, of which a reader sees one.
    pub(crate) async fn copied() -> Lab {
        lab(&serve().await, 3).await
    }

    pub(crate) async fn endpoint() -> Lab {
        #[expect(clippy::disallowed_methods, reason = "the test script names the server to test against")]
        match std::env::var("LAWS_DYNAMODB_ENDPOINT") {
            Ok(url) => lab(&url, 1).await,
            Err(_) => embedded().await,
        }
    }

    async fn lab(url: &str, replicas: usize) -> Lab {
        let (state, events) = tables(url).await;
        let clock = Clock::manual(Timestamp(1_800_000_000_000));
        let store = DynamoStore::new(client(url), &state, &events, clock.clone()).with_replicas(replicas);
        Lab { stores: Stores::of(store), clock, life: Duration::from_secs(600) }
    }
}
