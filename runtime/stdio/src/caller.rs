//! Who calls, and so which child answers.

// SEP-2577 deprecates logging, sampling and roots; servers and clients use them until they are gone.
#![allow(deprecated)]

use std::sync::Arc;

use mcp_lambda_core::{auth::Principal, session::Session};
use rmcp::{
    Peer, RoleServer,
    model::{ClientCapabilities, Extensions, Implementation},
};

use crate::{
    child::{Audience, ClientSide, Owner},
    pool::{Key, Pool, Wanted},
    settings::{ChildPer, Settings},
    translate::params::passed,
};

/// The caller of a request or of a notification.
pub(crate) struct Caller {
    pub(crate) owner: Owner,
    pub(crate) wanted: Wanted,
}

impl Caller {
    pub(crate) fn of(
        extensions: &Extensions,
        principal: &Principal,
        peer: &Peer<RoleServer>,
        pool: &Pool,
    ) -> Self {
        let session = extensions.get::<Session>();
        let owner = match session {
            Some(session) => Owner::Session(session.id().to_string()),
            None if principal.is_anonymous() => Owner::Anonymous(pool.next_call()),
            None => Owner::Principal(principal.key().to_owned()),
        };
        let (key, audience) = match (pool.settings.child_per, session) {
            (ChildPer::Server, _) => (Key::Server, Audience::All),
            (ChildPer::Session, Some(session)) => {
                (Key::Session(session.id().to_string()), Audience::Session(session.id().clone()))
            }
            (ChildPer::Principal, _) if !principal.is_anonymous() => {
                (Key::Principal(principal.key().to_owned()), Audience::Principal(principal.clone()))
            }
            (ChildPer::Session | ChildPer::Principal | ChildPer::Invocation, _) => {
                (Key::Call(pool.next_call()), Audience::None)
            }
        };
        let client = match key {
            Key::Server => Arc::clone(&pool.everyone),
            _ => Arc::new(of_one(peer, &pool.settings)),
        };
        Self { owner, wanted: Wanted { key, audience, client } }
    }

    /// The child of a server that is started before anyone calls.
    pub(crate) fn everyone(pool: &Pool) -> Wanted {
        Wanted { key: Key::Server, audience: Audience::All, client: Arc::clone(&pool.everyone) }
    }
}

/// What a child learns of its client that serves all of them: what this server can pass on.
pub(crate) fn of_all(settings: &Settings) -> ClientSide {
    let mut capabilities =
        ClientCapabilities::builder().enable_sampling().enable_elicitation().enable_roots().build();
    if let Some(elicitation) = &mut capabilities.elicitation {
        elicitation.form = Some(rmcp::model::FormElicitationCapability::default());
        elicitation.url = Some(rmcp::model::UrlElicitationCapability::default());
    }
    let info = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    ClientSide { capabilities: passed(capabilities, settings), info }
}

/// What a child learns of its one client.
fn of_one(peer: &Peer<RoleServer>, settings: &Settings) -> ClientSide {
    let (capabilities, info) = match peer.peer_info() {
        Some(client) => (client.capabilities.clone(), client.client_info.clone()),
        None => (ClientCapabilities::default(), Implementation::new("unknown", "0")),
    };
    ClientSide { capabilities: passed(capabilities, settings), info }
}
