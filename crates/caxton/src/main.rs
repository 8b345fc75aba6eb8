//! The `caxton` binary: everything it can do lives in `caxton-cli`.

use mimalloc::MiMalloc;
use std::{env, panic, process::ExitCode};

/// Steps of turns make many small things on one thread and drop them on another (docs/adr/0010-allocator.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    panic::set_hook(Box::new(caxton_cli::on_panic));
    caxton_cli::main(env::args_os().collect())
}
