//! YAML into the tree, from the parser's events, with bounds on depth and on what aliases multiply.

use super::{DEPTH_MAX, Entry, Map, Node, Value};
use crate::{
    Diagnostic,
    source::{Place, Source},
};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// The most nodes of one text, those that aliases repeat included.
const NODES_MAX: usize = 100_000;

pub(super) fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    let mut builder = Builder::new(source);
    for event in Parser::new_from_str(source.text()) {
        let (event, span) = event.map_err(|error| {
            let at = builder.byte(error.marker().index());
            source.place(at..at + 1).error(format!("not valid YAML: {}", error.info()))
        })?;
        builder.event(event, span)?;
    }
    Ok(builder.root.unwrap_or_else(|| Node::new(Value::Null, source.top())))
}

enum Frame {
    List(Vec<Node>),
    Map(Map, Option<(Box<str>, Place)>),
}

struct Open {
    frame: Frame,
    place: Place,
    anchor: usize,
}

struct Builder<'s> {
    source: &'s Arc<Source>,
    /// Byte offset of each character, where they differ.
    offsets: Option<Vec<usize>>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl<'s> Builder<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        let text = source.text();
        let offsets = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self { source, offsets, open: Vec::new(), anchors: HashMap::new(), nodes: 0, documents: 0, root: None }
    }

    fn byte(&self, index: usize) -> usize {
        self.offsets.as_ref().map_or(index, |offsets| offsets.get(index).copied().unwrap_or(self.source.text().len()))
    }

    fn place(&self, span: Span) -> Place {
        self.source.place(self.byte(span.start.index())..self.byte(span.end.index()))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let place = self.place(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(place.error("a second document begins here; only one is read"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), place),
            Event::SequenceStart(anchor, tag) => self.begin(Frame::List(Vec::new()), place, anchor, tag.as_ref()),
            Event::MappingStart(anchor, tag) => self.begin(Frame::Map(Map::new(), None), place, anchor, tag.as_ref()),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(place.error("the alias names an anchor that is not complete"));
                };
                self.count(size, &place)?;
                self.add(Node { place, ..node })
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, frame: Frame, place: Place, anchor: usize, tag: Option<&Cow<'_, Tag>>) -> Result<(), Diagnostic> {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            return Err(place.error(format!("the tag `{tag}` is not read")));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(place.error("nested too deeply"));
        }
        if let Some(Open { frame: Frame::Map(_, None), .. }) = self.open.last() {
            return Err(place.error("a key must be a word"));
        }
        self.count(1, &place)?;
        self.open.push(Open { frame, place, anchor });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Diagnostic> {
        let Some(Open { frame, place, anchor }) = self.open.pop() else {
            return Ok(());
        };
        let value = match frame {
            Frame::List(items) => Value::List(items),
            Frame::Map(map, _) => Value::Map(map),
        };
        let node = Node::new(value, place);
        self.remember(anchor, &node);
        self.add(node)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, tag: Option<&Tag>, place: Place) -> Result<(), Diagnostic> {
        self.count(1, &place)?;
        if let Some(Open { frame: Frame::Map(map, key @ None), .. }) = self.open.last_mut() {
            if let Some(first) = map.get(text) {
                let line = first.key.position().map_or(0, |at| at.line);
                return Err(place.error(format!("the key `{text}` is given twice")).help(format!("the first one stands in line {line}")));
            }
            *key = Some((text.into(), place));
            return Ok(());
        }
        let value = match tag {
            Some(tag) if !tag.is_yaml_core_schema() => return Err(place.error(format!("the tag `{tag}` is not read"))),
            Some(tag) if tag.suffix == "str" => Value::Text(text.into()),
            _ if style == ScalarStyle::Plain => plain(text),
            _ => Value::Text(text.into()),
        };
        let node = Node::new(value, place);
        self.remember(anchor, &node);
        self.add(node)
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size(node)));
        }
    }

    fn count(&mut self, nodes: usize, place: &Place) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX { Err(place.error(format!("more than {NODES_MAX} values"))) } else { Ok(()) }
    }

    fn add(&mut self, node: Node) -> Result<(), Diagnostic> {
        match self.open.last_mut().map(|open| &mut open.frame) {
            None => self.root = Some(node),
            Some(Frame::List(items)) => items.push(node),
            Some(Frame::Map(map, key)) => match key.take() {
                Some((name, place)) => drop(map.insert(name, Entry { key: place, node })),
                None => return Err(node.place.error("a key must be a word")),
            },
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(map) => map.values().map(|entry| size(&entry.node)).sum(),
        _ => 0,
    }
}

/// The core schema of YAML 1.2: `yes` and `on` are words.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | "+.inf" => return Value::Decimal(f64::INFINITY),
        "-.inf" | "-.Inf" => return Value::Decimal(f64::NEG_INFINITY),
        ".nan" | ".NaN" => return Value::Decimal(f64::NAN),
        _ => {}
    }
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok();
    let whole = match text.get(..2) {
        Some("0x") => text.get(2..).and_then(|digits| radix(digits, 16)),
        Some("0o") => text.get(2..).and_then(|digits| radix(digits, 8)),
        _ => text.parse().ok(),
    };
    if let Some(whole) = whole {
        return Value::Whole(whole);
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    match text.parse() {
        Ok(number) if numeric => Value::Decimal(number),
        _ => Value::Text(text.into()),
    }
}
