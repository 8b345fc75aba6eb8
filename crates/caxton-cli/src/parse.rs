//! From words to a command, and to a helpful answer where the words are no command.

#[cfg(test)]
mod tests;

use crate::{
    args::CommandLine,
    error::{Error, Result},
    help,
};
use caxton_types::nearest;
use clap::{
    Command, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::ffi::OsString;

/// What the words ask for.
pub(crate) enum Parsed {
    /// A command.
    Command(Box<CommandLine>),
    /// A page of help or the version.
    Page {
        text: clap::builder::StyledStr,
        /// Whether it was asked for, rather than shown because nothing was.
        asked: bool,
    },
}

/// Parses the words, the program's name first.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Parsed> {
    let command = help::command();
    match command.clone().try_get_matches_from(&words).and_then(|mut matches| CommandLine::from_arg_matches_mut(&mut matches)) {
        Ok(line) => Ok(Parsed::Command(Box::new(line))),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Parsed::Page { text: error.render(), asked: true }),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Ok(Parsed::Page { text: error.render(), asked: false }),
            // A variable of the environment counts as a word, so that clap does not see that nothing was typed.
            ErrorKind::MissingSubcommand => {
                let (command, path) = walk(&command, words.get(1..).unwrap_or_default());
                Ok(Parsed::Page { text: command.clone().bin_name(path).render_help(), asked: false })
            }
            ErrorKind::InvalidSubcommand => Err(unknown_command(&command, &error, &words)),
            _ => Err(other(&error, &command, &words)),
        },
    }
}

fn text_of(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    }
}

/// `caxton agents list`: the whole line as it was probably meant.
fn unknown_command(command: &Command, error: &clap::Error, words: &[OsString]) -> Error {
    let wrong = text_of(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    let at = words.iter().position(|word| word == wrong).unwrap_or(1);
    let (parent, path) = walk(command, words.get(1..at).unwrap_or_default());
    let known: Vec<&str> = parent.get_subcommands().filter(|sub| !sub.is_hide_set()).map(Command::get_name).collect();
    let failure = Error::invalid(format!("`{wrong}` is not a command of `{path}`"));
    let Some(meant) = nearest(wrong, known.iter().copied()) else {
        return failure.hint(format!("`{path}` knows {}; `{path} --help` tells more", known.join(", ")));
    };
    let line = words.iter().enumerate().map(|(index, word)| match index {
        0 => program(&word.to_string_lossy()),
        _ if index == at => meant.to_owned(),
        _ => quoted(&word.to_string_lossy()),
    });
    let line = line.collect::<Vec<_>>().join(" ");
    failure.hint(format!("did you mean `{line}`?"))
}

/// The command that the words lead to, and its name with those of its parents.
fn walk<'c>(command: &'c Command, words: &[OsString]) -> (&'c Command, String) {
    let mut at = command;
    let mut path = command.get_name().to_owned();
    for word in words {
        if let Some(sub) = at.find_subcommand(word) {
            at = sub;
            path.push(' ');
            path.push_str(sub.get_name());
        }
    }
    (at, path)
}

/// Everything else that clap finds wrong: its own sentence, our hint.
fn other(error: &clap::Error, command: &Command, words: &[OsString]) -> Error {
    let (_, path) = walk(command, words.get(1..).unwrap_or_default());
    let rendered = error.render().to_string();
    let mut lines = rendered.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let sentence = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let rest: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    let (tips, more): (Vec<&str>, Vec<&str>) = rest.into_iter().partition(|line| line.starts_with("tip: "));
    // How to pass the mistyped flag as a value is never what was meant.
    let tips: Vec<&str> = tips.into_iter().filter(|tip| !tip.contains("as a value")).collect();
    let message = if more.is_empty() { sentence } else { format!("{} {}", sentence, more.join(", ")) };
    let tip = tips.first().map(|tip| format!("{}; ", tip.trim_start_matches("tip: "))).unwrap_or_default();
    Error::invalid(message).hint(format!("{tip}`{path} --help` shows what it takes"))
}

/// The program as its user knows it: `caxton`, also where it was called by a path or as `caxton-cli`.
fn program(first: &str) -> String {
    let name = first.rsplit(['/', '\\']).next().unwrap_or(first);
    if name.starts_with("caxton-cli") { "caxton-cli".to_owned() } else { "caxton".to_owned() }
}

fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=@,+".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
