//! A model that says what the test wants, in its order, and keeps what it was asked.

use caxton_llm::{DeltaSink, Error, Provider};
use caxton_types::{ModelReply, ModelRequest, StopReason, TokenUsage, ToolCall};
use parking_lot::Mutex;
use serde_json::Value;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::Semaphore;

/// One answer of the script.
#[derive(Debug, Clone)]
pub enum Line {
    /// It says this and is done.
    Says(String),
    /// It asks for these tools.
    Calls(Vec<(String, Value)>),
    /// It answers nothing until the test lets it.
    Waits(Arc<Semaphore>),
    /// It cannot be asked.
    Fails(Error),
}

/// A line that says `text`.
pub fn says(text: &str) -> Line {
    Line::Says(text.into())
}

/// A line that asks for one tool.
pub fn calls(tool: &str, arguments: Value) -> Line {
    Line::Calls(vec![(tool.into(), arguments)])
}

/// A scripted model; clones share the script.
#[derive(Debug, Clone, Default)]
pub struct Script(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    lines: Mutex<VecDeque<Line>>,
    /// What is said when the lines are used up.
    always: Mutex<Option<String>>,
    asked: Mutex<Vec<ModelRequest>>,
    /// What each answer is said to have used.
    usage: Mutex<Option<TokenUsage>>,
}

/// A model without lines: it fails loudly when it is asked.
pub fn script() -> Script {
    Script::default()
}

impl Script {
    /// Then it says this.
    pub fn says(self, text: &str) -> Self {
        self.line(says(text))
    }

    /// Then it asks for one tool.
    pub fn calls(self, tool: &str, arguments: Value) -> Self {
        self.line(calls(tool, arguments))
    }

    /// Then this.
    pub fn line(self, line: Line) -> Self {
        self.0.lines.lock().push_back(line);
        self
    }

    /// After its lines it says this for ever.
    pub fn always(self, text: &str) -> Self {
        *self.0.always.lock() = Some(text.into());
        self
    }

    /// Says of each answer that it used so many tokens; 10 and 5 otherwise.
    pub fn reports(self, input: u64, output: u64) -> Self {
        *self.0.usage.lock() = Some(TokenUsage { input, output });
        self
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<ModelRequest> {
        self.0.asked.lock().clone()
    }
}

#[async_trait::async_trait]
impl Provider for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    async fn ask(&self, request: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, Error> {
        self.0.asked.lock().push(request.clone());
        let mut line = self.0.lines.lock().pop_front();
        if let Some(Line::Waits(gate)) = &line {
            // The gate is opened by the test, or the question is called off with the turn.
            drop(gate.acquire().await);
            line = self.0.lines.lock().pop_front();
        }
        let (text, calls) = match line {
            Some(Line::Says(text)) => (text, vec![]),
            Some(Line::Calls(calls)) => (String::new(), calls),
            Some(Line::Fails(error)) => return Err(error),
            Some(Line::Waits(_)) | None => (self.0.always.lock().clone().unwrap_or_else(|| "the script has no more lines".into()), vec![]),
        };
        if let Some(deltas) = deltas {
            text.split_inclusive(' ').for_each(|piece| deltas(piece));
        }
        let call = |(at, (tool, arguments))| ToolCall { call_id: format!("call_{at}"), tool, arguments };
        let tool_calls: Vec<ToolCall> = calls.into_iter().enumerate().map(call).collect();
        Ok(ModelReply {
            stop: if tool_calls.is_empty() { StopReason::End } else { StopReason::ToolCalls },
            text,
            tool_calls,
            usage: self.0.usage.lock().unwrap_or(TokenUsage { input: 10, output: 5 }),
            provider: "script".into(),
            model: model.into(),
            failovers: vec![],
        })
    }
}
