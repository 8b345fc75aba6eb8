//! What other people's MCP servers offer beside their tools, for the clients of the workspace: whoever may call the tools may use it.

use super::{Front, Visit, foreign::Foreign, prompts, resources, said};
use caxton_mcp::{
    rmcp::model::{
        CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock, ErrorData, GetPromptResponse, GetPromptResult, JsonObject,
        Prompt, ReadResourceResponse, ReadResourceResult, Reference, Resource, ResourceContents, ResourceTemplate,
    },
    server::error,
};
use caxton_tools::{Error, Heard, Notice, Offers};
use caxton_types::{Action, Code, Fault as _};
use parking_lot::Mutex;
use std::{mem, sync::Arc};

/// The servers whose tools can be called now, with what they offer.
pub(super) fn offers(front: &Front) -> Vec<(Box<str>, Arc<Offers>)> {
    front.app.tools.offers(&front.caller.workspace)
}

/// Their resources, under URIs of ours.
pub(super) fn resources(front: &Front) -> Vec<Resource> {
    renamed(front, |offers| &offers.resources, |server, resource| resource.uri = here(front, server, &resource.uri))
}

/// The templates of their resources, under URIs of ours.
pub(super) fn templates(front: &Front) -> Vec<ResourceTemplate> {
    renamed(front, |offers| &offers.templates, |server, template| template.uri_template = here(front, server, &template.uri_template))
}

/// Their prompts, named as their tools are.
pub(super) fn prompts(front: &Front) -> Vec<Prompt> {
    renamed(front, |offers| &offers.prompts, |server, prompt| prompt.name = format!("{server}__{}", prompt.name))
}

/// One list of all of them, as it stands here.
fn renamed<T: Clone>(front: &Front, list: fn(&Offers) -> &Vec<T>, rename: impl Fn(&str, &mut T)) -> Vec<T> {
    let mut all = Vec::new();
    for (server, offers) in offers(front) {
        for entry in list(&offers) {
            let mut entry = entry.clone();
            rename(&server, &mut entry);
            all.push(entry);
        }
    }
    all
}

/// Reads a resource at its server.
pub(super) async fn read(front: &Front, visit: &Visit, theirs: Foreign<'_>) -> Result<ReadResourceResponse, ErrorData> {
    visit.caller.require(Action::Send).map_err(said)?;
    let ear = Ear::default();
    let hear = |notice| ear.hear(notice);
    let read = front.app.tools.read_resource(&front.caller.workspace, theirs.server, theirs.uri, &Heard(Some(&hear))).await;
    ear.record(front, visit).await?;
    let mut contents = read.map_err(|error| unread(front, theirs, error))?.contents;
    for part in &mut contents {
        move_here(front, theirs.server, part);
    }
    Ok(ReadResourceResult::new(contents).into())
}

/// Has the server write its prompt out.
pub(super) async fn prompt(
    front: &Front,
    visit: &Visit,
    server: &str,
    name: &str,
    arguments: JsonObject,
) -> Result<GetPromptResponse, ErrorData> {
    visit.caller.require(Action::Send).map_err(said)?;
    let ear = Ear::default();
    let hear = |notice| ear.hear(notice);
    let written = front.app.tools.prompt(&front.caller.workspace, server, name, arguments, &Heard(Some(&hear))).await;
    ear.record(front, visit).await?;
    let mut written = written.map_err(unasked)?;
    for message in &mut written.messages {
        match &mut message.content {
            ContentBlock::Resource(embedded) => move_here(front, server, &mut embedded.resource),
            ContentBlock::ResourceLink(link) => link.uri = here(front, server, &link.uri),
            _ => {}
        }
    }
    let result = GetPromptResult::new(written.messages);
    Ok(match written.description {
        Some(description) => result.with_description(description),
        None => result,
    }
    .into())
}

/// Asks the server what an argument of its prompt or its template may be; nothing where the request is about neither.
pub(super) async fn complete(front: &Front, visit: &Visit, request: &CompleteRequestParams) -> Result<Option<CompleteResult>, ErrorData> {
    let workspace = &front.caller.workspace;
    let (server, reference) = match &request.r#ref {
        Reference::Prompt(prompt) => match prompts::of_others(&prompt.name) {
            Some((server, name)) => (server, Reference::for_prompt(name)),
            None => return Ok(None),
        },
        Reference::Resource(template) => match Foreign::of(workspace, &template.uri) {
            Some(Foreign { server, uri }) => (server, Reference::for_resource(uri)),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    visit.caller.require(Action::Send).map_err(said)?;
    let mut asked = CompleteRequestParams::new(reference, request.argument.clone());
    asked.context.clone_from(&request.context);
    let ear = Ear::default();
    let hear = |notice| ear.hear(notice);
    let completed = front.app.tools.complete(workspace, server, asked, &Heard(Some(&hear))).await;
    ear.record(front, visit).await?;
    let mut completion = completed.map_err(unasked)?;
    if completion.values.len() > CompletionInfo::MAX_VALUES {
        completion.values.truncate(CompletionInfo::MAX_VALUES);
        completion.has_more = Some(true);
    }
    Ok(Some(CompleteResult::new(completion)))
}

fn move_here(front: &Front, server: &str, contents: &mut ResourceContents) {
    if let ResourceContents::TextResourceContents { uri, .. } | ResourceContents::BlobResourceContents { uri, .. } = contents {
        *uri = here(front, server, uri);
    }
}

fn here(front: &Front, server: &str, uri: &str) -> String {
    Foreign { server, uri }.here(&front.caller.workspace)
}

fn unread(front: &Front, theirs: Foreign<'_>, error: Error) -> ErrorData {
    match error {
        Error::ServerUnknown { .. } => resources::unknown(&theirs.here(&front.caller.workspace)),
        Error::Relayed(refused) if refused.code() == Code::NotFound => ErrorData::resource_not_found(refused.to_string(), None),
        other => said(other),
    }
}

/// A name that nobody knows is a mistake of the request, as the specification says.
fn unasked(failed: Error) -> ErrorData {
    match failed {
        Error::ServerUnknown { .. } => error(Code::Invalid, failed.to_string(), failed.hint().as_deref()),
        other => said(other),
    }
}

/// Hears what happens to breakers meanwhile, for the journal.
#[derive(Default)]
struct Ear(Mutex<Vec<Notice>>);

impl Ear {
    fn hear(&self, notice: Notice) {
        self.0.lock().push(notice);
    }

    async fn record(&self, front: &Front, visit: &Visit) -> Result<(), ErrorData> {
        let heard = mem::take(&mut *self.0.lock());
        let Some(workspace) = front.workspace()?.filter(|_| !heard.is_empty()) else { return Ok(()) };
        front.app.runtime.record(&visit.caller, &workspace, visit.trace, heard).await.map_err(said)
    }
}
