//! The `caxton` binary: everything it can do lives in `caxton-cli`.

use std::{env, panic, process::ExitCode};

fn main() -> ExitCode {
    panic::set_hook(Box::new(caxton_cli::on_panic));
    caxton_cli::main(env::args_os().collect())
}
