//! Memory as resources: `caxton://{workspace}/memory/{entity}`, what the agents remember about one thing and share in the workspace. Behind it
//! stand the resources of other people's servers.

use super::{Front, Visit, foreign::Foreign, others, said};
use caxton_mcp::{
    rmcp::model::{
        ErrorData, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResponse, ReadResourceResult, Resource, ResourceContents,
        ResourceTemplate,
    },
    server::{cursor_of, error, page, read_cursor},
};
use caxton_store::{EntityRow, ObservationFilter};
use caxton_types::{Code, Scope, one_line};
use serde_json::json;
use std::fmt::Write as _;

/// The variable of the template.
pub(super) const VARIABLE: &str = "entity";
/// What of memory stands on one page, and what of other people's servers.
const PAGE_LEN: u32 = 200;
/// A cursor that begins so stands behind an entity, every other one behind a resource of others.
const OF_MEMORY: &str = "memory/";
/// The most observations of one entity that are read, newest first.
const OBSERVATIONS_MAX: u32 = 500;
/// Of what a client named, the most characters that an error repeats.
const NAMED_LEN_MAX: usize = 200;
const JSON: &str = "application/json";

/// The template of every resource of the workspace.
pub(super) fn template(front: &Front) -> String {
    format!("{}{{{VARIABLE}}}", prefix(front))
}

fn prefix(front: &Front) -> String {
    format!("caxton://{}/memory/", front.caller.workspace)
}

/// The resource of an entity.
pub(super) fn uri(front: &Front, entity: &str) -> String {
    format!("{}{}", prefix(front), escaped(entity))
}

/// The entity whose changes are told under this URI.
pub(super) fn watched(front: &Front, uri: &str) -> Result<String, ErrorData> {
    if let Some(Foreign { server, .. }) = Foreign::of(&front.caller.workspace, uri) {
        let why = format!(
            "`{}` is a resource of the MCP server `{}`, and changes of those are not told one by one",
            one_line(uri, NAMED_LEN_MAX),
            one_line(server, NAMED_LEN_MAX)
        );
        return Err(error(Code::Invalid, why, Some("read it again; `notifications/resources/list_changed` tells when their list changes")));
    }
    entity_of(front, uri)
}

/// The entity that a URI names.
fn entity_of(front: &Front, uri: &str) -> Result<String, ErrorData> {
    let entity = uri.strip_prefix(&prefix(front)).and_then(unescaped);
    entity.filter(|entity| !entity.is_empty()).ok_or_else(|| unknown(uri))
}

pub(super) fn unknown(uri: &str) -> ErrorData {
    let hint = "`resources/list` shows what there is";
    ErrorData::resource_not_found(
        format!("there is no resource `{}`", one_line(uri, NAMED_LEN_MAX)),
        Some(json!({"uri": uri, "code": "not_found", "hint": hint})),
    )
}

pub(super) async fn list(front: &Front, cursor: Option<String>) -> Result<ListResourcesResult, ErrorData> {
    let after = cursor.as_deref().map(read_cursor).transpose()?;
    let mut resources = Vec::new();
    let is_of_others = after.as_ref().is_some_and(|after| !after.starts_with(OF_MEMORY));
    if !is_of_others {
        let (rows, more) = entities(front, after.as_deref().and_then(|after| after.strip_prefix(OF_MEMORY))).await?;
        resources.extend(rows.iter().map(|row| resource(front, row)));
        if let Some(last) = rows.last().filter(|_| more) {
            let next_cursor = Some(cursor_of(&format!("{OF_MEMORY}{}", last.name)));
            return Ok(ListResourcesResult { next_cursor, ..ListResourcesResult::with_all_items(resources) });
        }
    }
    let cursor = cursor.filter(|_| is_of_others);
    let (theirs, next_cursor) = page(others::resources(front), |resource| &resource.uri, cursor.as_deref(), PAGE_LEN as usize)?;
    resources.extend(theirs);
    Ok(ListResourcesResult { next_cursor, ..ListResourcesResult::with_all_items(resources) })
}

/// The entities behind this one, and whether there are more.
async fn entities(front: &Front, after: Option<&str>) -> Result<(Vec<EntityRow>, bool), ErrorData> {
    let Some(workspace) = front.workspace()? else { return Ok((vec![], false)) };
    let mut rows = workspace.entities(Scope::Workspace, None, after, PAGE_LEN + 1).await.map_err(said)?;
    let more = rows.len() > PAGE_LEN as usize;
    rows.truncate(PAGE_LEN as usize);
    Ok((rows, more))
}

fn resource(front: &Front, row: &EntityRow) -> Resource {
    let described = format!("What the agents remember about this {}: {} observations", row.kind, row.observations);
    Resource::new(uri(front, &row.name), &*row.name).with_description(described).with_mime_type(JSON)
}

pub(super) fn templates(front: &Front, cursor: Option<&str>) -> Result<ListResourceTemplatesResult, ErrorData> {
    let ours = ResourceTemplate::new(template(front), "memory")
        .with_description("What the agents of this workspace remember about one entity")
        .with_mime_type(JSON);
    let (theirs, next_cursor) = page(others::templates(front), |template| &template.uri_template, cursor, PAGE_LEN as usize)?;
    let all = Some(ours).filter(|_| cursor.is_none()).into_iter().chain(theirs).collect();
    Ok(ListResourceTemplatesResult { next_cursor, ..ListResourceTemplatesResult::with_all_items(all) })
}

pub(super) async fn read(front: &Front, visit: &Visit, asked: &str) -> Result<ReadResourceResponse, ErrorData> {
    if let Some(foreign) = Foreign::of(&front.caller.workspace, asked) {
        return others::read(front, visit, foreign).await;
    }
    let entity = entity_of(front, asked)?;
    let workspace = front.workspace()?.ok_or_else(|| unknown(asked))?;
    let filter = ObservationFilter {
        scope: Some(Scope::Workspace),
        entity: Some(entity.as_str().into()),
        limit: OBSERVATIONS_MAX,
        ..ObservationFilter::default()
    };
    let rows = workspace.observations(filter).await.map_err(said)?;
    let Some(first) = rows.first() else { return Err(unknown(asked)) };
    let observations: Vec<_> =
        rows.iter().map(|row| json!({"text": row.text, "agent": row.agent.as_str(), "at": row.at.to_string()})).collect();
    let memory = json!({"entity": entity, "kind": first.kind, "observations": observations});
    let contents = ResourceContents::text(format!("{memory:#}"), asked).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]).into())
}

/// Percent-encodes everything but unreserved characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn unescaped(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_entity_has_a_uri_and_comes_back_from_it() {
        for name in ["report.csv", "Zürich / 2026", "100 %", "a%20b", "?#&"] {
            assert_eq!(unescaped(&escaped(name)).as_deref(), Some(name));
            assert!(escaped(name).bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        }
        assert_eq!((unescaped("%"), unescaped("%zz"), unescaped("%ff")), (None, None, None));
    }
}
