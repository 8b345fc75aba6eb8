//! The built-in `file_system`: files in directories that the operator granted, and nowhere else.
//!
//! Every path is walked by `cap-std` from the granted directory on (`openat2` where the kernel has it): neither `..`, nor an
//! absolute path, nor a symbolic link leads out of it.

mod change;
mod definitions;
mod look;
mod path;
mod search;
mod walk;

use self::change::Used;
use super::{
    Answer, BuiltIn, Refusal, Traffic,
    define::arguments,
    grants::{Granted, Kind},
    work::{self, Watch},
};
use crate::{CallContext, Error};
use async_trait::async_trait;
use cap_std::{ambient_authority, fs::Dir};
use caxton_types::{Code, ToolDefinition};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

const SERVER: &str = "file_system";
const KIND: Kind = Kind { what: "directory", argument: "directory", key: "tools.file_system.directories" };

/// A granted directory and what is known of it.
#[derive(Debug)]
struct Place {
    granted: Granted,
    /// How much lies in it; held while something is changed, so that two calls do not share the last byte of room.
    used: Mutex<Used>,
}

impl AsRef<Granted> for Place {
    fn as_ref(&self) -> &Granted {
        &self.granted
    }
}

impl Place {
    /// Opened at each call: the operator may have put another directory there.
    fn open(&self) -> Result<Dir, Refusal> {
        Dir::open_ambient_dir(&self.granted.path, ambient_authority()).map_err(|error| {
            Refusal::new(Code::Unavailable, format!("the directory `{}` cannot be opened: {error}", self.granted.name))
                .hint(format!("the operator finds its path under `{}`", KIND.key))
        })
    }
}

#[derive(Debug)]
pub(crate) struct FileSystem {
    places: Arc<[Arc<Place>]>,
    definitions: Vec<ToolDefinition>,
}

impl AsRef<Granted> for Arc<Place> {
    fn as_ref(&self) -> &Granted {
        &self.granted
    }
}

/// What all of its tools may be given.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "switches of nine tools, each its own")]
struct Arguments {
    directory: Option<String>,
    path: Option<String>,
    #[serde(default)]
    recursive: bool,
    limit: Option<usize>,
    encoding: Option<look::Encoding>,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
    text: Option<String>,
    base64: Option<String>,
    #[serde(default)]
    only_new: bool,
    to: Option<String>,
    #[serde(default)]
    replace: bool,
    glob: Option<String>,
    contains: Option<String>,
    #[serde(default)]
    ignore_case: bool,
}

impl FileSystem {
    pub(crate) fn new(granted: Vec<Granted>) -> Result<Self, Error> {
        let definitions = definitions::all(&granted)?;
        let places = granted.into_iter().map(|granted| Arc::new(Place { granted, used: Mutex::default() })).collect();
        Ok(Self { places, definitions })
    }
}

#[async_trait]
impl BuiltIn for FileSystem {
    fn definitions(&self) -> Vec<ToolDefinition> {
        self.definitions.clone()
    }

    async fn call(&self, tool: &ToolDefinition, given: &Value, context: &CallContext<'_>, _: &Traffic) -> Result<Answer, Error> {
        let refused = |refusal| Error::Refused { tool: tool.id.clone(), refusal };
        let own: Arguments = arguments(given).map_err(refused)?;
        let place = Arc::clone(KIND.find(&self.places, own.directory.as_deref()).map_err(refused)?);
        let name = tool.id.tool().to_owned();
        work::compute(tool, context, move |watch| perform(&name, &place, own, watch)).await
    }
}

fn perform(tool: &str, place: &Place, own: Arguments, watch: &mut Watch) -> Result<Answer, Refusal> {
    let path = path::checked(own.path.as_deref().unwrap_or("."))?;
    let dir = place.open()?;
    match tool {
        "list" => look::list(&dir, &path, own.recursive, own.limit, watch),
        "read" => look::read(&dir, &path, own.encoding.unwrap_or_default(), own.offset, own.length),
        "stat" => look::stat(&dir, &path),
        "search" => search::search(
            &dir,
            &path,
            &search::Wanted { glob: own.glob, contains: own.contains, ignore_case: own.ignore_case, limit: own.limit },
            watch,
        ),
        _ => {
            KIND.check_write(&place.granted)?;
            let mut change = change::Change { dir: &dir, granted: &place.granted, used: &mut place.used.lock(), watch };
            match tool {
                "write" => change.write(&path, &change::content(own.text, own.base64)?, own.only_new),
                "append" => change.append(&path, &change::content(own.text, own.base64)?),
                "create_dir" => change.create_dir(&path),
                "remove" => change.remove(&path, own.recursive),
                _ => change.rename(&path, &path::checked(own.to.as_deref().unwrap_or_default())?, own.replace),
            }
        }
    }
}

#[cfg(test)]
mod tests;
