//! Telling clients what changed: tools and prompts with a deployment, resources with what agents remember, all of them with the servers of
//! others.

use super::{Front, others, resources, said};
use crate::edge::Fail;
use caxton_mcp::rmcp::{
    RoleServer,
    model::{ErrorData, ResourceUpdatedNotificationParam},
    service::{Peer, SubscriptionContext},
};
use caxton_store::{EventQuery, Workspace};
use caxton_tools::Offers;
use caxton_types::{Digest, Fact, Scope, Seq};
use futures_util::{StreamExt as _, stream::BoxStream};
use serde_json::json;
use std::{borrow::Cow, collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::watch;

/// The most events that one look at the journal takes in.
const CHUNK: u32 = 200;
/// How often to look whether anybody is still there to be told.
const LOOK: Duration = Duration::from_secs(5);

/// Tells a session what changes, until it or the server ends.
pub(super) fn session(front: &Front, peer: Peer<RoleServer>) {
    let front = front.clone();
    let upkeep = front.app.upkeep.clone();
    upkeep.spawn(async move {
        let Some(mut changes) = Changes::begin(&front, || peer.is_transport_closed()).await else { return };
        while let Some(changed) = changes.next(|| peer.is_transport_closed()).await {
            if tell(&front, &peer, &changed).await.is_none() {
                return;
            }
        }
    });
}

async fn tell(front: &Front, peer: &Peer<RoleServer>, changed: &Changed) -> Option<()> {
    if changed.has(List::Tools) {
        peer.notify_tool_list_changed().await.ok()?;
    }
    if changed.has(List::Prompts) {
        peer.notify_prompt_list_changed().await.ok()?;
    }
    if changed.has(List::Resources) {
        peer.notify_resource_list_changed().await.ok()?;
    }
    let watched = front.session.watched();
    for uri in changed.entities.iter().map(|entity| resources::uri(front, entity)).filter(|uri| watched.contains(uri)) {
        peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await.ok()?;
    }
    Some(())
}

/// Tells one subscription what it asked for, until its client or the server ends it.
pub(super) async fn subscription(front: &Front, context: &SubscriptionContext) -> Result<(), ErrorData> {
    let gone = || context.request_context().ct.is_cancelled();
    let told = async {
        let Some(mut changes) = Changes::begin(front, gone).await else { return Ok(()) };
        while let Some(changed) = changes.next(gone).await {
            if let Err(error) = subscriber(front, context, &changed).await {
                return Err(said(Fail::new(caxton_types::Code::Unavailable, error.to_string())));
            }
        }
        Ok(())
    };
    tokio::select! {
        told = told => told,
        () = context.cancelled() => Ok(()),
    }
}

async fn subscriber(
    front: &Front,
    context: &SubscriptionContext,
    changed: &Changed,
) -> Result<(), caxton_mcp::rmcp::service::SubscriptionSendError> {
    let (sink, wanted) = (context.sink(), context.accepted());
    if changed.has(List::Tools) && wanted.tools_list_changed == Some(true) {
        sink.notify_tool_list_changed().await?;
    }
    if changed.has(List::Prompts) && wanted.prompts_list_changed == Some(true) {
        sink.notify_prompt_list_changed().await?;
    }
    if changed.has(List::Resources) && wanted.resources_list_changed == Some(true) {
        sink.notify_resource_list_changed().await?;
    }
    let watched = wanted.resource_subscriptions.iter().flatten().collect::<BTreeSet<_>>();
    for uri in changed.entities.iter().map(|entity| resources::uri(front, entity)).filter(|uri| watched.contains(uri)) {
        sink.notify_resource_updated(uri).await?;
    }
    Ok(())
}

/// What changed since somebody looked last.
#[derive(Default)]
struct Changed {
    /// Agents with their prompts.
    deployed: bool,
    lists: BTreeSet<List>,
    /// The things that somebody remembered something about.
    entities: BTreeSet<Box<str>>,
}

/// A list that clients are told the change of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    /// What can be called: agents, and tools.
    Tools,
    Prompts,
    Resources,
}

impl Changed {
    fn has(&self, list: List) -> bool {
        self.lists.contains(&list)
    }

    fn add(&mut self, list: List, is_changed: bool) {
        if is_changed {
            self.lists.insert(list);
        }
    }
}

struct Changes<'f> {
    front: &'f Front,
    workspace: Workspace,
    news: watch::Receiver<Seq>,
    after: Seq,
    /// Rings when the tools of others may be other ones.
    others: BoxStream<'static, ()>,
    /// The tools, and what else others offer, as they were last looked at.
    tools: Digest,
    offers: Vec<(Box<str>, Arc<Offers>)>,
}

impl<'f> Changes<'f> {
    /// From now on, or from the beginning of a workspace that is not there yet; none where nobody is left to tell.
    async fn begin(front: &'f Front, gone: impl Fn() -> bool) -> Option<Self> {
        let mut after = None;
        loop {
            if let Some(workspace) = front.workspace().ok()? {
                let after = after.unwrap_or_else(|| workspace.last());
                let (others, tools, offers) = (front.app.tools.changes(), tools(front), others::offers(front));
                return Some(Self { front, news: workspace.watch(), workspace, after, others, tools, offers });
            }
            after = Some(Seq(0));
            if !pause(front, &gone).await {
                return None;
            }
        }
    }

    /// Waits for the next change; none where nobody is left to tell, or the server stops.
    async fn next(&mut self, gone: impl Fn() -> bool) -> Option<Changed> {
        let mut rang = false;
        loop {
            let until = *self.news.borrow_and_update();
            let mut changed = if until > self.after { self.read(until).await } else { Changed::default() };
            if changed.deployed {
                // Its event is there before its agents and tools are: it holds the workspace until they are.
                drop(self.front.app.runtime.hold(self.workspace.name()).await);
            }
            if changed.deployed || rang {
                let tools = tools(self.front);
                let (now, was) = (others::offers(self.front), &self.offers);
                let (prompts, resources) = (differ(was, &now, |offers| &offers.prompts), differ(was, &now, |offers| &offers.resources));
                changed.add(List::Tools, changed.deployed || tools != self.tools);
                changed.add(List::Prompts, changed.deployed || prompts);
                changed.add(List::Resources, resources || differ(was, &now, |offers| &offers.templates));
                (self.tools, self.offers, rang) = (tools, now, false);
            }
            changed.add(List::Resources, !changed.entities.is_empty());
            if !changed.lists.is_empty() {
                return Some(changed);
            }
            // Where much happens, the moment below is never over.
            if gone() {
                return None;
            }
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                Some(()) = self.others.next() => rang = true,
                goes_on = pause(self.front, &gone) => if !goes_on { return None },
            }
        }
    }

    async fn read(&mut self, until: Seq) -> Changed {
        let mut changed = Changed::default();
        let kinds = vec![Cow::Borrowed("deployed"), Cow::Borrowed("observation_stored")];
        let query = EventQuery { after: self.after, until: Some(until), kinds, limit: CHUNK, ..EventQuery::default() };
        match self.workspace.events(query).await {
            Ok(events) => {
                // What is more than a chunk comes at the next look.
                let is_all = events.len() < CHUNK as usize;
                self.after = events.last().filter(|_| !is_all).map_or(until, |event| event.seq);
                for event in events {
                    match event.new.fact {
                        Fact::Deployed { .. } => changed.deployed = true,
                        Fact::ObservationStored { observation, .. } if observation.scope == Scope::Workspace => {
                            changed.entities.insert(observation.entity);
                        }
                        _ => {}
                    }
                }
            }
            Err(error) => {
                self.after = until;
                tracing::warn!(%error, workspace = %self.workspace.name(), "MCP clients are not told what changed");
            }
        }
        changed
    }
}

/// What the tools of the workspace come to.
fn tools(front: &Front) -> Digest {
    let tools = front.app.tools.available(&front.caller.workspace);
    let defined: Vec<_> = tools.iter().map(|tool| (tool.id.to_string(), &tool.description, &tool.input_schema)).collect();
    Digest::of(json!(defined).to_string().as_bytes())
}

/// Whether the servers offer other things than before.
fn differ<T: PartialEq>(was: &[(Box<str>, Arc<Offers>)], now: &[(Box<str>, Arc<Offers>)], of: impl Fn(&Offers) -> &Vec<T>) -> bool {
    let all = |offers| {
        let offers: &[(Box<str>, Arc<Offers>)] = offers;
        offers.iter().map(|(server, offers)| (server, of(offers))).filter(|(_, list)| !list.is_empty()).collect::<Vec<_>>()
    };
    all(was) != all(now)
}

/// A moment; false where it is the last one.
async fn pause(front: &Front, gone: impl Fn() -> bool) -> bool {
    tokio::select! {
        () = front.app.life.stopping().cancelled() => false,
        () = tokio::time::sleep(LOOK) => !gone(),
    }
}
