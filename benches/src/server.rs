//! What the server costs beside models and tools: `server.*` rows.

#![allow(clippy::expect_used, clippy::cast_precision_loss, clippy::indexing_slicing, reason = "a bench that cannot go on must stop")]

use crate::{
    Failure, Rows,
    measure::{quantiles, resident_kib_of},
};
use async_trait::async_trait;
use axum::{Router, body::Bytes, routing::post};
use caxton_client::Client;
use caxton_config::server::{FileRead, Options, Sources, load};
use caxton_llm::{DeltaSink, Provider};
use caxton_server::{Setup, boot, telemetry::LogLevel};
use caxton_types::{ModelReply, ModelRequest, StopReason, TokenUsage};
use serde_json::{Deserializer, Value, json};
use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Instant,
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const BOOT: &str = "server.boot_empty";
const IDLE: &str = "server.rss_idle";
const INVOKE: &str = "server.invoke_memory";
const BOOTS: usize = 21;
const BOOT_MS_MAX: f64 = 300.0;
const REQUESTS: usize = 5000;
const WARM_UP: usize = 1000;
/// How many times as long as the echo an invocation may take.
const ECHOES_MAX: f64 = 3.0;

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    if [BOOT, IDLE].iter().any(|id| rows.wants(id)) {
        match env::var_os("CAXTON_BINARY") {
            Some(binary) => booting(rows, &runtime, Path::new(&binary))?,
            None => Rows::remark("`server.boot_empty` is not measured: `cargo xtask bench server` builds the binary")?,
        }
    }
    if rows.wants(INVOKE) {
        invoking(rows, &runtime)?;
    }
    Ok(())
}

/// The real binary in a process of its own; it ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn booting(rows: &Rows, runtime: &Runtime, binary: &Path) -> Result<(), Failure> {
    let boots: Vec<(f64, f64)> = (0..BOOTS).map(|_| boot_once(runtime, binary)).collect();
    let (took, resident): (Vec<_>, Vec<_>) = boots.into_iter().unzip();
    let ((took, took_p99), (resident, resident_p99)) = (quantiles(took), quantiles(resident));
    rows.print(&json!({
        "id": BOOT, "what": "start of the process to ready, empty data directory", "unit": "ms", "better": "lower",
        "ours": took, "p99": took_p99, "goal": BOOT_MS_MAX, "met": took <= BOOT_MS_MAX,
        "note": format!("median of {BOOTS} starts of the binary, each until /ready answers 200")
    }))?;
    rows.print(&json!({
        "id": IDLE, "what": "resident memory of the server once it is ready", "unit": "MiB", "better": "lower",
        "ours": resident, "p99": resident_p99, "met": true
    }))
}

/// Milliseconds to ready, and mebibytes held then.
fn boot_once(runtime: &Runtime, binary: &Path) -> (f64, f64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(binary);
    command
        .args(["--json", "serve", "--port", "0", "--set", "observability.logging.output=stderr", "--data-dir"])
        .arg(dir.path().join("data"));
    command.current_dir(dir.path()).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let began = Instant::now();
    let mut process = Process(command.spawn().expect("the binary starts"));
    let stdout = process.0.stdout.take().expect("its output is a pipe");
    let said = Deserializer::from_reader(stdout).into_iter::<Value>().next().expect("it tells where it listens").expect("as JSON");
    let client = Client::new(said["url"].as_str().expect("an address")).expect("of a server");
    runtime.block_on(async { while !client.ready().await.is_ok_and(|ready| ready.ready) {} });
    let took = began.elapsed().as_secs_f64() * 1e3;
    let resident = resident_kib_of(&process.0.id().to_string()).expect("Linux tells what a process holds");
    (took, resident as f64 / 1024.0)
}

fn invoking(rows: &Rows, runtime: &Runtime) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let ours = runtime.block_on(serve(dir.path(), &tasks, stop.clone()));
    let echo = runtime.block_on(echo(&tasks));
    let (mut ours, mut echo) = (Connection::open(&ours, INVOKED), Connection::open(&echo, "/"));
    // Turn about, so that whatever else the machine does hits both.
    let (mut times, mut floor) = (Vec::with_capacity(REQUESTS), Vec::with_capacity(REQUESTS));
    for at in 0..WARM_UP + REQUESTS {
        let (answered, echoed) = (ours.post(), echo.post());
        if at >= WARM_UP {
            times.push(answered);
            floor.push(echoed);
        }
    }
    stop.cancel();
    tasks.close();
    let ((ours, ours_p99), (floor, floor_p99)) = (quantiles(times), quantiles(floor));
    let goal = floor * ECHOES_MAX;
    rows.print(&json!({
        "id": INVOKE, "what": "POST …/agents/NAME/invoke, in-process model", "unit": "us", "better": "lower",
        "ours": ours, "p99": ours_p99, "peer": floor, "peer_name": "axum echo", "goal": goal, "met": ours <= goal,
        "durability": "memory",
        "note": format!("{REQUESTS} requests over one kept connection, turn about with the echo ({:.1} times as long; its p99 {:.0} us)",
                        ours / floor, floor_p99)
    }))
}

const INVOKED: &str = "/api/v1/agents/bench/invoke";
const ASKED: &str = "\"6*7?\"";

/// Answers at once and always the same.
struct Model;

#[async_trait]
impl Provider for Model {
    fn name(&self) -> &'static str {
        "bench"
    }

    async fn ask(&self, _: &ModelRequest, model: &str, _: Option<DeltaSink>) -> Result<ModelReply, caxton_llm::Error> {
        Ok(ModelReply {
            text: "42".into(),
            stop: StopReason::End,
            tool_calls: vec![],
            usage: TokenUsage { input: 10, output: 5 },
            provider: "bench".into(),
            model: model.into(),
            failovers: vec![],
        })
    }
}

async fn serve(dir: &Path, tasks: &TaskTracker, stop: CancellationToken) -> String {
    let data = format!("resources.disk.data_dir={}", dir.join("data").display());
    let set = vec!["server.port=0".to_owned(), "storage.durability=memory".to_owned(), data];
    let read = |path: &Path| -> io::Result<FileRead> { Ok(FileRead { text: fs::read_to_string(path)?, mode: None }) };
    let sources = Sources { env: &|_| None, read: &read, cwd: dir.to_owned() };
    let config = load(&Options { set, ..Options::default() }, &sources).expect("the configuration is valid");
    let mut setup = Setup::new(config, LogLevel::detached());
    setup.providers.push(Arc::new(Model));
    let server = boot(setup).await.expect("the server boots");
    let (url, address) = (server.url(), server.local_addr().to_string());
    tasks.spawn(server.run(stop));
    let client = Client::new(&url).expect("an address");
    while !client.ready().await.is_ok_and(|ready| ready.ready) {}
    let toml = "name = \"bench\"\nversion = \"1.0.0\"\nsystem_prompt = \"You compute.\"\n";
    client.put_agent(&"bench".parse().expect("a name"), toml).await.expect("the agent is deployed");
    address
}

async fn echo(tasks: &TaskTracker) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let router = Router::new().route("/", post(|body: Bytes| async { body }));
    tasks.spawn(async move { axum::serve(listener, router).await });
    address
}

/// One kept connection that says the same request again and again: the client costs next to nothing, so the servers are what is compared.
struct Connection {
    stream: TcpStream,
    request: String,
    response: Vec<u8>,
}

impl Connection {
    fn open(address: &str, path: &str) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("a socket option");
        let length = ASKED.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        Self { stream, request: head + ASKED, response: vec![0; 4096] }
    }

    /// Microseconds until the whole response is there.
    fn post(&mut self) -> f64 {
        let began = Instant::now();
        self.stream.write_all(self.request.as_bytes()).expect("the request is sent");
        let mut len = 0;
        while !is_whole(&self.response[..len]) {
            let read = self.stream.read(&mut self.response[len..]).expect("the response is read");
            assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(&self.response[..len]));
            len += read;
        }
        let took = began.elapsed().as_secs_f64() * 1e6;
        assert!(self.response.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&self.response[..len]));
        took
    }
}

fn is_whole(response: &[u8]) -> bool {
    let Some(end) = response.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&response[..end]);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length is said");
    response.len() >= end + 4 + length.trim().parse::<usize>().expect("as a number")
}
