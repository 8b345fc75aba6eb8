//! Where words go: results to standard output, everything else to standard error.

use crate::{
    args::Global,
    error::{Error, Result},
};
use anstyle::{AnsiColor, Style};
use caxton_types::printable;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    time::Duration,
};

/// How to speak: decided once from flags, environment and terminal.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, answered once")]
pub(crate) struct Console {
    /// Whether results are JSON.
    pub(crate) json: bool,
    /// Whether a person reads standard output.
    pub(crate) interactive: bool,
    quiet: bool,
    paint_out: bool,
    paint_err: bool,
    progress: bool,
}

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const CARE: Style = AnsiColor::Yellow.on_default();
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();

impl Console {
    /// For words that are not parsed yet.
    pub(crate) fn plain(words: &[std::ffi::OsString]) -> Self {
        Self::of(false, false, words.iter().any(|word| word == "--no-color"))
    }

    pub(crate) fn new(global: &Global) -> Self {
        Self::of(global.json, global.quiet, global.no_color)
    }

    fn of(json: bool, quiet: bool, no_color: bool) -> Self {
        // https://no-color.org: any value but the empty one switches colours off.
        let colours = !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let capable = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            json,
            interactive: out,
            quiet,
            paint_out: colours && capable && out,
            paint_err: colours && capable && err,
            progress: err && capable && !quiet && !json,
        }
    }

    /// The same without results and notes of its own: for a command that runs inside of another.
    pub(crate) fn silent(&self) -> Self {
        Self { json: true, quiet: true, progress: false, ..self.clone() }
    }

    /// What paints text for standard output.
    pub(crate) const fn painter(&self) -> Painter {
        Painter(self.paint_out)
    }

    /// One line of the result.
    pub(crate) fn line(&self, text: impl Display) -> Result<()> {
        self.write(format_args!("{text}\n"))
    }

    /// A piece of the result that is not yet a whole line.
    #[expect(clippy::unused_self, reason = "whoever has no console has no say")]
    pub(crate) fn write(&self, text: impl Display) -> Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::OutputClosed,
            _ => Error::io("write to standard output", &error),
        })
    }

    /// The result as JSON.
    pub(crate) fn value(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Error::new(caxton_types::Code::Internal, format!("cannot write the result as JSON: {error}")))?;
        self.line(text)
    }

    /// Something beside the result; kept back with `--quiet`.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            say(text);
        }
    }

    /// Whether notes are read by anyone: not with `--quiet`.
    pub(crate) const fn has_notes(&self) -> bool {
        !self.quiet
    }

    /// What paints text for standard error.
    pub(crate) const fn note_painter(&self) -> Painter {
        Painter(self.paint_err)
    }

    /// A warning; told even with `--quiet`.
    pub(crate) fn warn(&self, text: impl Display) {
        say(format_args!("{} {text}", Painter(self.paint_err).paint(CARE, "warning:")));
    }

    /// The error that a command ends with.
    pub(crate) fn error(&self, error: &Error) {
        // It may repeat what others said.
        let text = printable(&error.to_string());
        if text.is_empty() {
            return;
        }
        let painter = Painter(self.paint_err);
        let (first, hint) = text.split_once("\nhint: ").map_or((text.as_str(), None), |(first, hint)| (first, Some(hint)));
        say(format_args!("{}{}", painter.paint(BAD, "error:"), first.trim_start_matches("error:")));
        if let Some(hint) = hint {
            say(format_args!("{} {hint}", painter.paint(NAME, "hint:")));
        }
    }

    /// A spinner while something takes its time; invisible where nobody watches.
    pub(crate) fn busy(&self, what: impl Into<String>) -> Busy {
        if !self.progress {
            return Busy(None);
        }
        let bar = ProgressBar::new_spinner().with_message(what.into());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Busy(Some(bar))
    }
}

/// A spinner that is gone when it is dropped.
pub(crate) struct Busy(Option<ProgressBar>);

impl Busy {
    /// What it says from now on.
    pub(crate) fn tell(&self, what: impl Into<String>) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.into());
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Paints text where colours are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Painter(pub(crate) bool);

impl Painter {
    pub(crate) fn paint(self, style: Style, text: impl Display) -> String {
        if self.0 { format!("{}{text}{}", style.render(), style.render_reset()) } else { text.to_string() }
    }
}

/// Standard error that is gone cannot be told of: the only failure that is dropped here.
fn say(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
