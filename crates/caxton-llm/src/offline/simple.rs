//! Tools of any other shape: their arguments are filled from addresses, quoted texts, numbers, enum values and names in the request.

use super::{
    fill::number,
    question::{Refusal, refuse},
    schema::{Argument, Purpose, Tool},
    token::{Kind, Token, stem, tokens, words_of},
    vocabulary::{Role, role},
};
use caxton_types::AttachmentView;
use serde_json::{Map, Value};

/// What people say for some enum values that are verbs of protocols.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("get", &["get", "fetch", "download", "read", "retrieve", "load", "open", "visit"]),
    ("post", &["post", "submit", "send"]),
    ("put", &["put", "replace"]),
    ("patch", &["patch"]),
    ("delete", &["delete", "remove"]),
];

/// Names of texts that are a question in themselves.
const QUERIES: &[&str] = &["query", "q", "question", "search", "keywords"];

/// Words of a command that mean no more than "do it".
const COMMANDS: &[&str] =
    &["call", "use", "run", "using", "tool", "look", "up", "check", "ask", "via", "latest", "current", "currently", "about", "how"];

/// The arguments, and how much in the request speaks for this tool.
pub(super) fn fill(tool: &Tool<'_>, request: &str, files: &[AttachmentView]) -> Result<(Value, usize), Refusal> {
    let tokens = tokens(request);
    let mut filling = Filling { tool, known: vec![false; tokens.len()], tokens, arguments: Map::new(), score: 0 };
    filling.tool_words();
    filling.exact(files)?;
    filling.texts();
    filling.finish()
}

struct Filling<'a, 'b> {
    tool: &'a Tool<'b>,
    tokens: Vec<Token>,
    /// Which tokens are explained.
    known: Vec<bool>,
    arguments: Map<String, Value>,
    score: usize,
}

impl Filling<'_, '_> {
    fn know(&mut self, at: usize) {
        if let Some(known) = self.known.get_mut(at) {
            *known = true;
        }
    }

    fn set(&mut self, argument: &Argument, value: Value, places: impl IntoIterator<Item = usize>) {
        self.arguments.insert(argument.name.clone(), value);
        for at in places {
            self.know(at);
        }
    }

    /// Words of the tool's own name and description are explained, and speak for it.
    fn tool_words(&mut self) {
        let words = self.tool.words();
        for at in 0..self.tokens.len() {
            let Some(token) = self.tokens.get(at).filter(|token| token.is_word()) else { continue };
            let content = role(&token.lower).is_none() && !COMMANDS.contains(&token.lower.as_str());
            if content && words.contains(&token.stem()) {
                self.score += 1;
                self.know(at);
            }
        }
    }

    /// Everything that can be told by its form.
    fn exact(&mut self, files: &[AttachmentView]) -> Result<(), Refusal> {
        let tool = self.tool;
        for argument in &tool.arguments {
            match &argument.purpose {
                Purpose::Uri => self.uri(argument)?,
                Purpose::Attachment => self.attachment(argument, files)?,
                Purpose::Choice(values) => self.choice(argument, values)?,
                Purpose::Order { ascending, descending } => self.choice(argument, &[ascending.clone(), descending.clone()])?,
                Purpose::Number { whole, low, high } => self.number(argument, *whole, (*low, *high)),
                Purpose::Limit => self.number(argument, true, (1.0, 1000.0)),
                Purpose::Flag => self.flag(argument),
                _ => {}
            }
        }
        Ok(())
    }

    fn uri(&mut self, argument: &Argument) -> Result<(), Refusal> {
        let urls: Vec<(usize, String)> = self
            .tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| token.kind == Kind::Url)
            .map(|(at, token)| (at, token.text.clone()))
            .collect();
        match urls.as_slice() {
            [] => {}
            [(at, url)] => {
                self.score += 3;
                self.set(argument, Value::String(url.clone()), [*at]);
            }
            _ => return refuse("the request names several addresses: ask for one at a time"),
        }
        Ok(())
    }

    fn attachment(&mut self, argument: &Argument, files: &[AttachmentView]) -> Result<(), Refusal> {
        let named = |file: &&AttachmentView| {
            let words: Vec<String> = tokens(&file.name).into_iter().map(|token| token.lower).collect();
            self.tokens.windows(words.len().max(1)).any(|window| window.iter().map(|token| &token.lower).eq(&words))
        };
        let file = match (files, files.iter().find(named)) {
            (_, Some(file)) | ([file], None) => file,
            ([], None) => return Ok(()),
            _ => return refuse("several files are attached: name the one that is meant"),
        };
        let words: Vec<String> = tokens(&file.name).into_iter().map(|token| token.lower).collect();
        let places: Vec<usize> =
            (0..self.tokens.len()).filter(|at| self.tokens.get(*at).is_some_and(|token| words.contains(&token.lower))).collect();
        self.set(argument, Value::String(file.name.to_string()), places);
        Ok(())
    }

    fn choice(&mut self, argument: &Argument, values: &[Value]) -> Result<(), Refusal> {
        let mut found: Vec<(&Value, usize)> = Vec::new();
        for value in values {
            let Some(text) = value.as_str() else { continue };
            let words = words_of(text);
            let synonyms =
                SYNONYMS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map_or(&[] as &[&str], |(_, synonyms)| synonyms);
            let place = self.tokens.iter().position(|token| {
                token.kind != Kind::Url
                    && (words == [token.lower.clone()] || words == [token.stem()] || synonyms.contains(&token.lower.as_str()))
            });
            found.extend(place.map(|at| (value, at)));
        }
        match found.as_slice() {
            [] => {}
            [(value, at)] => {
                self.score += 1;
                self.set(argument, (*value).clone(), [*at]);
            }
            _ => return refuse(format!("the request names several values for `{}`", argument.name)),
        }
        Ok(())
    }

    /// A number beside a word of the argument's name: `3 days`, `limit 5`.
    fn number(&mut self, argument: &Argument, whole: bool, (low, high): (f64, f64)) {
        let names: Vec<String> = words_of(&argument.name).iter().map(|word| stem(word)).collect();
        let beside = |at: Option<usize>| at.and_then(|at| self.tokens.get(at)).is_some_and(|token| names.contains(&token.stem()));
        let found = self.tokens.iter().enumerate().find_map(|(at, token)| match token.kind {
            Kind::Number(value) if beside(at.checked_sub(1)) => Some((value, at, at - 1)),
            Kind::Number(value) if beside(Some(at + 1)) => Some((value, at, at + 1)),
            _ => None,
        });
        if let Some((value, at, name)) = found.filter(|(value, _, _)| (low..=high).contains(value) && (!whole || value.fract() == 0.0)) {
            self.set(argument, number(value), [at, name]);
        }
    }

    fn flag(&mut self, argument: &Argument) {
        let places: Option<Vec<usize>> =
            words_of(&argument.name).iter().map(|word| self.tokens.iter().position(|token| token.lower == *word)).collect();
        if let Some(places) = places.filter(|places| !places.is_empty()) {
            self.set(argument, Value::Bool(true), places);
        }
    }

    /// Free texts: by their name, in quotes, as a name behind a preposition, or as all that is left of a search.
    fn texts(&mut self) {
        let tool = self.tool;
        let open: Vec<&Argument> = tool.arguments.iter().filter(|argument| argument.purpose == Purpose::Text).collect();
        for argument in &open {
            if let Some((text, places)) = self.behind_name(argument) {
                self.set(argument, Value::String(text), places);
            }
        }
        let missing: Vec<&&Argument> =
            open.iter().filter(|argument| argument.required && !self.arguments.contains_key(&argument.name)).collect();
        let [argument] = missing.as_slice() else { return };
        let found = self.quoted().or_else(|| self.name_behind_preposition()).or_else(|| self.remainder(argument));
        if let Some((text, places)) = found {
            self.set(argument, Value::String(text), places);
        }
    }

    fn unknown(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).filter(|_| self.known.get(at) == Some(&false))
    }

    /// `city Paris`, `city: Paris`, `city "Paris"`.
    fn behind_name(&self, argument: &Argument) -> Option<(String, Vec<usize>)> {
        let name = words_of(&argument.name);
        let [name] = name.as_slice() else { return None };
        let at = self.tokens.iter().position(|token| token.lower == *name)?;
        let next = if self.tokens.get(at + 1).is_some_and(|token| matches!(token.text.as_str(), ":" | "=")) { at + 2 } else { at + 1 };
        let value = self.tokens.get(next)?;
        if value.kind == Kind::Quoted {
            return Some((value.text.clone(), (at..=next).collect()));
        }
        let (text, last) = self.capitals(next)?;
        Some((text, (at..=last).collect()))
    }

    fn quoted(&self) -> Option<(String, Vec<usize>)> {
        let mut all = (0..self.tokens.len()).filter(|at| self.unknown(*at).is_some_and(|token| token.kind == Kind::Quoted));
        let (at, None) = (all.next()?, all.next()) else { return None };
        Some((self.tokens.get(at)?.text.clone(), vec![at]))
    }

    /// A run of capitalised words, and where it ends.
    fn capitals(&self, from: usize) -> Option<(String, usize)> {
        let capital = |at: &usize| self.tokens.get(*at).is_some_and(|token| token.is_word() && token.text.starts_with(char::is_uppercase));
        let words: Vec<&str> =
            (from..self.tokens.len()).take_while(capital).filter_map(|at| self.tokens.get(at)).map(|token| token.text.as_str()).collect();
        (!words.is_empty()).then(|| (words.join(" "), from + words.len() - 1))
    }

    fn name_behind_preposition(&self) -> Option<(String, Vec<usize>)> {
        let preposition =
            |at: &usize| self.tokens.get(*at).is_some_and(|token| role(&token.lower) == Some(Role::Preposition) || token.lower == "to");
        let mut all = (0..self.tokens.len()).filter(preposition).filter_map(|at| {
            let (text, last) = self.capitals(at + 1)?;
            Some((text, (at + 1..=last).collect::<Vec<_>>()))
        });
        let (found, None) = (all.next()?, all.next()) else { return None };
        Some(found)
    }

    /// All that is left, for a search by a tool that changes nothing.
    fn remainder(&self, argument: &Argument) -> Option<(String, Vec<usize>)> {
        if !QUERIES.contains(&argument.name.as_str()) || !self.tool.definition.annotations.read_only_hint || self.score == 0 {
            return None;
        }
        let content =
            |at: &usize| self.unknown(*at).is_some_and(|token| role(&token.lower).is_none() && !COMMANDS.contains(&token.lower.as_str()));
        let places: Vec<usize> = (0..self.tokens.len()).filter(content).collect();
        let (first, last) = (*places.first()?, *places.last()?);
        let words: Vec<&str> = (first..=last).filter_map(|at| self.tokens.get(at)).map(|token| token.text.as_str()).collect();
        Some((words.join(" "), (first..=last).collect()))
    }

    fn finish(mut self) -> Result<(Value, usize), Refusal> {
        let id = &self.tool.definition.id;
        for argument in self.tool.arguments.iter().filter(|argument| argument.required) {
            if self.arguments.contains_key(&argument.name) {
                continue;
            }
            match &argument.default {
                Some(default) => self.arguments.insert(argument.name.clone(), default.clone()),
                None => return refuse(format!("the request does not say the `{}` that the tool `{id}` needs", argument.name)),
            };
        }
        let content = |(token, known): &(&Token, &bool)| {
            let meaning = matches!(
                role(&token.lower),
                None | Some(
                    Role::Operation(_)
                        | Role::Extreme { .. }
                        | Role::Commonest { .. }
                        | Role::Compare(_)
                        | Role::CompareNumber(_)
                        | Role::Between
                        | Role::Top { .. }
                        | Role::Only
                        | Role::Suffix(_)
                        | Role::Group
                )
            );
            !**known && meaning && !COMMANDS.contains(&token.lower.as_str())
        };
        if let Some((token, _)) = self.tokens.iter().zip(&self.known).find(content) {
            return refuse(format!("I do not know what `{}` means for the tool `{id}`", token.text));
        }
        if self.score == 0 {
            return refuse(format!("nothing in the request speaks for the tool `{id}`"));
        }
        Ok((Value::Object(self.arguments), self.score))
    }
}
