//! The built-in `chart_generator`: numbers as a picture, SVG.
//!
//! Drawn by `plotters` without its default features, so that no font, no image and no raster code comes with it (two small
//! crates). Looked at and not taken: `charming` needs a JavaScript engine to draw, `poloto` has no bars and no pies,
//! `charts-rs` brings fonts and a text shaper along.

mod axis;
mod data;
mod draw;
mod pie;

use super::{
    Answer, BuiltIn, Produced, Refusal, Traffic,
    define::{Definition, READS, arguments, merged},
    table::{self, Source},
    work,
};
use crate::{CallContext, Error};
use async_trait::async_trait;
use bytes::Bytes;
use caxton_types::{Attachment, ToolDefinition};
use serde_json::{Value, json};

const SERVER: &str = "chart_generator";
const MEDIA_TYPE: &str = "image/svg+xml";
const SVG_LEN_MAX: usize = 8 << 20;

#[derive(Debug)]
pub(crate) struct ChartGenerator(ToolDefinition);

impl ChartGenerator {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self(definition()?))
    }
}

#[async_trait]
impl BuiltIn for ChartGenerator {
    fn definitions(&self) -> Vec<ToolDefinition> {
        vec![self.0.clone()]
    }

    async fn call(&self, tool: &ToolDefinition, given: &Value, context: &CallContext<'_>, _: &Traffic) -> Result<Answer, Error> {
        let refused = |refusal| Error::Refused { tool: tool.id.clone(), refusal };
        let wanted: data::Wanted = arguments(given).map_err(refused)?;
        let source: Source = arguments(given).map_err(refused)?;
        let table = if wanted.is_inline() && !source.is_given() { None } else { Some(source.find(context).map_err(refused)?) };
        work::compute(tool, context, move |watch| {
            let name = file_name(wanted.name.as_deref())?;
            let chart = data::gather(wanted, table, watch)?;
            let svg = draw::draw(&chart)?;
            if svg.len() > SVG_LEN_MAX {
                return Err(Refusal::too_large(format!("the picture has {} bytes", svg.len())).hint("draw fewer points"));
            }
            let mut answer = Answer::new(chart.told(&name), chart.data(&name));
            answer.files = vec![Produced { name: name.into(), media_type: MEDIA_TYPE.into(), bytes: Bytes::from(svg) }];
            Ok(answer)
        })
        .await
    }
}

/// `NAME.svg`.
fn file_name(wanted: Option<&str>) -> Result<String, Refusal> {
    let wanted = wanted.unwrap_or("chart");
    let name = format!("{}.svg", wanted.strip_suffix(".svg").unwrap_or(wanted));
    if Attachment::is_valid_name(&name) {
        return Ok(name);
    }
    Err(Refusal::invalid(format!("`name` cannot be {wanted:?}")).hint("give a plain file name such as `sales`"))
}

fn definition() -> Result<ToolDefinition, Error> {
    let text = |about: &str| json!({"type": "string", "maxLength": 200, "description": about});
    let size = |least: u32, default: u32| json!({"type": "integer", "minimum": least, "maximum": 2000, "default": default});
    let series = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 100},
            "values": {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 1, "maxItems": data::POINTS_MAX},
            "x": {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": data::POINTS_MAX, "description": "where on the x axis, for `line` and `scatter`"}
        },
        "required": ["values"],
        "additionalProperties": false
    });
    let own = json!({
        "kind": {"type": "string", "enum": ["bar", "line", "scatter", "pie", "histogram"]},
        "title": text("above the chart"),
        "name": {"type": "string", "minLength": 1, "maxLength": 100, "description": "the name of the file, `chart` where absent"},
        "x_label": text("below the x axis"),
        "y_label": text("beside the y axis"),
        "width": size(200, data::WIDTH),
        "height": size(150, data::HEIGHT),
        "labels": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1, "maxItems": data::POINTS_MAX, "description": "what the values are of: names, numbers or dates"},
        "series": {"type": "array", "items": series, "minItems": 1, "maxItems": data::SERIES_MAX, "description": "the numbers themselves, instead of a table"},
        "x": {"type": "string", "description": "a column of the table: what the values are of"},
        "y": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": data::SERIES_MAX, "description": "columns of the table: the values, each a series"},
        "aggregate": {
            "type": "string", "enum": ["none", "sum", "mean", "count", "min", "max"],
            "description": "how rows with the same `x` become one value; `sum` for bars and pies, `none` otherwise"
        },
        "bins": {"type": "integer", "minimum": 1, "maximum": 200, "description": "classes of a histogram; found out where absent"}
    });
    Definition {
        server: SERVER,
        tool: "draw",
        description: "Draws a chart as SVG from numbers or from columns of a table; the picture is kept as a file and goes out with the reply.".into(),
        properties: merged([table::properties(), own]),
        required: &["kind"],
        gives: json!({"file": {"type": "string"}, "kind": {"type": "string"}, "x": {"type": "array"}, "series": {"type": "array", "items": {"type": "object"}}}),
        annotations: READS,
    }
    .build()
}

#[cfg(test)]
mod tests;
