//! Tools that the turn itself performs: asking a person, asking another agent, waiting.
//!
//! They are defined, listed, allowed and checked like every other tool; the runtime takes their parsed arguments and does
//! the rest, for a wait holds no task and survives a restart.

use crate::{Error, schema};
use caxton_types::{Address, Timestamp, ToolAnnotations, ToolCall, ToolDefinition, ToolId, ToolPolicy, unit::Period};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const HUMAN: &str = "human";
pub(crate) const AGENTS: &str = "agents";
pub(crate) const TIME: &str = "time";
pub(crate) const SERVERS: [&str; 3] = [HUMAN, AGENTS, TIME];

const DAY: u64 = 86_400;
/// How long a person has to answer where the call does not say, and at most.
const HUMAN_WITHIN: Period = Period::from_secs(DAY);
const HUMAN_WITHIN_MAX: Period = Period::from_secs(30 * DAY);
/// The same for another agent.
const AGENT_WITHIN: Period = Period::from_secs(300);
const AGENT_WITHIN_MAX: Period = Period::from_secs(7 * DAY);
/// The longest wait.
const WAIT_MAX: Period = Period::from_secs(30 * DAY);

/// A call that the turn itself performs, with its arguments checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnTool {
    /// `human/ask`: a question to a person; the result is the answer.
    AskHuman {
        question: String,
        /// The answers to choose from; any answer where empty.
        options: Vec<String>,
        /// How long the person has.
        within: Period,
    },
    /// `agents/ask`: a request to another agent; the result is its reply.
    AskAgent {
        /// An agent's name, or a capability.
        to: Address,
        text: String,
        /// How long the other has.
        within: Period,
    },
    /// `time/wait`: the result comes when the time has come.
    Wait(Until),
}

/// When a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// So long after it began.
    After(Period),
    /// At a point in time; at once where that is past.
    At(Timestamp),
}

impl TurnTool {
    /// The call as one of these tools, its arguments checked; `None` where the tool is another one.
    pub fn parse(definition: &ToolDefinition, call: &ToolCall) -> Option<Result<Self, Error>> {
        let read = match (definition.id.server(), definition.id.tool()) {
            (HUMAN, "ask") => ask_human,
            (AGENTS, "ask") => ask_agent,
            (TIME, "wait") => wait,
            _ => return None,
        };
        let schema = &definition.input_schema;
        let checked = schema::compile(schema).and_then(|validator| schema::complain(&validator, schema, &call.arguments));
        let parsed = checked.and_then(|()| read(&call.arguments));
        Some(parsed.map_err(|reason| Error::InvalidArguments { tool: definition.id.clone(), reason }))
    }
}

impl Until {
    /// How long that is from `now`; a longer wait than is allowed is refused, in words for the model.
    pub fn left(self, now: Timestamp) -> Result<Duration, String> {
        let left = match self {
            Self::After(period) => period.get(),
            Self::At(time) => time.since(now),
        };
        if left > WAIT_MAX.get() { Err(format!("`until` is more than {WAIT_MAX} from now ({now})")) } else { Ok(left) }
    }
}

fn text<'a>(arguments: &'a Value, key: &str) -> &'a str {
    arguments.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A length of time between nothing and `max`, both excluded and included.
fn period(arguments: &Value, key: &str, max: Period) -> Result<Option<Period>, String> {
    let Some(text) = arguments.get(key).and_then(Value::as_str) else {
        return Ok(None);
    };
    let period: Period = text.parse().map_err(|error| format!("at `/{key}`: {error}"))?;
    if period.get().is_zero() || period > max {
        return Err(format!("at `/{key}`: expected more than 0s and at most {max}, found {period}"));
    }
    Ok(Some(period))
}

fn ask_human(arguments: &Value) -> Result<TurnTool, String> {
    let options = arguments.get("options").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    Ok(TurnTool::AskHuman {
        question: text(arguments, "question").to_owned(),
        options: options.map(ToOwned::to_owned).collect(),
        within: period(arguments, "within", HUMAN_WITHIN_MAX)?.unwrap_or(HUMAN_WITHIN),
    })
}

fn ask_agent(arguments: &Value) -> Result<TurnTool, String> {
    let Ok(to @ (Address::Agent(_) | Address::Capability(_))) = text(arguments, "to").parse() else {
        return Err("at `/to`: expected the name of an agent or `capability:LABEL`".into());
    };
    let within = period(arguments, "within", AGENT_WITHIN_MAX)?.unwrap_or(AGENT_WITHIN);
    Ok(TurnTool::AskAgent { to, text: text(arguments, "text").to_owned(), within })
}

fn wait(arguments: &Value) -> Result<TurnTool, String> {
    let until = arguments.get("until").and_then(Value::as_str);
    match (period(arguments, "for", WAIT_MAX)?, until) {
        (Some(period), None) => Ok(TurnTool::Wait(Until::After(period))),
        (None, Some(until)) => Ok(TurnTool::Wait(Until::At(until.parse().map_err(|error| format!("at `/until`: {error}"))?))),
        _ => Err("give either `for` or `until`".into()),
    }
}

/// The definitions, as models see them.
pub(crate) fn definitions() -> Result<[ToolDefinition; 3], Error> {
    let reads = ToolAnnotations { read_only_hint: true, destructive_hint: false, idempotent_hint: true, open_world_hint: true };
    let within = |who: &str, default: Period, max: Period| {
        json!({
            "type": "string", "maxLength": 40,
            "description": format!("how long {who} has, such as 90s, 15m or 2h30m; {default} where absent, at most {max}")
        })
    };
    Ok([
        define(
            (HUMAN, "ask"),
            "Asks a person a question and returns the answer. Use it where only a person can know or decide.",
            json!({
                "question": {"type": "string", "minLength": 1, "maxLength": 4000, "description": "the question, with all that is needed to answer it"},
                "options": {
                    "type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 200}, "maxItems": 20, "uniqueItems": true,
                    "description": "answers to choose from"
                },
                "within": within("the person", HUMAN_WITHIN, HUMAN_WITHIN_MAX)
            }),
            &["question"],
            reads,
        )?,
        define(
            (AGENTS, "ask"),
            "Sends another agent a request and returns its reply.",
            json!({
                "to": {"type": "string", "minLength": 1, "maxLength": 300, "description": "the name of an agent, or `capability:LABEL` for any agent that offers it"},
                "text": {"type": "string", "minLength": 1, "description": "the request"},
                "within": within("the other agent", AGENT_WITHIN, AGENT_WITHIN_MAX)
            }),
            &["to", "text"],
            ToolAnnotations { read_only_hint: false, destructive_hint: false, idempotent_hint: false, open_world_hint: false },
        )?,
        define(
            (TIME, "wait"),
            "Waits for a length of time or until a point in time. Give either `for` or `until`.",
            json!({
                "for": {"type": "string", "maxLength": 40, "description": format!("how long, such as 90s, 15m or 2h30m; at most {WAIT_MAX}")},
                "until": {"type": "string", "maxLength": 40, "description": format!("when, as RFC 3339 (2026-01-31T12:00:00Z); at most {WAIT_MAX} from now")}
            }),
            &[],
            ToolAnnotations { open_world_hint: false, ..reads },
        )?,
    ])
}

fn define(
    (server, tool): (&str, &str),
    description: &str,
    properties: Value,
    required: &[&str],
    annotations: ToolAnnotations,
) -> Result<ToolDefinition, Error> {
    Ok(ToolDefinition {
        id: ToolId::new(server, tool).map_err(|source| Error::ToolName { server: server.into(), tool: tool.into(), source })?,
        description: description.into(),
        input_schema: json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}),
        output_schema: None,
        annotations,
        policy: ToolPolicy::default(),
        digest: None,
    })
}
