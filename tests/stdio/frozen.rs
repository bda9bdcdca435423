//! A process and its environment, frozen by Lambda and thawed.

use std::time::Duration;

use lambda_emulator::{Emulator, EnvironmentId};
use rustix::process::{Pid, Signal, kill_process_group};
use test_support::refused;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use super::{
    lambda::{count, emulated, emulated_within, http},
    *,
};

/// An environment with the process that it has started. Lambda freezes all processes of an environment at once.
struct Environment {
    emulator: Emulator,
    id: EnvironmentId,
    /// The process, which leads a group of its own.
    process: Pid,
}

impl Environment {
    async fn of(emulator: Emulator) -> Self {
        let pid = count(&emulator).await["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        let process = pid.and_then(Pid::from_raw).expect("the id of a process");
        let id = emulator.environments()[0].id;
        Self { emulator, id, process }
    }

    fn freeze(&self) {
        kill_process_group(self.process, Signal::STOP).expect("a group");
        self.emulator.freeze(self.id).expect("an environment");
    }

    fn thaw(&self) {
        self.emulator.thaw(self.id).expect("an environment");
        kill_process_group(self.process, Signal::CONT).expect("a group");
    }
}

/// Calls a tool that its process answers when it is let, and does something as soon as the process has the call.
async fn meanwhile(environment: &Environment, act: impl AsyncFnOnce(&mut TcpStream)) -> Reply {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let at = http(&environment.emulator);
    let calling = call("after", json!({ "address": address })).send(&at);
    let acting = async {
        let accepted = tokio::time::timeout(Duration::from_secs(10), listener.accept()).await;
        let (mut stream, _) = accepted.expect("the call reaches the process").expect("a connection");
        act(&mut stream).await;
        stream
    };
    // The connection stays open until the call has ended.
    futures::join!(calling, acting).0
}

#[tokio::test]
async fn a_response_that_comes_after_a_thaw_is_that_of_its_call() {
    let environment = Environment::of(emulated(1, &[]).await).await;
    let reply = meanwhile(&environment, async |process| {
        environment.freeze();
        process.write_all(b"x").await.expect("a connection");
        environment.thaw();
    });
    let process = environment.process.as_raw_nonzero().get();
    assert_eq!(result(reply.await).await["structuredContent"]["pid"], process);
    // It lies in the pipe while the environment alone is frozen.
    let reply = meanwhile(&environment, async |process| {
        environment.emulator.freeze(environment.id).expect("an environment");
        process.write_all(b"x").await.expect("a connection");
        environment.emulator.thaw(environment.id).expect("an environment");
    });
    assert_eq!(result(reply.await).await["structuredContent"]["pid"], process);
    environment.emulator.shutdown().await;
}

#[tokio::test]
async fn a_process_that_stays_frozen_costs_its_call_no_more_than_the_deadline() {
    let environment = Environment::of(emulated_within(Duration::from_secs(4), 1, &[]).await).await;
    let reply = meanwhile(&environment, async |_| {
        kill_process_group(environment.process, Signal::STOP).expect("a group");
    });
    let (_, code, body) = refused(reply.await).await;
    let text = body["error"]["message"].as_str().expect("a text");
    assert!(code == -32603 && text.contains("did not finish within"), "{text}");
    // Its response comes too late for that call, and is not taken for another one.
    kill_process_group(environment.process, Signal::CONT).expect("a group");
    let after = count(&environment.emulator).await;
    assert_eq!(
        (&after["count"], &after["pid"]),
        (&json!(2), &json!(environment.process.as_raw_nonzero().get()))
    );
    environment.emulator.shutdown().await;
}
