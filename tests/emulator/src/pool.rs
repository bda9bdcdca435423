//! All execution environments of the function: which one gets a request, when one starts, which have ended.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{net::TcpListener, sync::oneshot, time};
use tokio_util::sync::CancellationToken;

use crate::{
    answer::Answer,
    environment::{Answering, Environment, EnvironmentId, EnvironmentStatus, Refused},
    failure::{FunctionError, InvokeError},
    function::Function,
    invocation::{Invocation, Pending},
    listener::{self, Acknowledge},
    lock,
    process::{Logs, Process},
    routing::{Candidate, Chooser, Routing},
    runtime_api,
    tasks::Tasks,
};

/// How many environments there may be, and what happens when they are not enough.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    pub(crate) environments: usize,
    pub(crate) routing: Routing,
    /// Start a new environment rather than use one again, until there are as many as there may be.
    pub(crate) spread: bool,
    /// Requests that may wait when all are busy; the next one is throttled.
    pub(crate) queue: usize,
    /// How long they may wait.
    pub(crate) queue_timeout: Duration,
}

/// The environments of one function.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    function: Function,
    capacity: Capacity,
    acknowledge: Acknowledge,
    tasks: Tasks,
    /// Locked for a moment only, never across an await.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    environments: BTreeMap<EnvironmentId, Environment>,
    /// The output of every environment, also of those that have ended.
    logs: BTreeMap<EnvironmentId, Logs>,
    queue: VecDeque<Pending>,
    chooser: Chooser,
    /// Counts environments, for their numbers.
    started: u32,
    /// Counts deliveries, to order environments by their last use.
    delivered: u64,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(
        function: Function,
        capacity: Capacity,
        acknowledge: Acknowledge,
        tasks: Tasks,
    ) -> Self {
        let state = State {
            environments: BTreeMap::new(),
            logs: BTreeMap::new(),
            queue: VecDeque::new(),
            chooser: Chooser::new(capacity.routing),
            started: 0,
            delivered: 0,
            closed: false,
        };
        Pool(Arc::new(Shared { function, capacity, acknowledge, tasks, state: Mutex::new(state) }))
    }

    pub(crate) fn function(&self) -> &Function {
        &self.0.function
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    /// Runs one event and waits for the start of its answer. Dropping the future does not stop the invocation.
    pub(crate) async fn invoke(&self, invocation: Invocation) -> Result<Answer, InvokeError> {
        let request_id = invocation.request_id.clone();
        let (answer, mut answered) = oneshot::channel();
        self.submit(Pending { invocation, answer })?;
        match time::timeout(self.0.capacity.queue_timeout, &mut answered).await {
            Ok(answer) => return answer.map_err(|_| InvokeError::Stopped),
            Err(_) if self.withdraw(&request_id) => return Err(InvokeError::Throttled),
            Err(_) => {}
        }
        // It left the queue: from here on its own deadline ends it.
        answered.await.map_err(|_| InvokeError::Stopped)
    }

    /// Gives the request to an environment, starts one for it, or lets it wait.
    fn submit(&self, pending: Pending) -> Result<(), InvokeError> {
        let mut state = self.state();
        if state.closed {
            return Err(InvokeError::Stopped);
        }
        let Some(pending) = self.place(&mut state, pending) else { return Ok(()) };
        let coming: usize = state.environments.values().map(Environment::coming).sum();
        if state.queue.len() >= self.0.capacity.queue.saturating_add(coming) {
            return Err(InvokeError::Throttled);
        }
        state.queue.push_back(pending);
        Ok(())
    }

    /// Finds an environment for the request, new or used; gives the request back when there is none.
    fn place(&self, state: &mut State, pending: Pending) -> Option<Pending> {
        let capacity = &self.0.capacity;
        let room = state.environments.values().filter(|one| one.lives()).count() < capacity.environments;
        let mut pending = pending;
        if !(room && capacity.spread) {
            while let Some(id) = state.choose() {
                pending = self.deliver(state, id, pending)?;
            }
        }
        if room {
            self.start(state, pending);
            return None;
        }
        Some(pending)
    }

    /// Gives the request back when the connection of the environment is closed.
    fn deliver(&self, state: &mut State, id: EnvironmentId, pending: Pending) -> Option<Pending> {
        state.delivered += 1;
        let used = state.delivered;
        let Some(environment) = state.environments.get_mut(&id) else { return Some(pending) };
        let (request_id, attempt) =
            (pending.invocation.request_id.clone(), pending.invocation.attempt.clone());
        let over = CancellationToken::new();
        let returned = environment.deliver(pending, used, over.clone().drop_guard());
        if returned.is_none() {
            environment.tasks.spawn(self.clone().watch(id, request_id, attempt, over));
        }
        returned
    }

    /// Fails the invocation at its deadline, unless it is over before.
    async fn watch(self, id: EnvironmentId, request_id: String, attempt: String, over: CancellationToken) {
        let timeout = self.0.function.timeout;
        if over.run_until_cancelled(time::sleep(timeout)).await.is_none() {
            return;
        }
        let error = FunctionError::timed_out(&request_id, timeout);
        let mut state = self.state();
        if let Some(environment) = state.environments.get_mut(&id) {
            environment.expire(&request_id, &attempt, error);
        }
        self.settle(&mut state);
    }

    /// A cold start. The request that caused it gets its error.
    fn start(&self, state: &mut State, first: Pending) {
        state.started += 1;
        let id = EnvironmentId(state.started);
        match self.launch(id, state) {
            Ok((process, tasks)) => {
                let process = Arc::new(process);
                tasks.spawn(self.clone().reap(id, Arc::clone(&process)));
                tasks.spawn(self.clone().limit_initialisation(id));
                let function = &self.0.function;
                let rules = (function.concurrency, function.freezes());
                state.environments.insert(id, Environment::new(id, process, tasks, rules, first));
            }
            Err(error) => {
                let Pending { invocation, answer } = first;
                let error = FunctionError::not_started(&invocation.request_id, &error.to_string());
                let outcome = crate::answer::Outcome::Failed(error);
                let _ = answer.send(Answer { request_id: invocation.request_id, environment: id, outcome });
            }
        }
    }

    /// Opens a Runtime API and starts a process that speaks to it.
    fn launch(&self, id: EnvironmentId, state: &mut State) -> io::Result<(Process, Tasks)> {
        let (listener, address): (TcpListener, SocketAddr) = listener::bind(0)?;
        let (process, output) = Process::spawn(&self.0.function, address)?;
        let tasks = self.0.tasks.child();
        let logs = Logs::default();
        // The last output of a process is read after its end, so its logs belong to the emulator.
        logs.follow(id, output, &self.0.function, &self.0.tasks);
        state.logs.insert(id, logs);
        let pool = self.clone();
        listener::serve(listener, self.0.acknowledge, &tasks, move |request, _| {
            runtime_api::answer(pool.clone(), id, request)
        });
        Ok((process, tasks))
    }

    async fn limit_initialisation(self, id: EnvironmentId) {
        let limit = self.0.function.init_limit;
        time::sleep(limit).await;
        let mut state = self.state();
        let Some(environment) = state.environments.get_mut(&id).filter(|one| one.is_starting()) else {
            return;
        };
        environment.init_failed(|request_id| FunctionError::init_timed_out(request_id, limit));
        environment.kill();
    }

    /// Waits for the end of a process, fails its open requests, and removes it from the pool.
    async fn reap(self, id: EnvironmentId, process: Arc<Process>) {
        let status = process.reap().await;
        let mut state = self.state();
        let Some(mut environment) = state.environments.remove(&id) else { return };
        environment.ended(|request_id| FunctionError::exited(request_id, &status));
        self.settle(&mut state);
        drop(state);
        // Last, because this task is one of them.
        environment.tasks.stop();
    }

    /// Serves waiting requests, as far as there are environments or room for new ones.
    fn settle(&self, state: &mut State) {
        while let Some(pending) = state.queue.pop_front() {
            if let Some(pending) = self.place(state, pending) {
                state.queue.push_front(pending);
                return;
            }
        }
    }

    /// Takes a request out of the queue.
    fn withdraw(&self, request_id: &str) -> bool {
        let mut state = self.state();
        let before = state.queue.len();
        state.queue.retain(|pending| pending.invocation.request_id != request_id);
        state.queue.len() < before
    }

    /// `GET /runtime/invocation/next`: the environment is free.
    pub(crate) fn poll(&self, id: EnvironmentId) -> Result<oneshot::Receiver<Invocation>, Refused> {
        let mut state = self.state();
        let environment = state.environments.get_mut(&id).ok_or(Refused::InvalidState)?;
        let event = environment.poll()?;
        self.occupy(&mut state, id);
        Ok(event)
    }

    /// `GET /extension/event/next`.
    pub(crate) fn extension_polls(&self, id: EnvironmentId) {
        let mut state = self.state();
        if let Some(environment) = state.environments.get_mut(&id) {
            environment.extension_polls();
            self.occupy(&mut state, id);
        }
    }

    /// Gives an environment that may be free the request that waits for it, or the next of the queue; else freezes it.
    fn occupy(&self, state: &mut State, id: EnvironmentId) {
        let first = state.environments.get_mut(&id).and_then(Environment::take_first);
        if let Some(unheard) = first.and_then(|first| self.deliver(state, id, first)) {
            state.queue.push_front(unheard);
        }
        self.settle(state);
        if let Some(environment) = state.environments.get_mut(&id) {
            environment.rest();
        }
    }

    /// The function starts to answer.
    pub(crate) fn begin(
        &self,
        id: EnvironmentId,
        request: &str,
        attempt: Option<&str>,
    ) -> Result<Answering, Refused> {
        self.state().environments.get_mut(&id).ok_or(Refused::Stale)?.begin(request, attempt)
    }

    /// The answer has ended.
    pub(crate) fn finish(&self, id: EnvironmentId, request_id: &str, attempt: &str) {
        if let Some(environment) = self.state().environments.get_mut(&id) {
            environment.finish(request_id, attempt);
        }
    }

    pub(crate) fn attempt(&self, id: EnvironmentId, request_id: &str) -> Option<String> {
        self.state().environments.get(&id)?.attempt(request_id).map(str::to_owned)
    }

    /// The function reports that it cannot start.
    pub(crate) fn init_failed(&self, id: EnvironmentId, error: &FunctionError) {
        self.dismiss(id, |environment| {
            environment.init_failed(|_| error.clone());
            environment.leave();
        });
    }

    /// Takes one environment down as Lambda does.
    pub(crate) fn retire(&self, id: EnvironmentId) -> Option<()> {
        self.dismiss(id, Environment::terminate)
    }

    /// Lets an environment end by itself, and kills it when it does not.
    fn dismiss(&self, id: EnvironmentId, tell: impl FnOnce(&mut Environment)) -> Option<()> {
        let tasks = self.with(id, |environment| {
            tell(environment);
            environment.tasks.clone()
        })?;
        let (pool, grace) = (self.clone(), self.0.function.shutdown_grace);
        tasks.spawn(async move {
            time::sleep(grace).await;
            pool.with(id, Environment::kill);
        });
        Some(())
    }

    /// Changes one environment, then serves the requests that can run now.
    pub(crate) fn with<T>(&self, id: EnvironmentId, act: impl FnOnce(&mut Environment) -> T) -> Option<T> {
        let mut state = self.state();
        let done = state.environments.get_mut(&id).map(act);
        self.settle(&mut state);
        done
    }

    pub(crate) fn environments(&self) -> Vec<EnvironmentStatus> {
        self.state().environments.values().map(Environment::status).collect()
    }

    pub(crate) fn logs(&self, id: EnvironmentId) -> Option<Vec<String>> {
        self.state().logs.get(&id).map(Logs::lines)
    }

    /// Takes every environment down as Lambda does, and waits until their processes are gone.
    pub(crate) async fn close(&self) {
        let mut leaving = Vec::new();
        {
            let mut state = self.state();
            state.closed = true;
            state.queue.clear();
            for environment in state.environments.values_mut() {
                environment.terminate();
                leaving.push(Arc::clone(&environment.process));
            }
        }
        let gone = async {
            for process in &leaving {
                process.gone().await;
            }
        };
        if time::timeout(self.0.function.shutdown_grace, gone).await.is_err() {
            self.kill_all();
            for process in &leaving {
                process.gone().await;
            }
        }
    }

    /// SIGKILL to every process, without waiting.
    pub(crate) fn kill_all(&self) {
        let mut state = self.state();
        state.closed = true;
        state.queue.clear();
        state.environments.values_mut().for_each(Environment::kill);
    }
}

impl State {
    fn choose(&mut self) -> Option<EnvironmentId> {
        let candidates: Vec<Candidate> = self
            .environments
            .values_mut()
            .filter_map(|environment| Some((environment.id, environment.available()?)))
            .collect();
        self.chooser.choose(&candidates)
    }
}
