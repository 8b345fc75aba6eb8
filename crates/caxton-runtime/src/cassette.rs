//! Recordings of turns as a file that can be shared: no secrets, one digest over all of it, run again without a server.
//!
//! What is redacted is taken out of what came from outside (the beginning and the outcomes); what the turn asked for is then asked for
//! again by the step function, so that the replay of a cassette agrees by construction, also where a prompt or a cut went through a secret.

mod redact;
#[cfg(test)]
mod tests;

use crate::{Entry, Recording, Replayed, Turn, advance};
use caxton_types::{Begin, Code, Digest, Effect, Fault, Input, Intent, StepId, TurnId, canonical_json};
use redact::Redaction;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _};

/// Turns that were recorded, redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct Cassette {
    turns: Vec<Recording>,
    redacted: u32,
}

/// Why there is no such cassette.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    #[error("the file is no cassette: {0}")]
    NotJson(serde_json::Error),
    #[error("the file is no cassette of the format `{}`, but {}", Cassette::FORMAT, found.as_ref().map_or("names none".to_owned(), |found| format!("`{found}`")))]
    Format { found: Option<String> },
    #[error("the cassette was changed after it was recorded: its digest is {is}, and it says {said}")]
    Digest { said: String, is: Digest },
    #[error("the cassette does not hold turns: {0}")]
    Shape(serde_json::Error),
    #[error("the cassette holds no turn")]
    Empty,
    #[error("step {step} of {turn} is not what the journal says when the turn is run again")]
    Diverges { turn: TurnId, step: StepId },
    #[error("a text that should be redacted is part of a name or of another word that Caxton needs: {0}")]
    Needed(serde_json::Error),
    #[error("with the redacted texts gone {turn} takes another way at step {step}")]
    Redirected { turn: TurnId, step: StepId },
    #[error("`{0}` is too short to be redacted: it would be replaced inside of other words")]
    Short(String),
    #[error("{turn} still holds a text that should be redacted")]
    Leak { turn: TurnId },
}

impl Fault for CassetteError {
    fn code(&self) -> Code {
        match self {
            Self::NotJson(_) | Self::Format { .. } | Self::Digest { .. } | Self::Shape(_) | Self::Empty => Code::Invalid,
            Self::Short(_) | Self::Needed(_) => Code::Invalid,
            Self::Diverges { .. } | Self::Redirected { .. } => Code::Conflict,
            Self::Leak { .. } => Code::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotJson(_) | Self::Shape(_) | Self::Empty => Some("`caxton cassette export` writes cassettes".into()),
            Self::Format { .. } => Some("record it again with this version: `caxton test --record`, or `caxton cassette export`".into()),
            Self::Digest { .. } => Some("restore the file, or record it again: `caxton test --record`".into()),
            Self::Diverges { turn, .. } => Some(format!("`caxton replay {turn}` shows the difference")),
            Self::Needed(_) => Some("redact a longer text".into()),
            Self::Short(_) => Some(format!("give at least {} bytes", Redaction::LEN_MIN)),
            Self::Redirected { .. } | Self::Leak { .. } => None,
        }
    }
}

impl Cassette {
    /// What a cassette says that it is.
    pub const FORMAT: &str = "caxton-cassette/1";

    /// A cassette of these turns. The known secrets, and what looks like one, are replaced by placeholders of the same length: the same text
    /// by the same placeholder everywhere.
    pub fn record(turns: Vec<Recording>, secrets: &[&str]) -> Result<Self, CassetteError> {
        if turns.is_empty() {
            return Err(CassetteError::Empty);
        }
        for turn in &turns {
            if let Some(mismatch) = turn.replay().mismatch {
                return Err(CassetteError::Diverges { turn: turn.begin.turn, step: mismatch.step });
            }
        }
        let mut redaction = Redaction::after(0);
        for turn in &turns {
            redaction.collect(&value(turn), secrets);
        }
        Self { turns, redacted: 0 }.without(&redaction)
    }

    /// The same without these texts.
    pub fn redact(self, texts: &[&str]) -> Result<Self, CassetteError> {
        if let Some(short) = texts.iter().find(|text| text.len() < Redaction::LEN_MIN) {
            return Err(CassetteError::Short((*short).to_owned()));
        }
        let mut redaction = Redaction::after(self.redacted);
        for turn in &self.turns {
            redaction.collect(&value(turn), texts);
        }
        self.without(&redaction)
    }

    fn without(self, redaction: &Redaction) -> Result<Self, CassetteError> {
        if redaction.is_empty() {
            return Ok(self);
        }
        let turns = self.turns.iter().map(|turn| redacted(turn, redaction)).collect::<Result<_, _>>()?;
        Ok(Self { turns, redacted: self.redacted + redaction.texts() })
    }

    /// Reads a cassette. Its digest must be that of its content.
    pub fn read(text: &str) -> Result<Self, CassetteError> {
        let mut content: Value = serde_json::from_str(text).map_err(CassetteError::NotJson)?;
        let format = content.get("format").and_then(Value::as_str);
        if format != Some(Self::FORMAT) {
            return Err(CassetteError::Format { found: format.map(|found| found.chars().take(80).collect()) });
        }
        let said = content.as_object_mut().and_then(|map| map.remove("digest"));
        let said = said.as_ref().and_then(Value::as_str).unwrap_or("nothing").to_owned();
        let is = Digest::of(canonical_json(&content).as_bytes());
        if said != is.to_string() {
            return Err(CassetteError::Digest { said, is });
        }
        let redacted = content.get("redacted").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
        let turns = content.get_mut("turns").map(Value::take).unwrap_or_default();
        let turns: Vec<Recording> = serde_json::from_value(turns).map_err(CassetteError::Shape)?;
        if turns.is_empty() {
            return Err(CassetteError::Empty);
        }
        Ok(Self { turns, redacted })
    }

    /// The file: JSON with a line for each thing that happened, so that versions of it can be compared line by line. The keys of what people
    /// and tools wrote stand in their order, because prompts show them in it; the digest does not depend on that.
    pub fn write(&self) -> String {
        let mut text =
            format!("{{\"digest\":\"{}\",\"format\":\"{}\",\"redacted\":{},\"turns\":[", self.digest(), Self::FORMAT, self.redacted);
        for (at, turn) in self.turns.iter().enumerate() {
            let mut turn = value(turn);
            let entries = turn.get_mut("entries").map(Value::take).unwrap_or_default();
            text.push_str(if at > 0 { ",\n{" } else { "\n{" });
            for (name, part) in turn.as_object().into_iter().flatten().filter(|(name, _)| *name != "entries") {
                let _ = writeln!(text, "\"{name}\":{part},");
            }
            let lines: Vec<String> = entries.as_array().into_iter().flatten().map(ToString::to_string).collect();
            let _ = write!(text, "\"entries\":[\n{}]}}", lines.join(",\n"));
        }
        text.push_str("\n]}\n");
        text
    }

    /// The SHA-256 of its canonical content.
    pub fn digest(&self) -> Digest {
        let turns: Vec<Value> = self.turns.iter().map(value).collect();
        let content = json!({"format": Self::FORMAT, "redacted": self.redacted, "turns": turns});
        Digest::of(canonical_json(&content).as_bytes())
    }

    /// The turns, in the order in which they began.
    pub fn turns(&self) -> &[Recording] {
        &self.turns
    }

    /// How many different texts were replaced.
    pub const fn redacted(&self) -> u32 {
        self.redacted
    }

    /// Runs its turns again, with nobody outside.
    pub fn replay(&self) -> Vec<Replayed> {
        self.turns.iter().map(Recording::replay).collect()
    }
}

fn redacted(turn: &Recording, redaction: &Redaction) -> Result<Recording, CassetteError> {
    let mut content = value(turn);
    redaction.apply(&mut content);
    let Recording { begin, entries, end, origin } = serde_json::from_value(content).map_err(CassetteError::Needed)?;
    let entries = asked_again(&begin, entries)?;
    let turn = Recording { begin, entries, end, origin };
    if redaction.remains(&value(&turn)) {
        return Err(CassetteError::Leak { turn: turn.begin.turn });
    }
    Ok(turn)
}

/// The entries with the intents that the step function has for these outcomes.
fn asked_again(begin: &Begin, entries: Vec<Entry>) -> Result<Vec<Entry>, CassetteError> {
    let redirected = |step| CassetteError::Redirected { turn: begin.turn, step };
    let mut turn = Turn::default();
    let mut wanted: BTreeMap<StepId, Effect> = advance(&mut turn, Input::Begin(Box::new(begin.clone()))).into_iter().collect();
    let mut again = Vec::with_capacity(entries.len());
    for entry in entries {
        match &entry {
            Entry::Intended(step, before) => {
                let intent = wanted.remove(step).ok_or_else(|| redirected(*step))?.intent();
                if !alike(before, &intent) {
                    return Err(redirected(*step));
                }
                again.push(Entry::Intended(*step, intent));
                continue;
            }
            Entry::Ended(step, outcome) => wanted.extend(advance(&mut turn, Input::Ended(*step, outcome.clone()))),
            Entry::Cancelled(failure) => wanted.extend(advance(&mut turn, Input::Cancelled(failure.clone()))),
        }
        again.push(entry);
    }
    Ok(again)
}

/// Whether two intents ask for the same kind of thing.
fn alike(before: &Intent, now: &Intent) -> bool {
    match (before, now) {
        (Intent::Finish(before), Intent::Finish(now)) => before.end == now.end,
        (Intent::Call(before), Intent::Call(now)) => before.tool == now.tool,
        _ => before.kind() == now.kind(),
    }
}

/// The words of a recording are all expressible in JSON.
fn value(turn: &Recording) -> Value {
    serde_json::to_value(turn).unwrap_or_default()
}
