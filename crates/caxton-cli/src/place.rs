//! Which workspace a command is about, and the files of it.

use crate::error::{Error, Result};
use caxton_config::{
    Diagnostic, Diagnostics,
    workspace::{self, FILES_MAX, FileContent, WASM_SIZE_MAX, Workspace, WorkspaceSettings, is_deployed},
};
use caxton_types::{Code, Fault, WorkspaceName, unit::ByteSize};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The file that makes a folder a workspace.
pub(crate) const MARKER: &str = "caxton.toml";

/// How deep folders below `prompts/` are read.
const DEPTH_MAX: usize = 8;

/// A workspace on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    root: PathBuf,
}

/// Files by their path inside the workspace, with `/`.
pub(crate) type Files = BTreeMap<String, FileContent>;

impl Place {
    /// The workspace that `dir` lies in: the nearest folder above it with a `caxton.toml`.
    pub(crate) fn find(dir: &Path) -> Option<Self> {
        dir.ancestors().find(|folder| folder.join(MARKER).is_file()).map(|root| Self { root: root.to_path_buf() })
    }

    /// The workspace that a command was given or runs in; a folder with agents counts also without a `caxton.toml`.
    pub(crate) fn of(dir: Option<&Path>, here: &Path) -> Result<Self> {
        let dir = dir.map_or_else(|| here.to_path_buf(), |dir| here.join(dir));
        if !dir.is_dir() {
            return Err(Error::new(Code::NotFound, format!("there is no folder `{}`", dir.display()))
                .hint("name the folder of a workspace, or run the command inside of one"));
        }
        let place = Self::find(&dir).unwrap_or(Self { root: dir });
        if !place.root.join(MARKER).is_file() && place.files()?.is_empty() {
            return Err(Error::new(
                Code::NotFound,
                format!("`{}` is no workspace: it has no caxton.toml and no agents", place.root.display()),
            )
            .hint("`caxton init my-workspace` makes one"));
        }
        Ok(place)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What its `caxton.toml` says.
    pub(crate) fn settings(&self) -> Result<WorkspaceSettings> {
        match fs::read_to_string(self.root.join(MARKER)) {
            Ok(text) => WorkspaceSettings::parse(&text, MARKER).map_err(|problems| problem(&problems)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(WorkspaceSettings::default()),
            Err(error) => Err(Error::io(format_args!("read `{}`", self.root.join(MARKER).display()), &error)),
        }
    }

    /// The name under which the server knows it.
    pub(crate) fn name(&self) -> Result<WorkspaceName> {
        Ok(self.settings()?.name.unwrap_or_default())
    }

    /// Every file that a deployment carries.
    pub(crate) fn files(&self) -> Result<Files> {
        let mut files = Files::new();
        self.read(MARKER, &mut files)?;
        for (top, is_dir) in entries(&self.root)? {
            if !is_dir {
                continue;
            }
            match top.as_str() {
                "agents" | "tools" => {
                    for (name, is_dir) in entries(&self.root.join(&top))? {
                        self.walk(&format!("{top}/{name}"), is_dir, 0, &mut files)?;
                    }
                }
                // A README alone makes no agent of a folder.
                _ if is_deployed(&format!("{top}/agent.toml")) && self.root.join(&top).join("agent.toml").is_file() => {
                    self.walk(&top, true, 0, &mut files)?;
                }
                _ => {}
            }
        }
        Ok(files)
    }

    fn walk(&self, path: &str, is_dir: bool, depth: usize, files: &mut Files) -> Result<()> {
        if !is_dir {
            return self.read(path, files);
        }
        // Folders that hold nothing to deploy, such as the sources of a tool, are not entered.
        let holds = ["agent.toml", "tool.wasm", "prompt.md"].iter().any(|name| is_deployed(&format!("{path}/{name}")));
        if holds && depth < DEPTH_MAX {
            for (name, is_dir) in entries(&self.root.join(path))? {
                self.walk(&format!("{path}/{name}"), is_dir, depth + 1, files)?;
            }
        }
        Ok(())
    }

    fn read(&self, path: &str, files: &mut Files) -> Result<()> {
        let full = self.root.join(path);
        if !is_deployed(path) || !full.is_file() {
            return Ok(());
        }
        let read = || fs::metadata(&full).and_then(|meta| if meta.len() > WASM_SIZE_MAX { Ok(None) } else { fs::read(&full).map(Some) });
        let bytes = read().map_err(|error| Error::io(format_args!("read `{}`", full.display()), &error))?.ok_or_else(|| {
            let bound = ByteSize::new(WASM_SIZE_MAX);
            Error::new(Code::TooLarge, format!("`{path}` is larger than {bound}")).hint("make the file smaller, or remove it")
        })?;
        if files.len() >= FILES_MAX {
            return Err(Error::new(Code::TooLarge, format!("the workspace has more than {FILES_MAX} files")));
        }
        files.insert(path.to_owned(), FileContent::new(bytes));
        Ok(())
    }
}

/// Names in a folder, sorted; none where there is no such folder, and none that are hidden.
fn entries(dir: &Path) -> Result<Vec<(String, bool)>> {
    let failed = |error: std::io::Error| Error::io(format_args!("read the folder `{}`", dir.display()), &error);
    let read = match fs::read_dir(dir) {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut all = Vec::new();
    for entry in read {
        let entry = entry.map_err(failed)?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            all.push((name, entry.path().is_dir()));
        }
    }
    all.sort();
    Ok(all)
}

/// Reads and checks a workspace as the server will.
pub(crate) fn load(files: &Files) -> Result<Workspace> {
    workspace::load(files).map_err(|problems| problem(&problems))
}

/// Everything that somebody should look at: lints of agents, tools that are not there.
pub(crate) fn warnings(workspace: &Workspace) -> Vec<Diagnostic> {
    let lints = workspace.agents.iter().flat_map(|agent| agent.lints.iter().cloned());
    workspace.warnings.iter().cloned().chain(lints).collect()
}

/// Tools that agents name and that neither the workspace nor the server has, as warnings.
pub(crate) fn missing_tools(workspace: &Workspace) -> Vec<Diagnostic> {
    workspace::resolve_tools(workspace, &workspace::built_in()).into_iter().map(|unknown| unknown.diagnostic.warning()).collect()
}

/// What is wrong with files, as the error of a command.
pub(crate) fn problem(problems: &Diagnostics) -> Error {
    let count = problems.iter().count() + problems.omitted();
    let head = if count == 1 { String::new() } else { format!("{count} problems\n") };
    Error::new(problems.code(), format!("{head}{problems}")).hint(match problems.hint() {
        Some(hint) => hint,
        None => "mend the file, then `caxton agent validate` checks again".to_owned(),
    })
}
