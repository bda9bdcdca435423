//! Laws of `StreamLeaseStore`.

use mcp_lambda_server::{Principal, stream::StreamLease};

use super::{Lab, principal};

async fn acquire(lab: &Lab, owner: &Principal, id: &str, limit: usize) -> bool {
    let request = StreamLease::new(owner.clone(), id, limit, lab.expiry());
    lab.stores.stream_leases.acquire(&request).await.expect("counted")
}

pub(crate) async fn at_most_the_limit_are_held(lab: &Lab) {
    let owner = principal("holder");
    assert!(acquire(lab, &owner, "a", 2).await);
    assert!(acquire(lab, &owner, "b", 2).await);
    assert!(!acquire(lab, &owner, "c", 2).await);
    assert!(acquire(lab, &owner, "c", 3).await, "the limit is the request's");
    assert!(!acquire(lab, &owner, "d", 0).await);
}

pub(crate) async fn a_released_lease_is_free_and_releasing_is_idempotent(lab: &Lab) {
    let owner = principal("holder");
    assert!(acquire(lab, &owner, "a", 1).await);
    for id in ["a", "a", "never"] {
        lab.stores.stream_leases.release(&owner, id).await.expect("released");
    }
    assert!(acquire(lab, &owner, "b", 1).await);
    lab.stores.stream_leases.release(&owner, "a").await.expect("not held any more");
    assert!(!acquire(lab, &owner, "c", 1).await);
}

pub(crate) async fn an_expired_lease_is_free(lab: &Lab) {
    let owner = principal("holder");
    assert!(acquire(lab, &owner, "a", 1).await);
    lab.expire_all();
    assert!(acquire(lab, &owner, "b", 1).await);
    assert!(!acquire(lab, &owner, "a", 1).await);
}

pub(crate) async fn acquiring_a_held_lease_renews_it(lab: &Lab) {
    let owner = principal("holder");
    assert!(acquire(lab, &owner, "a", 1).await);
    lab.clock.advance(lab.ttl / 2);
    assert!(acquire(lab, &owner, "a", 1).await, "a lease does not count against itself");
    lab.clock.advance(lab.ttl / 2);
    assert!(!acquire(lab, &owner, "b", 1).await, "it expires counted from its renewal");
}

pub(crate) async fn owners_are_counted_separately(lab: &Lab) {
    let (one, other) = (principal("one"), principal("other"));
    assert!(acquire(lab, &one, "a", 1).await);
    assert!(acquire(lab, &other, "a", 1).await);
    lab.stores.stream_leases.release(&other, "a").await.expect("released");
    assert!(!acquire(lab, &one, "b", 1).await);
}
