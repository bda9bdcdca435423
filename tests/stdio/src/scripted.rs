//! A server of the stdio transport that does what a test asks of it: `scripted-server [OPTION...]`
//!
//! * `--speaks 2026-07-28`, or a revision up to 2025-11-25 (the default), or `both`, which fixes the era with the first message
//! * `--greets`: prints lines to its standard output that are no messages
//! * `--exits CODE`: ends at once
//! * `--silent`: answers nothing
//! * `--stays`: does not end with its standard input, nor by SIGTERM

use std::io::{BufRead, Write, stderr, stdin, stdout};

use serde_json::{Map, Value, json};

/// A shell that starts two of its kind, as each of them does: more than 500 in all, which end by themselves after a minute.
const FORKS: &str = "
    fork() {
        if [ $1 -ge 8 ]; then exec sleep 60; fi
        fork $(($1 + 1)) &
        fork $(($1 + 1)) &
        wait
    }
    fork 0";

#[derive(Default)]
struct Server {
    /// The revision, or `both`.
    speaks: String,
    /// The era, once the first message has fixed it.
    is_stateless: bool,
    counter: u64,
    cancelled: Vec<Value>,
    subscribed: Vec<Value>,
    /// The requests to the client, until the call behind each is answered.
    asked: Vec<Asked>,
    /// The calls that wait for a cancellation.
    await_cancel: Vec<Value>,
    notified: Vec<Value>,
    next_id: u64,
    /// The token of the progress of a task.
    token: Value,
    client: Value,
}

/// A request to the client.
struct Asked {
    id: Value,
    /// The call that waits for it.
    call: Value,
    answer: Option<Value>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    if has("--greets") {
        println!("Welcome!\n\n[not json\n{{\"a\":1}}");
        eprintln!("a greeting for the log");
    }
    if let Some(code) = value("--exits") {
        eprintln!("cannot find its database\nplease configure one");
        std::process::exit(code.parse().unwrap_or(1));
    }
    let speaks = value("--speaks").cloned().unwrap_or_else(|| "2025-11-25".to_owned());
    let mut server = Server { is_stateless: speaks == "2026-07-28", speaks, ..Server::default() };
    for line in stdin().lock().lines() {
        let Ok(line) = line else { break };
        if has("--silent") {
            continue;
        }
        if let Ok(message) = serde_json::from_str(&line) {
            server.receive(message);
        }
    }
    if has("--stays") {
        loop {
            std::thread::park();
        }
    }
}

fn send(message: &Value) {
    let mut out = stdout().lock();
    // A reader that has left is the end of this program, which its standard input tells too.
    let _ = writeln!(out, "{message}");
    let _ = out.flush();
}

#[expect(clippy::needless_pass_by_value, reason = "each value is made for its message")]
fn notify(method: &str, params: Value) {
    send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
}

#[expect(clippy::needless_pass_by_value, reason = "each value is made for its message")]
fn respond(id: &Value, result: Value) {
    // Keys in the order of the TypeScript SDK.
    send(&json!({ "result": result, "jsonrpc": "2.0", "id": id }));
}

fn refuse(id: &Value, code: i64, text: &str) {
    send(
        &json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text, "data": { "of": "the server" } } }),
    );
}

fn text(text: impl Into<String>) -> Value {
    json!({ "content": [{ "type": "text", "text": text.into() }] })
}

impl Server {
    fn receive(&mut self, message: Value) {
        let (id, method) = (message["id"].clone(), message["method"].as_str().map(str::to_owned));
        match method {
            None => self.answered(&message),
            Some(method) if id.is_null() => match method.as_str() {
                "notifications/cancelled" => self.was_cancelled(&message["params"]["requestId"]),
                "notifications/initialized" => {}
                _ => self.notified.push(message),
            },
            Some(method) => self.request(&id, &method, &message["params"]),
        }
    }

    fn request(&mut self, id: &Value, method: &str, params: &Value) {
        let is_first = self.speaks == "both";
        if is_first {
            self.is_stateless = method == "server/discover";
            self.speaks = if self.is_stateless { "2026-07-28" } else { "2025-11-25" }.to_owned();
        }
        if self.is_stateless && params["_meta"]["io.modelcontextprotocol/protocolVersion"] != "2026-07-28" {
            let code = if method == "initialize" { -32022 } else { -32602 };
            return refuse(id, code, "every request names its version");
        }
        let result = match method {
            "server/discover" if self.is_stateless => self.described(),
            "initialize" if !self.is_stateless => {
                self.client = params.clone();
                self.described()
            }
            "tools/call" => return self.call(id, params),
            "tools/list" if params["cursor"] == "2" => {
                let mut tasked = tool("tasked");
                tasked["execution"] = json!({ "taskSupport": "required" });
                let mut look = tool("look");
                look["annotations"] = json!({ "readOnlyHint": true });
                json!({ "tools": [tool("ask"), tool("crash"), tasked, tool("ask-two"), look] })
            }
            "tasks/result" => {
                notify("notifications/progress", json!({ "progressToken": self.token, "progress": 1 }));
                text("the task is done")
            }
            "tools/list" => {
                let mut echo = tool("echo");
                echo["execution"] = json!({ "taskSupport": "optional" });
                echo["unknown"] = json!({ "kept": true });
                json!({ "tools": [echo, tool("progress")], "nextCursor": "2", "later": 1 })
            }
            "resources/list" => {
                json!({ "resources": [{ "uri": "scripted://one", "name": "one", "unknown": 1 }] })
            }
            "resources/templates/list" => {
                json!({ "resourceTemplates": [{ "uriTemplate": "scripted://{x}", "name": "any" }] })
            }
            "resources/read" if params["uri"] == "scripted://none" => {
                return refuse(id, if self.is_stateless { -32602 } else { -32002 }, "no such resource");
            }
            "resources/read" => {
                json!({ "contents": [{ "uri": params["uri"], "text": "read", "unknown": [1] }] })
            }
            "prompts/list" => json!({ "prompts": [{ "name": "greet", "arguments": [{ "name": "who" }] }] }),
            "prompts/get" => {
                json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": params["arguments"]["who"] } }] })
            }
            "completion/complete" => {
                json!({ "completion": { "values": ["a", "b"], "total": 2, "unknown": 1 } })
            }
            "logging/setLevel" => {
                notify(
                    "notifications/message",
                    json!({ "level": params["level"], "data": "the level is set" }),
                );
                json!({})
            }
            "resources/subscribe" => {
                self.subscribed.push(params["uri"].clone());
                json!({})
            }
            "resources/unsubscribe" => {
                self.subscribed.retain(|uri| *uri != params["uri"]);
                json!({})
            }
            "subscriptions/listen" => {
                let uris = params["notifications"]["resourceSubscriptions"].as_array().cloned();
                self.subscribed = uris.unwrap_or_default();
                return notify(
                    "notifications/subscriptions/acknowledged",
                    json!({ "notifications": params["notifications"] }),
                );
            }
            "scripted/echo" => json!({ "params": params, "notified": self.notified }),
            _ => return refuse(id, -32601, "Method not found"),
        };
        respond(id, self.complete(result));
    }

    fn described(&self) -> Value {
        let capabilities = json!({
            "tools": { "listChanged": true }, "prompts": {}, "completions": {}, "logging": {},
            "resources": { "subscribe": true, "listChanged": true },
            "experimental": { "scripted": { "x": 1 } },
        });
        let mut described =
            json!({ "capabilities": capabilities, "instructions": "Do what a test asks for" });
        let info = json!({ "name": "scripted", "version": "1.2.3", "title": "Scripted" });
        if self.is_stateless {
            described["supportedVersions"] = json!(["2026-07-28"]);
            described["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": info });
        } else {
            described["protocolVersion"] = json!(self.speaks);
            described["serverInfo"] = info;
        }
        described
    }

    /// What 2026-07-28 requires of a result.
    fn complete(&self, mut result: Value) -> Value {
        if self.is_stateless && result.get("resultType").is_none() {
            result["resultType"] = "complete".into();
            if result.get("tools").is_some() {
                result["ttlMs"] = 1000.into();
                result["cacheScope"] = "public".into();
            }
        }
        result
    }

    #[expect(clippy::disallowed_methods, reason = "a test asks for the environment of this process")]
    fn call(&mut self, id: &Value, params: &Value) {
        let arguments = &params["arguments"];
        let result = match params["name"].as_str().unwrap_or_default() {
            "echo" => {
                let mut result = text(arguments["message"].as_str().unwrap_or_default());
                result["received"] = params.clone();
                result["client"] = self.client.clone();
                result
            }
            "fails" => json!({ "content": [], "isError": true, "why": "asked for" }),
            "refuses" => return refuse(id, -32042, "refused"),
            "progress" => {
                for step in 1..=3 {
                    let token = &params["_meta"]["progressToken"];
                    notify(
                        "notifications/progress",
                        json!({ "progressToken": token, "progress": step, "total": 3, "message": "working" }),
                    );
                    notify(
                        "notifications/message",
                        json!({ "level": "info", "logger": "scripted", "data": { "step": step } }),
                    );
                }
                text("done")
            }
            "custom" => {
                notify("notifications/scripted", json!({ "x": 1 }));
                text("done")
            }
            "tasked" if params.get("task").is_none() => {
                return refuse(id, -32600, "the tool runs as a task only");
            }
            "tasked" => {
                self.token = params["_meta"]["progressToken"].clone();
                notify("notifications/tasks/status", json!({ "taskId": "t1", "status": "working" }));
                json!({ "task": { "taskId": "t1", "status": "working" } })
            }
            "count" => {
                self.counter += 1;
                json!({ "content": [], "structuredContent": { "count": self.counter, "pid": std::process::id() } })
            }
            "ask" | "look" => {
                self.counter += 1;
                return self.ask(id, params, 1);
            }
            "ask-two" => {
                self.counter += 1;
                return self.ask(id, params, 2);
            }
            "ask-again" => {
                return respond(
                    id,
                    json!({ "resultType": "input_required", "inputRequests": { "q": arguments } }),
                );
            }
            "hang" => return,
            "await-cancel" => return self.await_cancel(id),
            "after" => {
                after(arguments["address"].as_str().unwrap_or_default());
                json!({ "content": [], "structuredContent": { "pid": std::process::id() } })
            }
            "subscribed" => json!({ "content": [], "structuredContent": { "uris": self.subscribed } }),
            "cancelled" => json!({ "content": [], "structuredContent": { "cancelled": self.cancelled } }),
            "crash" => {
                eprintln!("{}", arguments["message"].as_str().unwrap_or("crashed"));
                let _ = stderr().flush();
                std::process::exit(7);
            }
            "big" => text("x".repeat(
                usize::try_from(arguments["bytes"].as_u64().unwrap_or_default()).unwrap_or_default(),
            )),
            "noise" => {
                for line in 0..arguments["lines"].as_u64().unwrap_or_default() {
                    println!("noise {line}");
                    eprintln!("noise {line}");
                }
                text("done")
            }
            "change" => {
                notify("notifications/tools/list_changed", json!({}));
                for uri in &self.subscribed {
                    notify("notifications/resources/updated", json!({ "uri": uri }));
                }
                text("done")
            }
            "env" => {
                let variables: Map<String, Value> = std::env::vars_os()
                    .map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()))
                    .collect();
                json!({ "content": [], "structuredContent": { "env": variables, "cwd": std::env::current_dir().ok() } })
            }
            "spawn" => {
                let spawned = std::process::Command::new("sleep").arg("600").spawn();
                json!({ "content": [], "structuredContent": { "pid": spawned.map(|child| child.id()).ok() } })
            }
            "fork" => {
                // A session of its own is a process group of its own, which is not killed with that of this process.
                let program = if arguments["apart"] == true { ["setsid", "sh"] } else { ["env", "sh"] };
                let mut command = std::process::Command::new(program[0]);
                let shell = command.args([program[1], "-c", FORKS]).spawn();
                json!({ "content": [], "structuredContent": { "pid": shell.map(|child| child.id()).ok() } })
            }
            name => return refuse(id, -32602, &format!("Unknown tool: {name}")),
        };
        respond(id, self.complete(result));
    }

    /// Asks the client, in the way of the era.
    fn ask(&mut self, id: &Value, params: &Value, times: usize) {
        let question = &params["arguments"];
        if !self.is_stateless {
            for _ in 0..times {
                self.next_id += 1;
                let ask = json!(format!("ask-{}", self.next_id));
                self.asked.push(Asked { id: ask.clone(), call: id.clone(), answer: None });
                send(
                    &json!({ "jsonrpc": "2.0", "id": ask, "method": question["method"], "params": question["params"] }),
                );
            }
            return;
        }
        if let Some(responses) = params.get("inputResponses") {
            let answer = json!({ "answers": responses, "state": params["requestState"] });
            return respond(id, self.complete(json!({ "content": [], "structuredContent": answer })));
        }
        respond(
            id,
            json!({ "resultType": "input_required", "inputRequests": { "q": question }, "requestState": "of the child" }),
        );
    }

    /// The client has answered: the call that has asked ends with its last answer.
    fn answered(&mut self, message: &Value) {
        let Some(asked) = self.asked.iter_mut().find(|asked| asked.id == message["id"]) else { return };
        let answer = json!({ "result": message["result"], "error": message["error"] });
        asked.answer = Some(answer.clone());
        let call = asked.call.clone();
        if self.asked.iter().any(|asked| asked.call == call && asked.answer.is_none()) {
            return;
        }
        self.asked.retain(|asked| asked.call != call);
        let mut answer = answer;
        answer["calls"] = self.counter.into();
        answer["pid"] = std::process::id().into();
        respond(&call, json!({ "content": [], "structuredContent": answer }));
    }

    fn was_cancelled(&mut self, id: &Value) {
        self.cancelled.push(id.clone());
        for call in std::mem::take(&mut self.await_cancel) {
            self.await_cancel(&call);
        }
    }

    /// Answers as soon as a call was cancelled.
    fn await_cancel(&mut self, id: &Value) {
        if self.cancelled.is_empty() {
            return self.await_cancel.push(id.clone());
        }
        let result = json!({ "content": [], "structuredContent": { "cancelled": self.cancelled } });
        respond(id, self.complete(result));
    }
}

/// Waits until a test has written a byte.
fn after(address: &str) {
    let connected = std::net::TcpStream::connect(address);
    let _ = connected.and_then(|mut stream| std::io::Read::read(&mut stream, &mut [0]));
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "inputSchema": { "type": "object", "properties": { "message": { "type": "string" } } } })
}
