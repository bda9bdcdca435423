//! The emulator: all parts put together, and the handle that a test holds.

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;

use crate::{
    answer::Answer,
    asynchronous::{Asynchronous, DeadLetter},
    builder::{Builder, StartError},
    control::Control,
    environment::{Environment, EnvironmentId, EnvironmentStatus},
    failure::InvokeError,
    ingress::{Ingress, IngressServer},
    invocation::{Invocation, SYNCHRONOUS_LIMIT},
    listener,
    pool::Pool,
    queue_trigger::QueueTrigger,
    tasks::Tasks,
};

/// One function under Lambda's rules on this machine.
///
/// Dropping it kills every environment at once; [`Emulator::shutdown`] shuts them down as Lambda does.
#[derive(Debug)]
pub struct Emulator {
    pool: Pool,
    asynchronous: Asynchronous,
    tasks: Tasks,
    ingresses: BTreeMap<Ingress, SocketAddr>,
    control: SocketAddr,
}

/// There is no such environment, or it has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no environment {0}")]
pub struct UnknownEnvironment(pub EnvironmentId);

impl Emulator {
    /// An emulator with Lambda's defaults. It needs at least a binary.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn open(builder: Builder) -> Result<Self, StartError> {
        let Builder {
            function,
            capacity,
            retries,
            rest,
            ingress_timeout,
            ports,
            control_port,
            acknowledge,
            trigger,
        } = builder;
        let tasks = Tasks::default();
        let pool = Pool::new(function, capacity, acknowledge, tasks.clone());
        let asynchronous = Asynchronous::new(pool.clone(), retries);
        if let Some((queue_url, concurrency)) = trigger {
            let trigger = QueueTrigger { pool: pool.clone(), queue_url };
            for _ in 0..concurrency {
                tasks.spawn(trigger.clone().run());
            }
        }
        let mut ingresses = BTreeMap::new();
        for ingress in Ingress::ALL {
            let port = ports.get(&ingress).copied().unwrap_or(0);
            let (listener, address) =
                listener::bind(port).map_err(|source| StartError::Port { port, source })?;
            let server = IngressServer {
                ingress,
                port: address.port(),
                pool: pool.clone(),
                rest: rest.clone(),
                ingress_timeout,
            };
            listener::serve(listener, acknowledge, &tasks, move |request, peer| {
                server.clone().answer(request, peer)
            });
            ingresses.insert(ingress, address);
        }
        let (listener, address) =
            listener::bind(control_port).map_err(|source| StartError::Port { port: control_port, source })?;
        let control = Control { pool: pool.clone(), asynchronous: asynchronous.clone() };
        listener::serve(listener, acknowledge, &tasks, move |request, _| control.clone().answer(request));
        Ok(Emulator { pool, asynchronous, tasks, ingresses, control: address })
    }

    /// The Function URL in `RESPONSE_STREAM` mode, without a slash at its end.
    #[must_use]
    pub fn function_url(&self) -> String {
        self.url(Ingress::FunctionUrl)
    }

    /// The URL of an ingress, without a slash at its end.
    #[must_use]
    pub fn url(&self, ingress: Ingress) -> String {
        // Every ingress was opened with the emulator.
        self.ingresses.get(&ingress).map(|address| format!("http://{address}")).unwrap_or_default()
    }

    /// The endpoint for AWS SDKs and for commands: [Invoke], `/forward`, `/environments`, `/dead-letters`.
    ///
    /// [Invoke]: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control)
    }

    /// The value of `MINISTACK_LAMBDA_PROXY_URL` for a function in ministack.
    #[must_use]
    pub fn forward_url(&self) -> String {
        format!("{}/forward", self.control_url())
    }

    /// Runs one event and waits for the answer, or for the start of a streamed one. `client_context` is its JSON.
    ///
    /// # Errors
    ///
    /// When Lambda would not run the function. A function that fails is an [`Answer`].
    pub async fn invoke(
        &self,
        payload: impl Into<Bytes>,
        client_context: Option<&str>,
    ) -> Result<Answer, InvokeError> {
        let payload = payload.into();
        if payload.len() > SYNCHRONOUS_LIMIT {
            return Err(InvokeError::PayloadTooLarge { limit: SYNCHRONOUS_LIMIT });
        }
        let invocation = Invocation::new(payload).with_client_context(client_context)?;
        self.pool.invoke(invocation).await
    }

    /// Accepts an event and returns its request id at once. When the function fails it is tried again, and in the end
    /// becomes a dead letter.
    ///
    /// # Errors
    ///
    /// When the payload is larger than 1 MB.
    pub fn invoke_async(&self, payload: impl Into<Bytes>) -> Result<String, InvokeError> {
        let invocation = Invocation::new(payload.into());
        let request_id = invocation.request_id.clone();
        self.asynchronous.accept(invocation)?;
        Ok(request_id)
    }

    /// Waits until every asynchronous event has succeeded, or become a dead letter.
    pub async fn settled(&self) {
        self.asynchronous.settled().await;
    }

    /// The asynchronous events that failed for good, oldest first.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.asynchronous.dead_letters()
    }

    /// All environments that are not gone, oldest first.
    #[must_use]
    pub fn environments(&self) -> Vec<EnvironmentStatus> {
        self.pool.environments()
    }

    /// Kills an environment, as a crash would. Its open requests fail, and the next request gets another environment.
    ///
    /// # Errors
    ///
    /// When there is no such environment.
    pub fn kill(&self, id: EnvironmentId) -> Result<(), UnknownEnvironment> {
        self.command(id, Environment::kill)
    }

    /// Freezes an environment in any state. It gets no request until it is thawed. Deadlines continue.
    ///
    /// # Errors
    ///
    /// When there is no such environment.
    pub fn freeze(&self, id: EnvironmentId) -> Result<(), UnknownEnvironment> {
        self.command(id, Environment::hold)
    }

    /// Thaws an environment: one frozen on command continues, one frozen between two requests runs without a request.
    ///
    /// # Errors
    ///
    /// When there is no such environment.
    pub fn thaw(&self, id: EnvironmentId) -> Result<(), UnknownEnvironment> {
        self.command(id, Environment::release)
    }

    /// Takes an environment down as Lambda does after a while without requests: SIGTERM for a process that registered
    /// an extension, SIGKILL for any other.
    ///
    /// # Errors
    ///
    /// When there is no such environment.
    pub fn retire(&self, id: EnvironmentId) -> Result<(), UnknownEnvironment> {
        self.pool.retire(id).ok_or(UnknownEnvironment(id))
    }

    fn command(
        &self,
        id: EnvironmentId,
        act: impl FnOnce(&mut Environment),
    ) -> Result<(), UnknownEnvironment> {
        self.pool.with(id, act).ok_or(UnknownEnvironment(id))
    }

    /// The standard output and error of an environment, oldest line first; also of one that has ended.
    #[must_use]
    pub fn logs(&self, id: EnvironmentId) -> Vec<String> {
        self.pool.logs(id).unwrap_or_default()
    }

    /// Takes every environment down, waits for the end of their processes, and closes all ports.
    pub async fn shutdown(self) {
        self.pool.close().await;
        self.tasks.stop();
        self.tasks.ended().await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.pool.kill_all();
        self.tasks.stop();
    }
}
