//! Fronts: where requests come in. What each knows about a request, and HTTP does not.

use std::time::Duration;

use crate::time::Deadline;

/// Whether the front passes bytes on as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It does.
    Stream,
    /// It wants the whole body at once: a stream that waits for events would only hold it up.
    Buffered,
}

/// What a front knows about a request and HTTP does not.
#[derive(Debug, Clone, Copy)]
pub struct Ingress {
    /// Until when the request must be answered.
    pub deadline: Deadline,
    /// Whether bytes reach the client as they are written.
    pub delivery: Delivery,
    /// The longest life of a stream that waits for events, unless configured.
    pub stream_lifetime: Duration,
    /// Who vouches for the host name.
    pub host: HostCheck,
}

/// Whether the host name a request carries has to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostCheck {
    /// Anybody who reaches the socket could have made it up.
    Check,
    /// The front found us by it: it is checked only against a list that was configured.
    Routed,
}

impl Ingress {
    /// A front on the local machine: names are checked, and nothing bills the seconds of a stream.
    #[must_use]
    pub fn local(deadline: Deadline) -> Self {
        let stream_lifetime = Duration::from_secs(300);
        Self { deadline, delivery: Delivery::Stream, stream_lifetime, host: HostCheck::Check }
    }

    /// A gateway that routes requests by their host name, as Function URLs and API Gateway do.
    #[must_use]
    pub fn behind_gateway(deadline: Deadline, delivery: Delivery) -> Self {
        let stream_lifetime = Duration::from_secs(60);
        Self { deadline, delivery, stream_lifetime, host: HostCheck::Routed }
    }
}
