//! Starting the programs of a toolchain: where they are, what to say when they are not, how long they took.

use crate::{
    console::{Console, FAINT, GOOD},
    error::{Error, Result},
};
use caxton_types::Code;
use serde::Serialize;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};
use tempfile::TempDir;

/// One build: where the sources are, a place that is gone afterwards, what was done so far.
pub(super) struct Job<'a> {
    dir: PathBuf,
    scratch: TempDir,
    /// What was given for the compiler, behind `--`.
    pub(super) args: &'a [String],
    console: &'a Console,
    steps: Vec<Step>,
}

/// A step that ended well.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    what: String,
    seconds: f64,
}

/// A program of a toolchain, and how one gets it.
pub(super) struct Program {
    pub(super) name: &'static str,
    /// Completes `hint: `.
    pub(super) get: &'static str,
}

impl<'a> Job<'a> {
    pub(super) fn new(dir: PathBuf, args: &'a [String], console: &'a Console) -> Result<Self> {
        let dir = dir.canonicalize().map_err(|error| Error::io(format_args!("enter `{}`", dir.display()), &error))?;
        let scratch = tempfile::Builder::new().prefix("caxton-build-").tempdir();
        let scratch = scratch.map_err(|error| Error::io("make a temporary folder", &error))?;
        Ok(Self { dir, scratch, args, console, steps: Vec::new() })
    }

    /// The folder of the sources.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A folder for what nobody needs afterwards.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes files of ours, such as the world, for a toolchain that reads them; returns their folder.
    pub(super) fn lay_out(&self, files: &[(&str, &str)]) -> Result<PathBuf> {
        let folder = self.scratch().join("wit");
        for (name, text) in files {
            let path = folder.join(name);
            let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
            written.map_err(|error| Error::io(format_args!("write `{}`", path.display()), &error))?;
        }
        Ok(folder)
    }

    /// The program, from the project's own folders or the search path.
    pub(super) fn program(&self, program: &Program) -> Result<PathBuf> {
        self.find(program.name).ok_or_else(|| absent(program.name, program.get))
    }

    /// Where a program is: in the virtual environment or the packages of the project, else on the search path.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        find(&self.dir, name)
    }

    /// A command that runs in the folder of the sources; what it says goes where notes go.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir).stdin(Stdio::null()).stdout(Stdio::from(io::stderr()));
        command
    }

    /// Runs a compiler to its end; that it does not like the sources is told by itself.
    pub(super) fn run(&mut self, what: &str, command: &mut Command) -> Result<Vec<u8>> {
        let begun = Instant::now();
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| Error::io(format_args!("start `{}`", text(command)), &error))?;
        if !output.status.success() {
            return Err(Error::invalid(format!("`{}` ended with {}", text(command), output.status))
                .hint("what it says above tells what to correct in the sources"));
        }
        self.ended(what, begun);
        Ok(output.stdout)
    }

    /// Does a step in this process.
    pub(super) fn step<T>(&mut self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let made = work()?;
        self.ended(what, begun);
        Ok(made)
    }

    pub(super) fn ended(&mut self, what: &str, begun: Instant) {
        let seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let painter = self.console.note_painter();
        self.console.note(format_args!("{} {what} {}", painter.paint(GOOD, "✓"), painter.paint(FAINT, format_args!("({seconds:.1} s)"))));
        self.steps.push(Step { what: what.to_owned(), seconds });
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

/// Where a program is for a project in this folder.
pub(super) fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let own = dir.ancestors().flat_map(|folder| [folder.join("node_modules/.bin"), folder.join(".venv/bin")]);
    let active = env::var_os("VIRTUAL_ENV").map(|venv| PathBuf::from(venv).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = own.chain(active).chain(env::split_paths(&path));
    folders.map(|folder| folder.join(format!("{name}{}", env::consts::EXE_SUFFIX))).find(|path| path.is_file())
}

/// A file that a step made.
pub(super) fn made(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::io(format_args!("read what was built, `{}`", path.display()), &error))
}

/// A program that is needed and not there.
pub(super) fn absent(name: &str, get: &str) -> Error {
    Error::new(Code::Unavailable, format!("`{name}` is needed and not on this machine")).hint(get)
}

/// Whether a command succeeds; what it says is not shown.
pub(super) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The command as one would type it.
fn text(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().take(6).map(|word| word.to_string_lossy().into_owned()));
    if command.get_args().len() > 6 {
        words.push("…".to_owned());
    }
    words.join(" ")
}
