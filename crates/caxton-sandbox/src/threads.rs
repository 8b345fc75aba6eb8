//! Threads for calls that compute for long. They are the sandbox's own: no crowd of such calls takes those that the rest of the server
//! reads files with. And they give way to it.

use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Error, priority::stand_back};

/// How far they stand back: beside work that does not, about a quarter of a processor is theirs.
pub(crate) const NICENESS: i32 = 5;
/// More calls that compute for long wait for a thread; so many never compute at once.
const THREADS_MAX: usize = 512;

/// A runtime of which nothing is used but its threads for work that blocks.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    pub(crate) fn start() -> Result<Self, Error> {
        let mut runtime = Builder::new_current_thread();
        runtime.thread_name("sandbox-call").max_blocking_threads(THREADS_MAX).on_thread_start(|| stand_back(NICENESS));
        let runtime = runtime.build().map_err(|error| Error::Engine(format!("no threads for long calls: {error}")))?;
        Ok(Self(Some(runtime)))
    }

    /// Nothing while the sandbox ends.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Whoever drops a sandbox need not wait, and a task may not.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
