//! What to do about a request: which tools to call with which arguments, or which note answers it, or why nothing can.

use super::{
    fill,
    question::{self, Refusal, Task},
    recall::{self, Note},
    schema::Tool,
    simple,
    table::Table,
    token::{Token, stem, tokens, words_of},
    vocabulary::{Role, role},
};
use caxton_types::{ChatMessage, ModelSettings};
use serde_json::Value;

/// The most calls for one request.
const CALLS_MAX: usize = 8;

/// A call, and what its result must tell beyond the figure itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) tool: String,
    pub(super) arguments: Value,
    /// The column whose value the answer is about.
    pub(super) subject: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    Call(Vec<Call>),
    /// An answer from before, and when that was.
    Note(String),
    /// What this provider is.
    Myself,
    Cannot(String),
}

pub(super) fn plan(settings: &ModelSettings, history: &[ChatMessage]) -> Plan {
    let request = settings.request.as_str();
    if asks_who(request) {
        return Plan::Myself;
    }
    let notes = recall::notes(history, &settings.memories);
    let back = recall::points_back(request);
    if back && let Some(note) = recall::best(request, &notes) {
        return Plan::Note(tell(note));
    }
    let refusal = match compute(settings).or_else(|refusal| other(settings, refusal)) {
        Ok(calls) if calls.len() > CALLS_MAX => {
            return Plan::Cannot(format!("this asks for {} figures at once, and I take at most {CALLS_MAX}", calls.len()));
        }
        Ok(calls) => return Plan::Call(calls),
        Err(Refusal(refusal)) => refusal,
    };
    match recall::best(request, &notes) {
        Some(note) => Plan::Note(tell(note)),
        None if back => Plan::Cannot("I remember nothing that answers this".into()),
        None => Plan::Cannot(refusal),
    }
}

fn tell(note: &Note<'_>) -> String {
    let text = note.text.replace(super::NOTE, "");
    let question = note.question.map_or(String::new(), |question| format!("{}\n", first_line(question)));
    let all = format!("{question}{}", text.trim());
    format!("{} ({})", all.trim(), note.when)
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

fn asks_who(request: &str) -> bool {
    let words: Vec<String> = tokens(request).into_iter().filter(Token::is_word).map(|token| token.lower).collect();
    let has = |phrase: &[&str]| words.windows(phrase.len()).any(|window| window.iter().map(String::as_str).eq(phrase.iter().copied()));
    words.len() <= 12
        && (has(&["are", "you", "a"]) || has(&["who", "are", "you"]) || has(&["what", "are", "you"]) || has(&["which", "model"]))
        && !words.iter().any(|word| matches!(role(word), Some(Role::Operation(_))))
}

/// Figures over an attached table.
fn compute(settings: &ModelSettings) -> Result<Vec<Call>, Refusal> {
    let tools: Vec<Tool<'_>> = settings.tools.iter().map(Tool::read).filter(Tool::computes).collect();
    let tables: Vec<Table> = settings.attachments.iter().filter_map(Table::read).collect();
    let Some((first, rest)) = tables.split_first() else {
        return question::refuse(nothing_attached(settings, !tools.is_empty()));
    };
    if let Some(table) = tables.iter().find(|table| wants_description(&settings.request, table, tables.len())) {
        return describe(settings, table);
    }
    let mut read = question::read(&settings.request, first).map(|tasks| (first, tasks));
    for table in rest {
        match (question::read(&settings.request, table), &read) {
            (Ok(tasks), Ok((other, before))) if !tasks.is_empty() && !before.is_empty() => {
                return question::refuse(format!("both `{}` and `{}` could be meant: name the file", other.file, table.file));
            }
            (Ok(tasks), Err(_)) => read = Ok((table, tasks)),
            (Ok(tasks), Ok((_, before))) if before.is_empty() => read = Ok((table, tasks)),
            _ => {}
        }
    }
    let (table, tasks) = read?;
    if tasks.is_empty() {
        return question::refuse(question::NO_FIGURE);
    }
    let mut refusal = Refusal("the agent has no tool that computes figures over a file".into());
    for (at, tool) in tools.iter().enumerate() {
        match tasks.iter().map(|task| call(tool, task, table)).collect::<Result<Vec<Call>, Refusal>>() {
            Ok(calls) => return Ok(calls),
            Err(reason) if at == 0 => refusal = reason,
            Err(_) => {}
        }
    }
    Err(refusal)
}

fn call(tool: &Tool<'_>, task: &Task, table: &Table) -> Result<Call, Refusal> {
    let arguments = fill::fill(tool, task, table)?;
    let subject = task.subject.and_then(|index| table.columns.get(index)).map(|column| column.name.clone());
    Ok(Call { tool: tool.definition.id.model_name(), arguments, subject })
}

fn nothing_attached(settings: &ModelSettings, computes: bool) -> String {
    match settings.attachments.first() {
        Some(file) if file.head.is_none() => format!("I do not see what is in `{}`", file.name),
        Some(file) => format!("`{}` is no table that I can read (CSV with a header line)", file.name),
        None if computes => "no file is attached, and I remember nothing that answers this".into(),
        None => "no tool of this agent fits it, and I remember nothing that answers it".into(),
    }
}

/// Words of a wish to see what a file holds.
const DESCRIBING: &[&str] = &[
    "describe",
    "description",
    "summary",
    "summarise",
    "summarize",
    "overview",
    "column",
    "field",
    "schema",
    "structure",
    "content",
    "profile",
    "analyse",
    "analyze",
    "analysis",
    "explore",
    "inspect",
];

/// Whether the request wants to see what this file holds, and nothing else.
fn wants_description(request: &str, table: &Table, files: usize) -> bool {
    let file: Vec<String> = words_of(&table.file);
    let mut wanted = false;
    let mut named = files == 1;
    for token in tokens(request) {
        if DESCRIBING.contains(&token.stem().as_str()) {
            wanted = true;
        } else if file.contains(&token.lower) {
            named = true;
        } else {
            use Role as R;
            let filling = matches!(
                role(&token.lower),
                Some(R::Noise | R::Ask | R::Which | R::Is | R::Preposition | R::ColumnWord | R::Comma | R::Stop | R::Rows | R::And)
            );
            if !filling {
                return false;
            }
        }
    }
    wanted && named
}

/// What the file holds.
fn describe(settings: &ModelSettings, table: &Table) -> Result<Vec<Call>, Refusal> {
    let wanted: Vec<String> = tokens(&settings.request).iter().map(Token::stem).collect();
    let fits = |tool: &Tool<'_>| tool.words().iter().filter(|word| DESCRIBING.contains(&word.as_str()) || wanted.contains(word)).count();
    let tools: Vec<Tool<'_>> = settings.tools.iter().map(Tool::read).filter(Tool::takes_file_only).collect();
    let Some(tool) = tools.iter().max_by_key(|tool| fits(tool)).filter(|tool| fits(tool) > 0) else {
        return question::refuse("the agent has no tool that describes a file");
    };
    let file =
        std::slice::from_ref(settings.attachments.iter().find(|file| *file.name == table.file).ok_or(Refusal("the file is gone".into()))?);
    let (arguments, _) = simple::fill(tool, &format!("{} {}", words_of(tool.definition.id.tool()).join(" "), table.file), file)?;
    Ok(vec![Call { tool: tool.definition.id.model_name(), arguments, subject: None }])
}

/// Tools of any other shape. The refusal of the tables stands unless some tool fits.
fn other(settings: &ModelSettings, refusal: Refusal) -> Result<Vec<Call>, Refusal> {
    let mut best: Option<(usize, Call)> = None;
    let mut near: Option<(usize, Refusal)> = None;
    for definition in settings.tools.iter() {
        let tool = Tool::read(definition);
        // These are for what was read from the table, and nothing else.
        if tool.computes() {
            continue;
        }
        match simple::fill(&tool, &settings.request, &settings.attachments) {
            Ok((arguments, score)) => match &best {
                Some((highest, _)) if *highest > score => {}
                Some((highest, before)) if *highest == score && before.tool != definition.id.model_name() => {
                    return question::refuse(format!(
                        "both `{}` and `{}` could answer it: name the tool",
                        before.tool,
                        definition.id.model_name()
                    ));
                }
                _ => best = Some((score, Call { tool: definition.id.model_name(), arguments, subject: None })),
            },
            Err(reason) => {
                let touched = touches(&tool, &settings.request);
                if touched > near.as_ref().map_or(0, |(most, _)| *most) {
                    near = Some((touched, reason));
                }
            }
        }
    }
    match best {
        Some((_, call)) => Ok(vec![call]),
        // A tool that the request speaks of explains better what is missing, unless a table was what it was about.
        None => Err(near.filter(|_| settings.attachments.is_empty()).map_or(refusal, |(_, reason)| reason)),
    }
}

/// How many words of the request stand in the tool's name or description.
fn touches(tool: &Tool<'_>, request: &str) -> usize {
    let words = tool.words();
    tokens(request).iter().filter(|token| token.is_word() && role(&token.lower).is_none() && words.contains(&stem(&token.lower))).count()
}
