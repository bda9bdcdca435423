//! The ingress of a request: what the transport knows of it, and HTTP does not.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::time::Deadline;

/// How the ingress passes a response body on to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Each chunk is sent as soon as it is written.
    Stream,
    /// The client gets the body when it is complete, so a stream that waits for events would only delay it.
    Buffered,
}

/// What the transport of a request knows of it, and HTTP does not. A host puts it into the extensions of the request.
#[derive(Debug, Clone, Copy)]
pub struct Ingress {
    /// The time by which the response must be complete.
    pub deadline: Deadline,
    /// How the response body reaches the client.
    pub delivery: Delivery,
    /// The longest lifetime of a GET or listen stream, unless
    /// [`StreamConfig::lifetime`](crate::config::StreamConfig::lifetime) is set.
    pub stream_lifetime: Duration,
    /// Whether the `Host` header is checked.
    pub host: HostCheck,
    /// The address of the client, if the transport knows it. Limits distinguish anonymous callers by it, so a client must not
    /// be able to choose it.
    pub client: Option<IpAddr>,
}

/// When a response has ended at the latest, for a host that watches it: the response of a client that does not read is not
/// polled, and cannot end itself. A host puts it into the extensions of the request.
#[derive(Debug, Clone)]
pub(crate) struct ResponseDeadline(Arc<Mutex<Deadline>>);

impl ResponseDeadline {
    pub(crate) fn new(deadline: Deadline) -> Self {
        Self(Arc::new(Mutex::new(deadline)))
    }

    pub(crate) fn get(&self) -> Deadline {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, deadline: Deadline) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }
}

/// In the extensions of a request that was made of a message without HTTP: no header mirrors the arguments of a tool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WithoutHeaders;

/// Whether the `Host` header of a request is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostCheck {
    /// The header is checked: by default only loopback names are accepted, because a client chooses the header freely.
    Check,
    /// A gateway has routed the request by the header, so it is checked only if a list of hosts is configured.
    Routed,
}

impl Ingress {
    /// The ingress of a local address: host names are checked, and streams live for 5 minutes.
    #[must_use]
    pub fn local(deadline: Deadline) -> Self {
        let stream_lifetime = Duration::from_secs(300);
        Self { deadline, delivery: Delivery::Stream, stream_lifetime, host: HostCheck::Check, client: None }
    }

    /// The ingress behind a gateway that routes requests by their host name, as Function URLs and API Gateway do. Streams
    /// live for 60 seconds, because Lambda bills the time of a stream.
    #[must_use]
    pub fn behind_gateway(deadline: Deadline, delivery: Delivery) -> Self {
        let stream_lifetime = Duration::from_secs(60);
        Self { deadline, delivery, stream_lifetime, host: HostCheck::Routed, client: None }
    }

    /// Sets the address of the client.
    #[must_use]
    pub fn with_client(self, client: IpAddr) -> Self {
        Self { client: Some(client), ..self }
    }
}
