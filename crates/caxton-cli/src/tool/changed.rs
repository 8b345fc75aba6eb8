//! Tools of other people's servers that are not what was first seen of them.

use super::server;
use crate::{
    console::{BAD, Console, FAINT, GOOD},
    error::Result,
    session::{Session, explained},
};
use caxton_api::{AcceptTools, FirstSeen, ToolDetail, ToolState, ToolSummary};
use caxton_types::{Digest, printable};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Lines shown before and after one that differs.
const AROUND: usize = 2;

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

/// What differs from what was first seen of a tool, line by line.
pub(super) fn show(detail: &ToolDetail, console: &Console) -> Result<()> {
    if !detail.tool.changed {
        return Ok(());
    }
    let painter = console.painter();
    let Some(first) = &detail.first_seen else {
        return console.line(painter.paint(FAINT, "what was first seen of it is not kept, only its digest"));
    };
    let now = FirstSeen {
        description: detail.tool.description.clone(),
        input_schema: detail.input_schema.clone(),
        output_schema: detail.output_schema.clone(),
        annotations: detail.annotations,
    };
    let (first, now) = (lines(first), lines(&now));
    if first == now {
        return console.line(painter.paint(FAINT, "what differs from what was first seen is nothing that models are shown"));
    }
    console.line(format_args!("{}:", painter.paint(FAINT, "since it was first seen")))?;
    for (index, hunk) in TextDiff::from_lines(&first, &now).unified_diff().context_radius(AROUND).iter_hunks().enumerate() {
        if index > 0 {
            console.line(painter.paint(FAINT, "  …"))?;
        }
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
            match change.tag() {
                ChangeTag::Delete => console.line(painter.paint(BAD, format_args!("  - {line}")))?,
                ChangeTag::Insert => console.line(painter.paint(GOOD, format_args!("  + {line}")))?,
                ChangeTag::Equal => console.line(format_args!("    {line}"))?,
            }
        }
    }
    Ok(())
}

/// A definition as text: its words, then its schemas and hints.
fn lines(FirstSeen { description, input_schema, output_schema, annotations }: &FirstSeen) -> String {
    let mut parts = vec![("arguments", Some(input_schema.clone())), ("result", output_schema.clone())];
    parts.push(("hints", serde_json::to_value(annotations).ok()));
    let json = |(name, value): (&str, Option<Value>)| value.map(|value| format!("{name}: {value:#}\n"));
    printable(&format!("{description}\n{}", parts.into_iter().filter_map(json).collect::<String>()))
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
