//! What agents remember, by scope.
//!
//! Invariant: whose memory is searched is decided by who asks, in the store, never by what is asked.
mod terms;

use caxton_store::{MemoryQuery, Workspace};
use caxton_types::{AgentName, Recall, Recollection, Scope};

/// The most words that one search looks for: beyond the rarest few, ranking costs far more than it tells.
const TERMS_MAX: usize = 8;

/// Searches what the asking agent may see, best first.
///
/// Words that tell nothing are left out and of the rest the rarest are looked for, so that a long question costs no more than
/// a short one. Nothing found is an answer too.
pub async fn recall(workspace: &Workspace, recall: &Recall) -> Result<Vec<Recollection>, caxton_store::Error> {
    recall_in(workspace, &recall.query, recall.scope.up_to(), Some(&recall.agent), recall.limit).await
}

/// The same in these scopes alone; that of an agent is empty where no agent asks.
pub async fn recall_in(
    workspace: &Workspace,
    query: &str,
    scopes: &[Scope],
    agent: Option<&AgentName>,
    limit: u16,
) -> Result<Vec<Recollection>, caxton_store::Error> {
    let terms = terms::telling(query);
    if terms.is_empty() || limit == 0 {
        return Ok(vec![]);
    }
    let counts = workspace.term_counts(&terms).await?;
    let terms = terms::rarest(terms, &counts, TERMS_MAX);
    let query = MemoryQuery { terms, agent: agent.cloned(), scopes: scopes.to_vec(), limit: u32::from(limit) };
    let found = workspace.search_memory(query).await?;
    metrics::counter!("caxton_memory_recalls_total", "found" => if found.is_empty() { "none" } else { "some" }).increment(1);
    Ok(found)
}
