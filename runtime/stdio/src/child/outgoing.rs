//! The standard input of a child. A message is written where it is sent, without a task between; what the child does not read yet waits
//! for a task that writes it.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::AsyncWrite,
    sync::{Notify, Semaphore, SemaphorePermit},
};
use tokio_util::sync::CancellationToken;

/// How many messages wait for a child that does not read, beside the one that is being written.
pub(super) const QUEUED: usize = 64;

/// The standard input of a child.
pub(super) struct Outgoing {
    state: Mutex<State>,
    /// How many more messages may wait.
    room: Semaphore,
    /// Wakes the task.
    blocked: Notify,
}

struct State {
    /// `None`: it is closed.
    pipe: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// What is left of the message that is being written. Others wait only while there is one.
    rest: Bytes,
    waiting: VecDeque<Bytes>,
}

/// A message finds no room.
#[derive(Debug)]
pub(super) struct Full(Bytes);

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("room", &self.room.available_permits()).finish_non_exhaustive()
    }
}

impl Outgoing {
    pub(super) fn new(pipe: impl AsyncWrite + Send + 'static) -> Self {
        let pipe: Pin<Box<dyn AsyncWrite + Send>> = Box::pin(pipe);
        let state = State { pipe: Some(pipe), rest: Bytes::new(), waiting: VecDeque::new() };
        Self { state: Mutex::new(state), room: Semaphore::new(QUEUED), blocked: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message: waits for room, but not until the child has read it. A message for a child that has closed its standard input
    /// is dropped: the requests of such a child end with the reason.
    pub(super) async fn send(&self, message: Bytes) {
        let Err(Full(message)) = self.send_now(message) else { return };
        if let Ok(room) = self.room.acquire().await {
            self.write(message, Some(room));
        }
    }

    /// Sends a message if there is room for it.
    pub(super) fn send_now(&self, message: Bytes) -> Result<(), Full> {
        match self.write(message, self.room.try_acquire().ok()) {
            Some(message) => Err(Full(message)),
            None => Ok(()),
        }
    }

    /// Writes a message, or lets it wait behind others. Without room for that it is returned.
    fn write(&self, message: Bytes, room: Option<SemaphorePermit<'_>>) -> Option<Bytes> {
        let mut state = self.state();
        // The child has closed its standard input, so the message is dropped.
        state.pipe.as_ref()?;
        if !state.rest.is_empty() {
            let Some(room) = room else { return Some(message) };
            // It is given back when the message is written.
            room.forget();
            state.waiting.push_back(message);
            return None;
        }
        state.rest = message;
        // The task waits for the child with a waker of its own.
        if state.poll_write(&mut Context::from_waker(Waker::noop()), &self.room).is_pending() {
            self.blocked.notify_one();
        }
        None
    }

    /// Writes what waits until the child is to stop. Then its standard input is closed.
    pub(super) async fn run(&self, stop: &CancellationToken) {
        let writing = async {
            loop {
                self.blocked.notified().await;
                poll_fn(|context| self.state().poll_write(context, &self.room)).await;
            }
        };
        stop.run_until_cancelled(writing).await.unwrap_or(());
        self.state().close(&self.room);
    }
}

impl State {
    /// Writes all that there is, as far as the child reads it.
    fn poll_write(&mut self, context: &mut Context<'_>, room: &Semaphore) -> Poll<()> {
        while let Some(pipe) = &mut self.pipe {
            if self.rest.is_empty() {
                let Some(next) = self.waiting.pop_front() else { return Poll::Ready(()) };
                self.rest = next;
                room.add_permits(1);
            }
            match pipe.as_mut().poll_write(context, &self.rest) {
                Poll::Ready(Ok(written @ 1..)) => self.rest.advance(written),
                // The child has closed it.
                Poll::Ready(_) => self.close(room),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    fn close(&mut self, room: &Semaphore) {
        self.pipe = None;
        self.rest = Bytes::new();
        self.waiting = VecDeque::new();
        room.close();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    use super::*;

    /// The standard input of a child that is told to stop as soon as it has read `count` bytes, and what it reads in all.
    async fn read(outgoing: &Outgoing, mut child: DuplexStream, count: usize) -> String {
        let stop = CancellationToken::new();
        let reading = async {
            let mut text = vec![0; count];
            child.read_exact(&mut text).await.expect("bytes");
            stop.cancel();
            child.read_to_end(&mut text).await.expect("its end");
            String::from_utf8(text).expect("UTF-8")
        };
        futures::join!(outgoing.run(&stop), reading).1
    }

    #[tokio::test]
    async fn a_message_is_written_without_a_task_if_the_child_reads() {
        let (pipe, mut child) = duplex(64);
        let outgoing = Outgoing::new(pipe);
        outgoing.send("one\n".into()).now_or_never().expect("there is room");
        outgoing.send_now("two\n".into()).expect("there is room");
        let mut text = [0; 8];
        child.read_exact(&mut text).now_or_never().expect("it is there").expect("bytes");
        assert_eq!(&text, b"one\ntwo\n");
    }

    #[tokio::test]
    async fn messages_that_wait_are_written_in_their_order() {
        let (pipe, child) = duplex(3);
        let outgoing = Outgoing::new(pipe);
        let lines: Vec<_> = (0..=QUEUED).map(|number| format!("message {number}\n")).collect();
        for line in &lines {
            outgoing.send_now(line.clone().into()).expect("one is written, the others wait");
        }
        assert!(outgoing.send_now("none\n".into()).is_err());
        let later = outgoing.send("the last one\n".into());
        let expected = lines.concat() + "the last one\n";
        let (read, ()) = futures::join!(read(&outgoing, child, expected.len()), later);
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn a_message_for_a_child_that_does_not_read_any_more_is_lost_and_holds_nothing_up() {
        let (pipe, child) = duplex(3);
        let outgoing = Outgoing::new(pipe);
        for _ in 0..=QUEUED {
            outgoing.send_now("a message\n".into()).expect("room");
        }
        let waits = outgoing.send("another one\n".into());
        drop(child);
        let stop = CancellationToken::new();
        let stopping = async {
            waits.await;
            stop.cancel();
        };
        futures::join!(outgoing.run(&stop), stopping);
        outgoing.send("too late\n".into()).now_or_never().expect("it waits for nothing");
        assert!(outgoing.state().waiting.is_empty());
    }
}
