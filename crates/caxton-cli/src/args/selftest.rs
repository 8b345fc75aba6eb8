//! Commands that try what is trusted.

use clap::Subcommand;

/// `caxton selftest …`
#[derive(Debug, Subcommand)]
pub(crate) enum SelftestCommand {
    /// Runs hostile tools in the sandbox, beside honest ones
    #[command(after_help = "Examples:\n  caxton selftest sandbox\n  caxton selftest sandbox --json\n\n\
                      Every attack runs twice: as a server would run it, where one guard must stop it, and with exactly that guard\n\
                      widened, where it must succeed: so it is the guard that stops it. A guard that nobody can widen has a control\n\
                      instead, an honest form of the tool. Meanwhile honest tools are called, and a file, a server on the loopback\n\
                      network and the process itself are watched. It needs no server, no key and no network, and leaves nothing\n\
                      behind.\n\
                      Exit code: 0 where every attack was stopped by its guard and harmed nobody, 1 otherwise.")]
    Sandbox,
}
