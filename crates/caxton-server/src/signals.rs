//! How the process is told to stop.

use tokio_util::sync::CancellationToken;

/// A token that the first Ctrl-C (or SIGTERM) cancels. The second one ends the process at once, with the exit code of the signal.
pub fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let mut signals = Signals::listen()?;
    // The task ends with the process: nobody waits for it.
    #[expect(clippy::disallowed_methods, reason = "it must outlive every service and end with the process")]
    tokio::spawn(async move {
        let first = signals.next().await;
        tracing::info!(signal = first.name, "stopping; a second signal ends the process at once");
        told.cancel();
        let second = signals.next().await;
        std::process::exit(128 + second.number);
    });
    Ok(stop)
}

struct Signal {
    name: &'static str,
    number: i32,
}

const INTERRUPT: Signal = Signal { name: "SIGINT", number: 2 };
const TERMINATE: Signal = Signal { name: "SIGTERM", number: 15 };

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        // Where the handler cannot be installed there is no signal to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPT
    }
}
