//! A server that is a program: started here, spoken to through its pipes, and ended with everything that it started.

use super::{
    error::Error,
    options::{KEPT_VARIABLES, Options, Program},
};
use caxton_types::one_line;
use parking_lot::Mutex;
use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{collections::VecDeque, io, process::Stdio, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// How long a program has to end after its input was closed, and again after it was told to.
const GRACE: Duration = Duration::from_secs(2);
/// The most of a line of its standard error that is kept.
const LINE_LEN_MAX: usize = 2048;
/// The most lines a second that are logged.
const LINES_MAX: u32 = 50;
/// How many of its last lines are kept, to tell why it ended.
const LAST_LINES: usize = 3;
/// In characters, as they can be shown.
const LAST_LINE_LEN_MAX: usize = 300;
/// How long to wait for them once it has ended.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(200);

/// Messages through the pipes of a program.
pub(super) struct ChildTransport {
    pipes: AsyncRwTransport<RoleClient, ChildStdout, ChildStdin>,
    process: Process,
}

/// Starts the program.
pub(super) fn start(options: &Options, program: &Program, tasks: &TaskTracker) -> Result<(ChildTransport, LastWords), Error> {
    let mut command = Command::new(&*program.command);
    command.args(program.args.iter().map(|arg| &**arg)).env_clear();
    command.envs(KEPT_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.envs(program.env.iter().map(|(name, value)| (&**name, value.reveal())));
    if let Some(cwd) = &program.cwd {
        command.current_dir(cwd);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
    let failed = |source| Error::Start { server: options.name.clone(), command: program.command.clone(), source };
    let mut child = command.spawn().map_err(failed)?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(failed(io::Error::other("its pipes are not there")));
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    tracing::debug!(server = %options.name, pid = child.id(), "program of an MCP server started");
    let words = LastWords::default();
    let gone = CancellationToken::new();
    tasks.spawn(hear_out(listen(options.name.clone(), stderr, words.clone()), gone.clone()));
    let pipes = AsyncRwTransport::new(stdout, stdin).with_max_line_length(options.message_len_max);
    Ok((ChildTransport { pipes, process: Process { child, group, _gone: gone.drop_guard() } }, words))
}

impl Transport<RoleClient> for ChildTransport {
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleClient>) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.pipes.send(item)
    }

    fn receive(&mut self) -> impl Future<Output = Option<RxJsonRpcMessage<RoleClient>>> + Send {
        self.pipes.receive()
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        // A closed input is the protocol's way of saying that it is over.
        let closed = self.pipes.close().await;
        self.process.end().await;
        closed
    }
}

/// A program with all that it started: its process group ends with this value.
struct Process {
    child: Child,
    group: Option<Pid>,
    /// Tells what listens to it that it is over, even where somebody else still holds its pipe.
    _gone: DropGuard,
}

impl Process {
    async fn end(&mut self) {
        if timeout(GRACE, self.child.wait()).await.is_err() {
            self.signal(Signal::TERM);
            let _ = timeout(GRACE, self.child.wait()).await;
        }
        self.signal(Signal::KILL);
        self.group = None;
        let _ = timeout(GRACE, self.child.wait()).await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Where nobody of the group is left there is nothing to do.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The last lines that a program wrote to its standard error.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
    over: CancellationToken,
}

impl LastWords {
    /// What it said, for a message about its end; it may have something to say yet.
    pub(super) async fn said(&self) -> String {
        let _ = timeout(LAST_WORDS_WITHIN, self.over.cancelled()).await;
        let lines = self.lines.lock();
        if lines.is_empty() { String::new() } else { format!("; it said: {}", lines.iter().cloned().collect::<Vec<_>>().join(" | ")) }
    }

    fn keep(&self, line: &str) {
        let mut lines = self.lines.lock();
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(one_line(line, LAST_LINE_LEN_MAX));
    }
}

/// Listens to a program until it is gone, and a moment longer.
async fn hear_out(listening: impl Future<Output = ()>, gone: CancellationToken) {
    let end = async {
        gone.cancelled().await;
        tokio::time::sleep(LAST_WORDS_WITHIN).await;
    };
    tokio::select! {
        () = listening => {}
        () = end => {}
    }
}

/// Logs what the program writes to its standard error, as far as the bounds allow.
async fn listen(server: Box<str>, stderr: impl AsyncRead + Unpin, words: LastWords) {
    let _over: DropGuard = words.over.clone().drop_guard();
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    let (mut second, mut logged, mut left_out) = (Instant::now(), 0_u32, 0_u64);
    while let Ok(available) = reader.fill_buf().await {
        if available.is_empty() {
            break;
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let piece = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        line.extend(piece.iter().take(LINE_LEN_MAX.saturating_sub(line.len())));
        let taken = piece.len() + usize::from(end.is_some());
        reader.consume(taken);
        if end.is_none() {
            continue;
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        if text.is_empty() {
            continue;
        }
        words.keep(&text);
        if second.elapsed() >= Duration::from_secs(1) {
            if left_out > 0 {
                tracing::debug!(%server, left_out, "lines of an MCP server were left out");
            }
            (second, logged, left_out) = (Instant::now(), 0, 0);
        }
        if logged < LINES_MAX {
            logged += 1;
            tracing::debug!(%server, "{text}");
        } else {
            left_out += 1;
        }
    }
    if !line.is_empty() {
        words.keep(String::from_utf8_lossy(&line).trim_end());
    }
}
