//! Servers of PostgreSQL, which the tests start: of the packages of Debian, as a user that is not root.

use std::{
    io::{BufRead, BufReader},
    os::unix::{
        fs::{DirBuilderExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::{Client, NoTls};

use crate::{process::alive, waiting::eventually};

/// What is said where there is no PostgreSQL.
const MISSING: &str = "tests with PostgreSQL need its programs initdb and pg_ctl: apt-get install --no-install-recommends postgresql";

/// What runs until its standard input ends, which is when the test does, however it ends.
const RUN: &str = r#"
"$1/initdb" -D "$2/data" -A trust -U mcp -E UTF8 --no-sync >"$2/log" 2>&1 || { cat "$2/log" >&2; exit 1; }
"$1/pg_ctl" -D "$2/data" -l "$2/log" -w -t 60 -o "-k $2 -c listen_addresses= -c max_connections=400 $3" start >/dev/null ||
    { cat "$2/log" >&2; exit 1; }
echo ready
read -r _
"$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
rm -rf "$2"
"#;

/// A server.
pub struct PostgresServer {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    /// What stops the server when its input ends.
    _keeper: Child,
}

impl PostgresServer {
    /// Starts a server that loses what is not on the disk when the machine fails.
    pub fn fast() -> Self {
        Self::start("-c fsync=off -c synchronous_commit=off -c full_page_writes=off")
    }

    /// Starts a server as it is by default: what it has acknowledged is on the disk.
    pub fn durable() -> Self {
        Self::start("")
    }

    fn start(settings: &str) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mcp-pg-{}-{number}", std::process::id()));
        let programs = programs().expect(MISSING);
        let user = other_user();
        std::fs::DirBuilder::new().mode(0o700).create(&folder).expect("a folder");
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group)).expect("a folder of another user");
        }
        let mut command = Command::new("sh");
        command.args(["-c", RUN, "sh"]).arg(&programs).arg(&folder).arg(settings).current_dir(&folder);
        as_user(&mut command, user);
        let mut keeper =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell that starts it");
        let mut line = String::new();
        let read = BufReader::new(keeper.stdout.take().expect("its output")).read_line(&mut line);
        assert!(read.is_ok() && line == "ready\n", "PostgreSQL has not started: see the lines above");
        Self { folder, programs, user, _keeper: keeper }
    }

    /// The URL of its database, with these tables first in the search.
    fn url(&self, schema: &str) -> String {
        format!(
            "postgres:///postgres?host={}&user=mcp&options=-csearch_path%3D{schema}",
            self.folder.display()
        )
    }

    /// The URL of an empty schema.
    pub async fn schema(&self) -> String {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let schema = format!("s{}", MADE.fetch_add(1, Ordering::Relaxed));
        let client = connect(&self.url("public")).await;
        client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.expect("a schema");
        self.url(&schema)
    }

    /// Kills all its processes, as a failing machine does.
    pub async fn kill(&self) {
        let file = self.folder.join("data/postmaster.pid");
        let first = std::fs::read_to_string(&file).expect("its process id");
        let first = first.lines().next().expect("a line").to_owned();
        let mut processes =
            std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).expect("PostgreSQL runs");
        processes.push_str(&first);
        let processes: Vec<u32> = processes.split_whitespace().filter_map(|id| id.parse().ok()).collect();
        for id in &processes {
            let id = i32::try_from(*id).ok().and_then(Pid::from_raw).expect("the id of a process");
            // One that has ended meanwhile needs no signal.
            let _ = kill_process(id, Signal::KILL);
        }
        for id in processes {
            eventually("ended", || !alive(id)).await;
        }
        // A process that has ended and that nothing has waited for still has its id, which PostgreSQL takes for another server.
        for file in [file, self.folder.join(".s.PGSQL.5432.lock")] {
            std::fs::remove_file(file).expect("no server runs");
        }
    }

    /// Starts it again after [`kill`](Self::kill).
    pub fn restart(&self) {
        let mut command = Command::new(self.programs.join("pg_ctl"));
        command.arg("-D").arg(self.folder.join("data")).arg("-l").arg(self.folder.join("log"));
        let settings = format!("-k {} -c listen_addresses= -c max_connections=400", self.folder.display());
        command.args(["-w", "-t", "60", "-o", &settings, "start"]).current_dir(&self.folder);
        as_user(&mut command, self.user);
        let has_started = command.stdout(Stdio::null()).status().expect("pg_ctl").success();
        let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(has_started, "it has not started again: {}", log());
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self._keeper.stdin.take());
        let _ = self._keeper.wait();
    }
}

/// The URL of an empty schema at the server that the tests of a process share.
pub async fn schema() -> String {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(PostgresServer::fast).schema().await
}

/// The folder of the server of a URL, with its socket.
pub fn folder(url: &str) -> String {
    let (_, rest) = url.split_once("host=").expect("a socket");
    rest.split('&').next().unwrap_or_default().to_owned()
}

/// A connection beside that of the store.
#[expect(clippy::disallowed_methods, reason = "the connection ends with its client")]
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL answers");
    tokio::spawn(connection);
    client
}

/// The folder of its programs.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|found| found.filter_map(Result::ok).map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    #[expect(clippy::disallowed_methods, reason = "programs are found as a shell finds them")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions.into_iter().rev().chain(std::env::split_paths(&path)).find(|folder| has_programs(folder))
}

fn has_programs(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("pg_ctl").is_file()
}

/// The user and group that run it where the test is root, which PostgreSQL refuses to be.
fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("users");
    let found =
        ["postgres:", "nobody:"].iter().find_map(|name| users.lines().find(|user| user.starts_with(name)));
    let mut fields = found.expect("a user postgres or nobody").split(':').skip(2).map(|id| id.parse().ok());
    Some((fields.next()??, fields.next()??))
}

fn as_user(command: &mut Command, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
}
