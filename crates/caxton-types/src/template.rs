//! Prompts with `{{variables}}`.

use std::{collections::BTreeSet, fmt, str::FromStr};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Variable(Box<str>),
}

/// A text with `{{variable}}` places; parsed once, rendered often.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template(Vec<Part>);

/// The template has an opening without its closing, or a variable that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (line {line}, column {column} of the template)")]
pub struct InvalidTemplate {
    reason: String,
    /// 1-based line inside the template.
    pub line: usize,
    /// 1-based column inside the template, in characters.
    pub column: usize,
}

impl InvalidTemplate {
    fn at(text: &str, byte: usize, reason: String) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        Self { reason, line: before.matches('\n').count() + 1, column }
    }
}

impl Template {
    /// The variables that the template names.
    pub fn variables(&self) -> BTreeSet<&str> {
        self.0.iter().filter_map(|part| if let Part::Variable(name) = part { Some(&**name) } else { None }).collect()
    }

    /// The text with every variable replaced; one that `value` does not know becomes empty.
    ///
    /// Values are put in as they are: what looks like a place in a value is not replaced again.
    pub fn render<'v>(&self, value: impl Fn(&str) -> Option<std::borrow::Cow<'v, str>>) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(name) => out.push_str(&value(name).unwrap_or_default()),
            }
        }
        out
    }

    /// Whether there is nothing to say.
    pub fn is_blank(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(text) if text.trim().is_empty()))
    }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let at = text.len() - rest.len() + open;
            let (before, after) = (&rest[..open], &rest[open + 2..]);
            let Some(close) = after.find("}}") else {
                return Err(InvalidTemplate::at(text, at, "`{{` is never closed by `}}`".into()));
            };
            let name = after[..close].trim();
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
            if !is_name {
                let name: String = name.chars().take(40).collect();
                return Err(InvalidTemplate::at(
                    text,
                    at,
                    format!("`{{{{{name}}}}}` is not a variable: expected a name such as `{{{{request}}}}`"),
                ));
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            parts.push(Part::Variable(name.into()));
            rest = &after[close + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Variable(name) => write!(f, "{{{{{name}}}}}"),
        })
    }
}

crate::id::serde_as_text!(Template);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn render(template: &str) -> String {
        let template: Template = template.parse().unwrap();
        template.render(|name| (name == "who").then(|| "Ada {{who}}".into()))
    }

    #[test]
    fn variables_are_replaced_once() {
        assert_eq!(render("Hello {{who}}, {{ who }}!"), "Hello Ada {{who}}, Ada {{who}}!");
        assert_eq!(render("none"), "none");
        assert_eq!(render("{{unknown}}."), ".");
        assert_eq!(render("a } b }} c {"), "a } b }} c {");
        assert_eq!("{{a}} {{b.c}} {{a}}".parse::<Template>().unwrap().variables(), BTreeSet::from(["a", "b.c"]));
    }

    #[test]
    fn mistakes_are_placed() {
        let error = |text: &str| text.parse::<Template>().unwrap_err().to_string();
        assert_eq!(error("one\ntwo {{x"), "`{{` is never closed by `}}` (line 2, column 5 of the template)");
        assert_eq!(error("{{}}"), "`{{}}` is not a variable: expected a name such as `{{request}}` (line 1, column 1 of the template)");
        assert_eq!(
            error("é {{a b}}"),
            "`{{a b}}` is not a variable: expected a name such as `{{request}}` (line 1, column 3 of the template)"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in "[a{} \n.é_]{0,40}") {
            if let Ok(template) = text.parse::<Template>() {
                prop_assert_eq!(template.to_string().parse::<Template>(), Ok(template));
            }
        }
    }
}
