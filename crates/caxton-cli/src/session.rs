//! What every command has at hand: where it runs, how it speaks, which server it means.

use crate::{
    args::Global,
    console::Console,
    error::{Error, Result},
    place::Place,
};
use caxton_client::Client;
use caxton_config::server::{self, Flag, Loaded, Sources};
use caxton_types::{Code, Fault as _, WorkspaceName, nearest};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// One run of the program.
pub(crate) struct Session {
    global: Global,
    here: PathBuf,
    console: Console,
}

impl Session {
    pub(crate) fn new(global: Global, here: PathBuf) -> Self {
        let console = Console::new(&global);
        Self { global, here, console }
    }

    pub(crate) fn here(&self) -> &Path {
        &self.here
    }

    pub(crate) const fn console(&self) -> &Console {
        &self.console
    }

    /// The workspace on the server: the flag, else what the `caxton.toml` around says, else `default`.
    pub(crate) fn workspace(&self) -> Result<WorkspaceName> {
        match (&self.global.workspace, Place::find(&self.here)) {
            (Some(name), _) => Ok(name.clone()),
            (None, Some(place)) => place.name(),
            (None, None) => Ok(WorkspaceName::default()),
        }
    }

    /// The address of the server: flag or `CAXTON_SERVER`, else the environment's in `caxton.toml`, else where a server with the
    /// same configuration listens.
    pub(crate) fn url(&self) -> Result<String> {
        if let Some(url) = &self.global.server {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        if let Some(env) = &self.global.env
            && let Some(url) = self.remote(env)?
        {
            return Ok(url);
        }
        let local = self.configuration(Vec::new()).map(|loaded| (loaded.config.server.host, loaded.config.server.port));
        let (host, port) = local.unwrap_or_else(|_| ("127.0.0.1".into(), 8080));
        Ok(match &*host {
            "0.0.0.0" | "::" => format!("http://127.0.0.1:{port}"),
            v6 if v6.contains(':') => format!("http://[{v6}]:{port}"),
            host => format!("http://{host}:{port}"),
        })
    }

    fn remote(&self, env: &str) -> Result<Option<String>> {
        let Some(place) = Place::find(&self.here) else { return Ok(None) };
        let remotes = place.settings()?.remotes;
        if remotes.is_empty() {
            return Ok(None);
        }
        if let Some(remote) = remotes.get(env) {
            return Ok(Some(remote.url.trim_end_matches('/').to_owned()));
        }
        let names: Vec<&str> = remotes.keys().map(|name| &**name).collect();
        let meant = nearest(env, names.iter().copied()).map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
        Err(Error::new(Code::NotFound, format!("caxton.toml has no environment `{env}`"))
            .hint(format!("{meant}it has: {}; another is added as `[remotes.{env}]` with its `url`", names.join(", "))))
    }

    /// The client of that server, for that workspace.
    pub(crate) fn client(&self) -> Result<Client> {
        Ok(Client::new(&self.url()?)?.in_workspace(self.workspace()?))
    }

    /// The client of that server, for the workspace at `place`.
    pub(crate) fn client_for(&self, place: &Place) -> Result<Client> {
        let workspace = match &self.global.workspace {
            Some(name) => name.clone(),
            None => place.name()?,
        };
        Ok(Client::new(&self.url()?)?.in_workspace(workspace))
    }

    /// The configuration as a server that starts now would read it.
    pub(crate) fn configuration(&self, flags: Vec<Flag>) -> Result<Loaded> {
        self.load(self.global.config.clone(), flags)
    }

    /// The file that the configuration is read from, or would be.
    pub(crate) fn configuration_file(&self) -> Result<PathBuf> {
        if let Some(named) = &self.global.config {
            return Ok(self.here().join(named));
        }
        let found =
            server::base_file(&self.options(None, Vec::new()), &sources()?).map_err(|problem| crate::place::problem(&problem.into()))?;
        Ok(found.unwrap_or_else(|| self.here().join("caxton.yaml")))
    }

    /// The same, read from this file.
    pub(crate) fn configuration_of(&self, file: Option<&Path>) -> Result<Loaded> {
        self.load(file.map(Path::to_path_buf).or_else(|| self.global.config.clone()), Vec::new())
    }

    fn load(&self, config: Option<PathBuf>, flags: Vec<Flag>) -> Result<Loaded> {
        server::load(&self.options(config, flags), &sources()?)
            .map_err(|problems| crate::place::problem(&problems).rehint("mend it, then `caxton config validate` checks again"))
    }

    fn options(&self, config: Option<PathBuf>, flags: Vec<Flag>) -> server::Options {
        server::Options {
            config,
            profile: self.global.profile.clone(),
            env: self.global.env.clone(),
            set: self.global.set.clone(),
            flags,
            live: std::collections::BTreeMap::default(),
        }
    }
}

fn sources() -> Result<Sources<'static>> {
    Sources::process().map_err(|error| Error::io("find the folder that this runs in", &error))
}

/// What the server answered, with each of its findings; or why it did not.
pub(crate) fn explained(error: caxton_client::Error) -> Error {
    let (code, hint) = (error.code(), error.hint());
    let Some(problem) = error.problem() else {
        return Error::Failed { code, message: with_root(&error), hint };
    };
    // One finding that is the detail already, and stands at no line, says nothing new.
    let repeats = |one: &caxton_api::Diagnostic| problem.errors.len() == 1 && one.line.is_none() && problem.detail.ends_with(&one.message);
    let findings: Vec<String> = problem.errors.iter().filter(|one| !repeats(one)).map(finding).collect();
    if findings.is_empty() {
        return Error::Failed { code, message: problem.detail.clone(), hint };
    }
    let only = problem.errors.first().filter(|_| findings.len() == 1);
    let head = only.and_then(|one| problem.detail.strip_suffix(&one.message)).unwrap_or(&problem.detail).trim_end_matches([':', ' ']);
    let message = format!("{head}\n{}", findings.join("\n"));
    let hint = hint.filter(|hint| !message.contains(hint.as_str()));
    Error::Failed { code, message, hint: hint.or_else(|| Some("mend what is named there, then run the command again".to_owned())) }
}

/// The error and its root: what lies between tells of our libraries only.
fn with_root(error: &caxton_client::Error) -> String {
    let mut root: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(deeper) = root.and_then(std::error::Error::source) {
        root = Some(deeper);
    }
    root.map_or_else(|| error.to_string(), |root| format!("{error}: {root}"))
}

/// `file:line:column: what`, and what to do, as the loader itself writes it.
pub(crate) fn finding(diagnostic: &caxton_api::Diagnostic) -> String {
    if let Some(rendered) = &diagnostic.rendered {
        return rendered.clone();
    }
    let mut text = String::new();
    if let Some(file) = &diagnostic.file {
        text.push_str(file);
        for number in [diagnostic.line, diagnostic.column].into_iter().flatten() {
            let _ = write!(text, ":{number}");
        }
        text.push_str(": ");
    }
    text.push_str(&diagnostic.message);
    if let Some(hint) = &diagnostic.hint {
        let _ = write!(text, "\n  help: {hint}");
    }
    text
}
