//! What a server of others offers beside its tools: resources and prompts, as it describes them. They are for whoever may call its tools.

use super::{
    Link, Remote, State, Up,
    run::{PACE, idle},
};
use crate::{Error, Heard, Tools, naming::shortened, server::Module};
use caxton_mcp::{
    client::{Client, Error as Fault, Listed},
    rmcp::model::{
        CompleteRequestParams, CompletionInfo, GetPromptResult, JsonObject, Prompt, ReadResourceResult, Resource, ResourceContents,
        ResourceTemplate,
    },
};
use caxton_types::{WorkspaceName, error::ResourceError};
use serde::Serialize;
use std::{convert::Infallible, sync::Arc};

/// The most of one list that is kept, as JSON.
const LIST_LEN_MAX: usize = 4 << 20;

/// The resources and prompts of a server, as far as the bounds of its lists allow.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offers {
    /// Its resources.
    pub resources: Vec<Resource>,
    /// Templates of further ones.
    pub templates: Vec<ResourceTemplate>,
    /// Its prompts.
    pub prompts: Vec<Prompt>,
}

impl Tools {
    /// What those servers of others offer that the workspace can call now, by their names.
    pub fn offers(&self, workspace: &WorkspaceName) -> Vec<(Box<str>, Arc<Offers>)> {
        let own = self.own(workspace);
        let up = self.others(&own).filter(|remote| remote.current().is_some());
        up.map(|remote| (remote.name().into(), remote.offers())).collect()
    }

    /// Reads a resource at its server.
    pub async fn read_resource(
        &self,
        workspace: &WorkspaceName,
        server: &str,
        uri: &str,
        heard: &Heard<'_>,
    ) -> Result<ReadResourceResult, Error> {
        let (remote, up) = self.other(workspace, server)?;
        let link = up.link()?;
        let read = link.relay(heard, Box::pin(link.client().read(uri))).await?;
        let len: usize = read.contents.iter().map(len).sum();
        remote.bounded(len)?;
        Ok(read)
    }

    /// Has a server write one of its prompts out.
    pub async fn prompt(
        &self,
        workspace: &WorkspaceName,
        server: &str,
        name: &str,
        arguments: JsonObject,
        heard: &Heard<'_>,
    ) -> Result<GetPromptResult, Error> {
        let (remote, up) = self.other(workspace, server)?;
        let link = up.link()?;
        let written = link.relay(heard, Box::pin(link.client().prompt(name, arguments))).await?;
        remote.bounded(serde_json::to_string(&written).map_or(usize::MAX, |json| json.len()))?;
        Ok(written)
    }

    /// Asks a server what an argument of a prompt or of a template may be.
    pub async fn complete(
        &self,
        workspace: &WorkspaceName,
        server: &str,
        asked: CompleteRequestParams,
        heard: &Heard<'_>,
    ) -> Result<CompletionInfo, Error> {
        let (remote, up) = self.other(workspace, server)?;
        let link = up.link()?;
        let completed = link.relay(heard, Box::pin(link.client().complete(asked))).await?;
        remote.bounded(completed.values.iter().map(String::len).sum())?;
        Ok(completed)
    }

    /// The server of others that a workspace knows by this name, if it is there.
    fn other(&self, workspace: &WorkspaceName, server: &str) -> Result<(Arc<Remote>, Arc<Up>), Error> {
        let own = self.own(workspace);
        let found = self.others(&own).find(|remote| remote.name() == server);
        let remote = found.ok_or_else(|| Error::ServerUnknown { server: shortened(server), nearest: None })?;
        // As for its tools: who asks is told since when it is not there.
        Ok((Arc::clone(remote), remote.there()?))
    }
}

fn len(contents: &ResourceContents) -> usize {
    match contents {
        ResourceContents::TextResourceContents { uri, text, .. } => uri.len() + text.len(),
        // Four letters are three bytes.
        ResourceContents::BlobResourceContents { uri, blob, .. } => uri.len() + blob.len() / 4 * 3,
        _ => 0,
    }
}

/// How many of the entries are kept.
fn fitting(entries: &[impl Serialize]) -> usize {
    let mut left = LIST_LEN_MAX;
    for (index, entry) in entries.iter().enumerate() {
        let len = serde_json::to_string(entry).map_or(usize::MAX, |json| json.len());
        if len > left {
            return index;
        }
        left -= len;
    }
    entries.len()
}

impl Up {
    fn link(&self) -> Result<&Link, Error> {
        match self.server.module() {
            Module::Remote(link) => Ok(link),
            Module::Component { .. } | Module::BuiltIn(_) | Module::Turn => {
                Err(Error::ServerUnknown { server: self.server.name().into(), nearest: None })
            }
        }
    }
}

impl Remote {
    pub(super) fn offers(&self) -> Arc<Offers> {
        Arc::clone(&self.offers.borrow())
    }

    fn bounded(&self, len: usize) -> Result<(), Error> {
        let limit = self.options.result_len_max;
        if len as u64 > limit.get() { Err(ResourceError::OutputLimitExceeded { limit }.into()) } else { Ok(()) }
    }

    /// Keeps the list of what the server offers as it is now. Its tools come first, and do without it: what it does not list is not there.
    pub(super) async fn survey(&self, client: &Arc<Client>) -> Infallible {
        let (mut changes, mut state) = (client.changes(), self.state.subscribe());
        let is_up = |state: &State| matches!(state, State::Up(up) if up.is_of(client));
        // Who sends it is not gone before the connection is.
        let _ = state.wait_for(is_up).await.map(drop);
        loop {
            changes.mark_unchanged();
            let offers = self.ask(client).await;
            self.offers.send_if_modified(|now| {
                let is_news = **now != offers;
                if is_news {
                    *now = Arc::new(offers);
                }
                is_news
            });
            tokio::time::sleep(PACE).await;
            tokio::select! {
                _ = changes.changed() => {}
                () = idle(client) => {}
            }
        }
    }

    async fn ask(&self, client: &Client) -> Offers {
        let was = self.offers();
        Offers {
            resources: self.listed("resources", client.resources().await, &was.resources),
            templates: self.listed("templates of resources", client.resource_templates().await, &was.templates),
            prompts: self.listed("prompts", client.prompts().await, &was.prompts),
        }
    }

    fn listed<T: Clone + Serialize>(&self, what: &str, listed: Result<Listed<T>, Fault>, was: &[T]) -> Vec<T> {
        match listed {
            Ok(Listed { mut entries, is_cut }) => {
                let listed_len = entries.len();
                entries.truncate(fitting(&entries));
                if is_cut || entries.len() < listed_len {
                    tracing::warn!(server = self.name(), what, len = entries.len(), "an MCP server lists more than is offered here");
                }
                entries
            }
            // Many servers have one of these lists only.
            Err(error @ Fault::Refused { .. }) => {
                tracing::debug!(server = self.name(), what, %error, "an MCP server does not list them");
                vec![]
            }
            Err(error) => {
                tracing::warn!(server = self.name(), what, %error, "what an MCP server offers stays as it was");
                was.to_vec()
            }
        }
    }
}
