//! The messages between this process and a child: requests both ways, each matched with its response.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use mcp_lambda_core::protocol::encode;
use rmcp::ErrorData;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{message::FromChild, notice::Notice, outgoing::Outgoing};

/// How many messages of a child wait for a call of ours. Notifications beyond them are dropped, requests refused.
const PER_CALL: usize = 1024;

/// A message of a child that belongs to a call.
#[derive(Debug)]
pub(crate) enum CallEvent {
    /// Progress of the call: the parameters.
    Progress(Map<String, Value>),
    /// Another notification.
    Notification { method: String, params: Option<Value> },
    /// A list has changed, or a resource was updated.
    Notice(Notice),
    /// A request of the child for the client.
    Ask { id: Value, method: String, params: Option<Value> },
    /// The child no longer waits for the answer to its request of this id.
    Withdrawn(Value),
}

/// Who makes a call. Messages of a child that name no call go to the only caller there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A session.
    Session(String),
    /// A principal without a session.
    Principal(String),
    /// A caller that is not known from any other.
    Anonymous(u64),
}

/// Why a request to a child has no response of it.
#[derive(Debug, Clone)]
pub(crate) enum Failed {
    /// The child has ended, for this reason.
    Ended(Arc<str>),
    /// The child answers as many requests as it may.
    Busy(usize),
    /// The response was a line of this size, beyond this limit.
    TooLong { size: usize, limit: usize },
    /// The child's error.
    Error(ErrorData),
}

pub(crate) type Reply = Result<Value, Failed>;

struct Waiting {
    reply: oneshot::Sender<Reply>,
    call: Option<CallSide>,
}

/// The call that a request belongs to.
struct CallSide {
    owner: Owner,
    /// The token of the progress of the call.
    token: u64,
    events: mpsc::Sender<CallEvent>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u64, Waiting>,
    /// Why the child has ended.
    ended: Option<Arc<str>>,
}

/// The connection to a child.
pub(crate) struct Link {
    /// The name of the server, for the log.
    server: Arc<str>,
    outgoing: Arc<Outgoing>,
    next_id: AtomicU64,
    state: Mutex<State>,
    notices: mpsc::Sender<Notice>,
    most: usize,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A request to a child that is waited for. Dropping it before its response cancels it.
#[derive(Debug)]
pub(crate) struct Pending {
    id: u64,
    link: Arc<Link>,
    reply: oneshot::Receiver<Reply>,
    /// `initialize` may not be cancelled.
    may_cancel: bool,
    is_over: bool,
}

impl Link {
    pub(super) fn new(
        server: Arc<str>,
        outgoing: Arc<Outgoing>,
        notices: mpsc::Sender<Notice>,
        most: usize,
    ) -> Self {
        Self { server, outgoing, next_id: AtomicU64::new(1), state: Mutex::default(), notices, most }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request of this server, and waits for the response. It belongs to no call of a client.
    pub(crate) async fn request(self: &Arc<Self>, method: &str, params: &Value) -> Reply {
        let id = self.next_id();
        self.send(id, method, params, None).await?.reply().await
    }

    /// The next number: the id of a request, or the token of its progress.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a request of a call, and receives its messages on the way: those that name this token, and those that can belong to
    /// no other call.
    pub(crate) async fn call(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        owner: Owner,
        token: u64,
    ) -> Result<(Pending, mpsc::Receiver<CallEvent>), Failed> {
        let (events, received) = mpsc::channel(PER_CALL);
        let call = CallSide { owner, token, events };
        let pending = self.send(self.next_id(), method, params, Some(call)).await?;
        Ok((pending, received))
    }

    /// Sends a request that stays open.
    pub(crate) async fn open(self: &Arc<Self>, method: &str, params: &Value) -> Result<Pending, Failed> {
        self.send(self.next_id(), method, params, None).await
    }

    async fn send(
        self: &Arc<Self>,
        id: u64,
        method: &str,
        params: &Value,
        call: Option<CallSide>,
    ) -> Result<Pending, Failed> {
        let (reply, received) = oneshot::channel();
        {
            let mut state = self.state();
            if let Some(reason) = &state.ended {
                return Err(Failed::Ended(Arc::clone(reason)));
            }
            if state.waiting.len() >= self.most {
                return Err(Failed::Busy(self.most));
            }
            state.waiting.insert(id, Waiting { reply, call });
        }
        let may_cancel = method != "initialize";
        let mut pending =
            Pending { id, link: Arc::clone(self), reply: received, may_cancel: false, is_over: false };
        self.outgoing.send(encoded(&ToChild::request(id, method, params))).await;
        pending.may_cancel = may_cancel;
        Ok(pending)
    }

    /// Sends a notification.
    pub(crate) async fn notify(&self, method: &str, params: Option<&Value>) {
        self.outgoing.send(encoded(&ToChild::notification(method, params))).await;
    }

    /// Sends a request, and drops its response.
    pub(crate) fn request_now(&self, method: &str, params: &Value) {
        let id = self.next_id();
        self.send_now(encoded(&ToChild::request(id, method, params)));
    }

    /// Answers a request of the child.
    pub(crate) async fn respond(&self, id: &Value, outcome: &Result<Value, ErrorData>) {
        self.outgoing.send(response(id, outcome)).await;
    }

    /// Refuses a request of the child, without waiting for a child that does not read.
    pub(crate) fn refuse_now(&self, id: &Value, error: ErrorData) {
        self.send_now(response(id, &Err(error)));
    }

    /// Sends without waiting for a child that does not read.
    fn send_now(&self, message: Bytes) {
        if self.outgoing.send_now(message).is_err() {
            tracing::warn!(server = &*self.server, "the server does not read: a message for it was dropped");
        }
    }

    /// Takes a message of the child to where it belongs.
    pub(super) fn receive(&self, message: FromChild) {
        match message {
            FromChild::Response { id, outcome } => self.finish(id, outcome.map_err(Failed::Error)),
            FromChild::Notification { method, params } => self.notified(method, params),
            FromChild::Request { id, method, params } => self.asked(id, method, params),
        }
    }

    /// Ends one request.
    pub(super) fn finish(&self, id: u64, reply: Reply) {
        match self.state().waiting.remove(&id) {
            // The caller may have left meanwhile.
            Some(waiting) => drop(waiting.reply.send(reply)),
            None => tracing::debug!(server = &*self.server, id, "a response to no request, or too late"),
        }
    }

    /// Ends all requests: the child has ended.
    pub(super) fn end(&self, reason: &Arc<str>) {
        let waiting = {
            let mut state = self.state();
            state.ended = Some(Arc::clone(reason));
            std::mem::take(&mut state.waiting)
        };
        for waiting in waiting.into_values() {
            let _ = waiting.reply.send(Err(Failed::Ended(Arc::clone(reason))));
        }
    }

    /// Why the child has ended.
    pub(crate) fn ended(&self) -> Option<Arc<str>> {
        self.state().ended.clone()
    }

    /// Whether the child runs, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        self.state().ended.is_none()
    }

    /// How many calls of clients the child is answering.
    fn calls(&self) -> usize {
        self.state().waiting.values().filter(|waiting| waiting.call.is_some()).count()
    }

    /// The call that a message belongs to which names none: the newest one, if all calls are of one caller.
    fn only_caller(&self) -> Option<mpsc::Sender<CallEvent>> {
        let state = self.state();
        let calls = || state.waiting.iter().filter_map(|(id, waiting)| Some((id, waiting.call.as_ref()?)));
        let (_, newest) = calls().max_by_key(|(id, _)| *id)?;
        let is_only = calls().all(|(_, call)| call.owner == newest.owner);
        is_only.then(|| newest.events.clone())
    }

    fn notified(&self, method: String, params: Option<Value>) {
        match method.as_str() {
            "notifications/progress" => self.progressed(params),
            "notifications/cancelled" => {
                let id = params.and_then(|mut params| params.get_mut("requestId").map(Value::take));
                if let (Some(id), Some(call)) = (id, self.only_caller()) {
                    self.pass(&call, CallEvent::Withdrawn(id));
                }
            }
            "notifications/subscriptions/acknowledged" => {}
            "notifications/message" if self.calls() == 0 => {
                if let Some(notice) = Notice::of_message(params.as_ref()) {
                    self.noticed(notice);
                }
            }
            _ => match Notice::of(&method, params.as_ref()) {
                Some(notice) => self.noticed(notice),
                None => match self.only_caller() {
                    Some(call) => self.pass(&call, CallEvent::Notification { method, params }),
                    None => tracing::info!(
                        server = &*self.server,
                        method,
                        params = params.map(tracing::field::display),
                        "a message of the server that belongs to no one call"
                    ),
                },
            },
        }
    }

    /// A call that runs announces what has changed before it ends; else nothing waits for it.
    fn noticed(&self, notice: Notice) {
        let call = self.only_caller();
        let is_announced = call.is_some_and(|call| call.try_send(CallEvent::Notice(notice.clone())).is_ok());
        let notice = if is_announced { notice.announced() } else { notice };
        if self.notices.try_send(notice).is_err() {
            tracing::warn!(server = &*self.server, "the server announces more than can be published");
        }
    }

    fn progressed(&self, params: Option<Value>) {
        let Some(Value::Object(params)) = params else { return };
        let id = match params.get("progressToken") {
            Some(Value::String(text)) => text.parse().ok(),
            token => token.and_then(Value::as_u64),
        };
        let call = id.and_then(|id| {
            let state = self.state();
            let mut calls = state.waiting.values().filter_map(|waiting| waiting.call.as_ref());
            calls.find(|call| call.token == id).map(|call| call.events.clone())
        });
        match call {
            Some(call) => self.pass(&call, CallEvent::Progress(params)),
            None => tracing::debug!(server = &*self.server, "progress of no call"),
        }
    }

    fn pass(&self, call: &mpsc::Sender<CallEvent>, event: CallEvent) {
        if call.try_send(event).is_err() {
            tracing::debug!(server = &*self.server, "a notification that its call does not read in time");
        }
    }

    /// A request of the child is answered by the caller that it can be about.
    fn asked(&self, id: Value, method: String, params: Option<Value>) {
        if method == "ping" {
            self.send_now(response(&id, &Ok(json!({}))));
            return;
        }
        let Some(call) = self.only_caller() else {
            let text = if self.calls() == 0 {
                format!("{method}: no call of a client runs, so there is no client to ask")
            } else {
                format!("{method}: calls of several clients run, and which of them asks is not known")
            };
            self.send_now(response(&id, &Err(ErrorData::invalid_request(text, None))));
            return;
        };
        let refused = ErrorData::internal_error(format!("{method}: the call has too many messages"), None);
        let refusal = response(&id, &Err(refused));
        if call.try_send(CallEvent::Ask { id, method, params }).is_err() {
            self.send_now(refusal);
        }
    }
}

impl Pending {
    /// Waits for the response.
    pub(crate) async fn reply(&mut self) -> Reply {
        let reply = (&mut self.reply).await;
        self.is_over = true;
        reply.unwrap_or_else(|_| Err(Failed::Ended("the server has ended".into())))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.is_over || self.link.state().waiting.remove(&self.id).is_none() || !self.may_cancel {
            return;
        }
        let params = json!({ "requestId": self.id, "reason": "the client has cancelled the request" });
        self.link.send_now(encoded(&ToChild::notification("notifications/cancelled", Some(&params))));
    }
}

/// A request or a notification for a child.
#[derive(Serialize)]
struct ToChild<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a Value>,
}

impl<'a> ToChild<'a> {
    fn request(id: u64, method: &'a str, params: &'a Value) -> Self {
        Self { id: Some(id), ..Self::notification(method, Some(params)) }
    }

    fn notification(method: &'a str, params: Option<&'a Value>) -> Self {
        Self { jsonrpc: "2.0", id: None, method, params }
    }
}

/// The answer to a request of a child.
#[derive(Serialize)]
struct Answer<'a> {
    jsonrpc: &'static str,
    id: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorData>,
}

fn response(id: &Value, outcome: &Result<Value, ErrorData>) -> Bytes {
    encoded(&Answer { jsonrpc: "2.0", id, result: outcome.as_ref().ok(), error: outcome.as_ref().err() })
}

fn encoded(message: &impl Serialize) -> Bytes {
    let mut line = Vec::from(encode(message));
    line.push(b'\n');
    line.into()
}

#[cfg(test)]
mod tests;
