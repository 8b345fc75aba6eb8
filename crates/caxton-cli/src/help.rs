//! The first page of help: commands in groups, in the order in which a newcomer needs them.

use crate::args::CommandLine;
use clap::{Command, CommandFactory};
use std::fmt::Write as _;

/// Every visible command stands in exactly one group (a test counts them).
pub(crate) const GROUPS: [(&str, &[&str]); 5] = [
    ("Begin", &["demo", "init", "serve"]),
    ("Workspace", &["agent", "tool", "template", "build", "test", "deploy", "status", "log"]),
    ("Work", &["ask", "message", "conversation", "approvals", "turns", "trace", "replay", "cassette"]),
    ("Server", &["server", "config", "budget", "mcp", "gc", "selftest", "health", "doctor"]),
    ("Help", &["help"]),
];

const FIRST_STEPS: &str = "First steps:
  caxton demo                                        see it work, no key and no network needed
  caxton serve                                       start the server (in a terminal of its own)
  caxton init my-workspace && cd my-workspace        make a workspace
  caxton init analyzer --template data-analyzer      make an agent
  git add . && git commit -m \"An agent\"
  caxton deploy                                      send it to the server
  caxton ask analyzer \"How many rows?\" --attach agents/analyzer/examples/zones.csv

`caxton help COMMAND` tells more about a command.";

/// The command line with its first page of help.
pub(crate) fn command() -> Command {
    let mut command = CommandLine::command();
    command.build();
    let page = page(&command);
    command.help_template(page).after_help(FIRST_STEPS)
}

fn page(command: &Command) -> String {
    let mut text = String::from("{about-with-newline}\n{usage-heading} {usage}\n");
    for (heading, names) in GROUPS {
        let _ = write!(text, "\n{heading}:\n");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {name:<14}{about}");
        }
    }
    text.push_str("\nEverywhere:\n{options}{after-help}");
    text
}
