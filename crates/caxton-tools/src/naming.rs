//! From the names that people and programs write to tools, also those of servers that are not there now.

use crate::{Error, Standing, Tools, registry::Own, remote::Remote, resolve, server::Server};
use caxton_types::{ToolDefinition, WorkspaceName, nearest, one_line};
use std::sync::Arc;

/// The longest name that an error repeats, in characters.
const NAME_LEN_MAX: usize = 140;

impl Tools {
    /// The tool of this name: `server/tool`, `server__tool`, or what an agent's file may say, where that is one tool. It can be called, as far
    /// as its server is there.
    pub fn named(&self, workspace: &WorkspaceName, name: &str) -> Result<ToolDefinition, Error> {
        let own = self.own(workspace);
        let tool = self.meant(&own, name)?;
        if let Some(absence) = self.absence(&own, tool.id.server()) {
            return Err(absence);
        }
        let remote = self.0.remotes.get(tool.id.server()).filter(|remote| !own.has(remote.name()));
        match remote.and_then(|remote| remote.refusal(&tool.id)) {
            Some(refusal) => Err(refusal),
            None => Ok(tool),
        }
    }

    /// The same as it stands, also where its server is not there now and was before.
    pub fn standing_named(&self, workspace: &WorkspaceName, name: &str) -> Result<Standing, Error> {
        let tool = self.meant(&self.own(workspace), name)?;
        // Between the two a deployment may have taken it away.
        self.standing_of(workspace, &tool.id).ok_or_else(|| unknown(name, None))
    }

    /// Found among all that are there or were: what a name means does not depend on which servers are up.
    fn meant(&self, own: &Own, name: &str) -> Result<ToolDefinition, Error> {
        let of_others: Vec<(&Arc<Remote>, Option<Arc<Server>>)> = self.others(own).map(|remote| (remote, remote.seen())).collect();
        let server = resolve::server_of(name);
        // One that was never there has the tools of its name nevertheless, and nobody else has.
        let unseen = of_others.iter().find(|(remote, seen)| seen.is_none() && remote.name() == server);
        if let Some(absence) = unseen.and_then(|(remote, _)| remote.absence()) {
            return Err(absence);
        }
        let of_others: Vec<_> = of_others.into_iter().filter_map(|(_, seen)| seen).collect();
        let known = self.known(own, &of_others);
        match resolve::named(&known, name).as_slice() {
            [tool] => Ok((*tool).clone()),
            [] => Err(self.absence(own, server).unwrap_or_else(|| {
                let ids: Vec<_> = known.tools.iter().map(|tool| tool.id.to_string()).collect();
                unknown(name, nearest(name, ids.iter().map(String::as_str)))
            })),
            several => {
                let mut tools: Vec<_> = several.iter().map(|tool| tool.id.clone()).collect();
                tools.sort();
                Err(self.absence(own, server).unwrap_or_else(|| Error::Several { name: shortened(name), tools }))
            }
        }
    }

    /// Why the server of this name or label cannot be called, if it is another's and not there.
    fn absence(&self, own: &Own, name: &str) -> Option<Error> {
        if own.has(name) {
            return None;
        }
        if let Some(remote) = self.0.remotes.get(name) {
            return remote.absence();
        }
        let labels = self.0.remotes.labels().into_iter();
        let labelled = labels.filter(|(label, server)| *label == name && !own.has(server));
        let absences: Option<Vec<Error>> = labelled.map(|(_, server)| self.0.remotes.get(server)?.absence()).collect();
        absences?.into_iter().next()
    }
}

fn unknown(name: &str, nearest: Option<&str>) -> Error {
    Error::Unknown { tool: shortened(name), nearest: nearest.map(Into::into) }
}

/// A name that nobody has, as an error repeats it.
pub(crate) fn shortened(name: &str) -> Box<str> {
    one_line(name, NAME_LEN_MAX).into()
}
