//! Tools of other people's servers that are not what was first seen of them.

use super::server;
use crate::{
    console::{BAD, CARE, Console, FAINT, GOOD},
    error::Result,
    session::{Session, explained},
};
use caxton_api::{AcceptTools, ToolDetail, ToolState, ToolSummary};
use caxton_types::{Digest, revealed};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// Lines shown before and after one that differs.
const AROUND: usize = 2;
/// Of one part, as JSON: what is longer is not compared here.
const PART_LEN_MAX: usize = 64 << 10;
/// Of all parts.
const LINES_MAX: usize = 300;
/// After that, a comparison takes the next best answer.
const COMPARED_WITHIN: Duration = Duration::from_millis(500);

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

/// A line about what changed.
#[derive(Debug, PartialEq)]
enum Line {
    /// That something cannot be told.
    Care(String),
    /// The part of a definition that follows.
    Part(&'static str),
    Same(String),
    Gone(String),
    New(String),
    /// Lines in between are the same, or too many.
    Left(String),
}

/// What differs from what was first seen of a tool, line by line.
pub(super) fn show(detail: &ToolDetail, console: &Console) -> Result<()> {
    let painter = console.painter();
    differences(detail).into_iter().try_for_each(|line| match line {
        Line::Care(text) => console.line(painter.paint(CARE, text)),
        Line::Part(part) => console.line(format_args!("{}:", painter.paint(FAINT, format_args!("{part}, since it was first seen")))),
        Line::Same(text) => console.line(format_args!("    {text}")),
        Line::Gone(text) => console.line(painter.paint(BAD, format_args!("  - {text}"))),
        Line::New(text) => console.line(painter.paint(GOOD, format_args!("  + {text}"))),
        Line::Left(text) => console.line(painter.paint(FAINT, format_args!("  … {text}"))),
    })
}

fn differences(detail: &ToolDetail) -> Vec<Line> {
    let ToolDetail { tool, input_schema, output_schema, annotations, first_seen, .. } = detail;
    if !tool.changed {
        return vec![];
    }
    let Some(first) = first_seen else {
        return vec![Line::Care("what was first seen of it is not kept".into())];
    };
    let mut lines = part("description", Some(&first.description), Some(&tool.description));
    if first.input_schema.is_some() {
        lines.extend(json_part("arguments", first.input_schema.as_ref(), Some(input_schema)));
        lines.extend(json_part("result", first.output_schema.as_ref(), output_schema.as_ref()));
    }
    let hints = |annotations| serde_json::to_value(annotations).ok();
    lines.extend(json_part("hints", hints(first.annotations).as_ref(), hints(*annotations).as_ref()));
    if first.input_schema.is_none() {
        lines.push(Line::Care("its schemas were too long to be kept: only that something changed is known of them".into()));
    } else if lines.is_empty() {
        let unseen = "its name at its server, text beyond what models are shown, or hints that are not trusted";
        lines.push(Line::Care(format!("what differs is {unseen}")));
    }
    if lines.len() > LINES_MAX {
        let more = lines.split_off(LINES_MAX).len();
        lines.push(Line::Left(format!("{more} more lines; `--json` shows both definitions")));
    }
    lines
}

fn json_part(name: &'static str, first: Option<&Value>, now: Option<&Value>) -> Vec<Line> {
    // Objects that differ only in the order of their keys do not differ.
    if first == now {
        return vec![];
    }
    if [first, now].into_iter().flatten().any(|value| value.to_string().len() > PART_LEN_MAX) {
        return vec![Line::Part(name), Line::Left("it is too long to be compared here; `--json` shows both definitions".into())];
    }
    let pretty = |value: &Value| {
        let mut sorted = value.clone();
        sorted.sort_all_objects();
        format!("{sorted:#}")
    };
    part(name, first.map(pretty).as_deref(), now.map(pretty).as_deref())
}

/// Everything that is not seen is shown: a definition is compared with what may have been written to hide in it.
fn part(name: &'static str, first: Option<&str>, now: Option<&str>) -> Vec<Line> {
    if first == now {
        return vec![];
    }
    let [first, now] = [first, now].map(|text| text.map(|text| revealed(text) + "\n").unwrap_or_default());
    let diff = TextDiff::configure().timeout(COMPARED_WITHIN).diff_lines(&first, &now);
    let mut lines = vec![Line::Part(name)];
    for (at, hunk) in diff.unified_diff().context_radius(AROUND).iter_hunks().enumerate() {
        lines.extend((at > 0).then(|| Line::Left(String::new())));
        lines.extend(hunk.iter_changes().map(|change| {
            let text = change.value().trim_end_matches('\n').to_owned();
            match change.tag() {
                ChangeTag::Delete => Line::Gone(text),
                ChangeTag::Insert => Line::New(text),
                ChangeTag::Equal => Line::Same(text),
            }
        }));
    }
    lines
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
                    "{id} is not what was first seen of it: `caxton tool inspect {id}` shows what changed, `caxton tool accept {id}` takes it as it is"
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As it is first seen, and as it is now.
    fn detail(first: &Value, now: &Value) -> ToolDetail {
        let tool = json!({"id": "desk/get", "kind": "remote", "state": "ready", "changed": true, "description": now["description"],
            "calls": 0, "errors": 0, "denials": 0});
        let stats = json!({"calls": 0, "running": 0, "errors": [], "error_results": 0, "denials": 0, "cpu_us": 0});
        let detail = json!({"tool": tool, "input_schema": now["input_schema"], "output_schema": now["output_schema"],
            "annotations": now["annotations"], "execution": "idempotent", "needs_approval": false, "stats": stats, "first_seen": first});
        serde_json::from_value(detail).unwrap()
    }

    fn definition(description: &str, schema: &Value) -> Value {
        json!({"description": description, "input_schema": schema, "annotations": {}})
    }

    fn told(first: &Value, now: &Value) -> Vec<Line> {
        differences(&detail(first, now))
    }

    #[test]
    fn each_part_that_differs_is_told_with_what_is_around() {
        let first = definition("Gets.", &json!({"b": 1, "a": {"type": "string"}}));
        let mut now = definition("Gets.", &json!({"a": {"type": "number"}, "b": 1}));
        now["annotations"] = json!({"readOnlyHint": true});
        now["output_schema"] = json!({});
        let same = |text: &str| Line::Same(text.into());
        let (gone, new) = (|text: &str| Line::Gone(text.into()), |text: &str| Line::New(text.into()));
        let hints = [
            same("  \"idempotentHint\": false,"),
            same("  \"openWorldHint\": true,"),
            gone("  \"readOnlyHint\": false"),
            new("  \"readOnlyHint\": true"),
            same("}"),
        ];
        let mut expected = vec![
            Line::Part("arguments"),
            same("{"),
            same("  \"a\": {"),
            gone("    \"type\": \"string\""),
            new("    \"type\": \"number\""),
            same("  },"),
            same("  \"b\": 1"),
            Line::Part("result"),
            new("{}"),
            Line::Part("hints"),
        ];
        expected.extend(hints);
        assert_eq!(told(&first, &now), expected);
    }

    #[test]
    fn what_is_hidden_in_a_definition_is_told() {
        let schema = json!({});
        let swapped = told(&definition("ok \u{e0041}\u{e0042}", &schema), &definition("ok \u{e0043}\u{fffd}", &schema));
        let words = [Line::Gone("ok <U+E0041><U+E0042>".into()), Line::New("ok <U+E0043>\u{fffd}".into())];
        assert_eq!(swapped.split_first(), Some((&Line::Part("description"), words.as_slice())));
        let unseen = told(&definition("ok", &schema), &definition("ok", &schema));
        assert!(matches!(&*unseen, [Line::Care(text)] if text.contains("its name at its server")), "{unseen:?}");
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let (short, long) = (definition("a", &json!({})), definition("a", &json!({"examples": vec![1; PART_LEN_MAX]})));
        assert!(matches!(&*told(&short, &long), [Line::Part("arguments"), Line::Left(text)] if text.contains("--json")));
        let mut brief = short.clone();
        brief["input_schema"] = json!(null);
        assert!(matches!(&*told(&brief, &long), [Line::Care(text)] if text.contains("too long to be kept")));
        assert!(matches!(&*told(&json!(null), &long), [Line::Care(text)] if text.contains("not kept")));
        let many = told(&short, &definition("x\n".repeat(LINES_MAX + 7).trim_end(), &json!({})));
        assert!(matches!(many.last(), Some(Line::Left(text)) if text.starts_with("9 more lines")), "{:?}", many.last());
    }
}
