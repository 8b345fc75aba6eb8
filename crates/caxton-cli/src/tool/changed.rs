//! Tools of other people's servers that are not what was first seen of them.

use super::server;
use crate::{
    error::Result,
    session::{Session, explained},
};
use caxton_api::{AcceptTools, ToolState, ToolSummary};
use caxton_types::Digest;

/// `caxton tool accept SERVER[/TOOL]`
pub(super) async fn accept(name: &str, digest: Option<Digest>, session: &Session) -> Result<()> {
    let parts = name.split_once('/').or_else(|| name.split_once("__"));
    let (server, tool) = parts.map_or((name, None), |(server, tool)| (server, Some(tool)));
    let which = AcceptTools { tool: tool.map(Into::into), digest };
    let accepted = session.client()?.accept_tools(server, &which).await.map_err(explained)?;
    let console = session.console();
    if console.json {
        return console.value(&accepted);
    }
    match (accepted.accepted.as_slice(), tool) {
        ([], Some(tool)) => console.line(format_args!("nothing to accept: {server}/{tool} is what was first seen of it"))?,
        ([], None) => console.line(format_args!("nothing to accept: the tools of {server} are what was first seen of them"))?,
        (tools, _) => tools.iter().try_for_each(|tool| console.line(format_args!("{tool} accepted as it is now")))?,
    }
    Ok(())
}

/// Which tools that take calls have changed, and what to do about it; said once for each server.
pub(super) fn warnings(tools: &[ToolSummary]) -> Vec<String> {
    let changed: Vec<&ToolSummary> = tools.iter().filter(|tool| tool.changed && tool.state == ToolState::Ready).collect();
    let warning = |tools: &[&ToolSummary]| {
        let first = tools.first()?;
        Some(match tools.len() {
            1 => {
                let id = &first.id;
                format!(
                    "{id} is not what was first seen of it: `caxton tool inspect {id}` shows it, `caxton tool accept {id}` takes it as it is"
                )
            }
            many => {
                let server = server(first);
                format!(
                    "{many} tools of {server} are not what was first seen of them: `caxton tool inspect NAME` shows each, \
                     `caxton tool accept {server}` takes them as they are"
                )
            }
        })
    };
    changed.chunk_by(|a, b| server(a) == server(b)).filter_map(warning).collect()
}
