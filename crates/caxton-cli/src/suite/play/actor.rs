//! Stands in for model, tools and memory: a script and what the case says, or the real ones.

use crate::suite::{
    calls::{model_name, same_tool},
    stage::{Stage, Task},
};
use caxton_config::suite::{Call, Line, Stub};
use caxton_runtime::Performer;
use caxton_tools::{CallContext, Heard, Tools, TurnTool, Within};
use caxton_types::{
    AgentName, Attachment, Begin, ChatMessage, Code, Effect, Failure, ModelReply, ModelRequest, Outcome, StepId, StopReason, TokenUsage,
    ToolCall, ToolDefinition, ToolId, ToolResult, TurnId,
};
use parking_lot::Mutex;
use std::{collections::VecDeque, path::PathBuf, sync::Arc, time::Duration};

/// Performs the effects of one case.
pub(super) struct Actor<'s> {
    stage: &'s Stage,
    task: &'s Task,
    agent: AgentName,
    allowed: Arc<[ToolDefinition]>,
    files: Vec<caxton_tools::Attachment>,
    time: Duration,
    turn: TurnId,
    /// The lines that are left; nothing where a provider answers.
    script: Option<Mutex<VecDeque<Line>>>,
    /// What tools give, unless it was given already.
    stubs: Mutex<Vec<Option<Stub>>>,
    misses: Mutex<Vec<String>>,
    /// Tools that reach outside are called.
    live: bool,
}

impl<'s> Actor<'s> {
    pub(super) fn new(
        stage: &'s Stage,
        begin: &Begin,
        task: &'s Task,
        script: Option<Vec<Line>>,
        files: Vec<(Attachment, PathBuf)>,
    ) -> Self {
        Self {
            stage,
            task,
            agent: begin.agent.name.clone(),
            allowed: Arc::clone(&begin.tools),
            files: files.into_iter().map(|(attachment, path)| caxton_tools::Attachment::file(&*attachment.name, path)).collect(),
            time: begin.agent.limits.wall_time.get(),
            turn: begin.turn,
            script: script.map(|lines| Mutex::new(lines.into())),
            stubs: Mutex::new(task.case.tools.iter().cloned().map(Some).collect()),
            misses: Mutex::default(),
            live: false,
        }
    }

    /// The same that calls tools which reach outside.
    pub(super) fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// What went another way than the case says, and what of it was never asked for.
    pub(super) fn misses(self) -> Vec<String> {
        let mut misses = self.misses.into_inner();
        if misses.is_empty() {
            let left = self.script.map_or(0, |lines| lines.into_inner().len());
            if left > 0 {
                misses.push(format!(
                    "the script has {left} more {}, which the model was not asked for",
                    if left == 1 { "line" } else { "lines" }
                ));
            }
            misses.extend(
                self.stubs
                    .into_inner()
                    .into_iter()
                    .flatten()
                    .map(|stub| format!("the case says what `{}` gives, and it was not called", stub.tool)),
            );
        }
        misses
    }

    fn miss(&self, what: String) -> Outcome {
        self.misses.lock().push(what.clone());
        Outcome::Failed(Failure::new(Code::NotFound, what))
    }

    async fn ask(&self, step: StepId, request: &ModelRequest) -> Outcome {
        let Some(script) = &self.script else {
            return match self.stage.bench.models.ask(request, None).await {
                Ok(reply) => Outcome::Answered(reply),
                Err(fault) => Outcome::Failed(Failure::of(&fault)),
            };
        };
        let line = script.lock().pop_front();
        match line {
            Some(line) => Outcome::Answered(answer(step, line, request)),
            None => self.miss(format!(
                "the model was asked once more than the script has lines (step {step}); it was told last:{}",
                request.dialogue.last().map(last_said).unwrap_or_default()
            )),
        }
    }

    async fn call(&self, step: StepId, call: &ToolCall) -> Outcome {
        if let Some(definition) = Tools::find(&self.allowed, call) {
            let tool = &definition.id;
            if let Some(stub) = self.stub(tool) {
                return Outcome::Called(ToolResult {
                    text: stub.text,
                    structured: stub.structured,
                    is_error: stub.is_error,
                    files: vec![],
                });
            }
            if self.live && TurnTool::parse(definition, call).is_some() {
                return self.miss(format!("`{tool}` waits for somebody, which needs a server: ask there, then `caxton cassette export`"));
            }
            if !self.live && !self.stage.encloses(tool) {
                let times = self.task.case.tools.iter().filter(|stub| same_tool(&stub.tool, &tool.to_string())).count();
                return self.miss(match times {
                    0 => format!(
                        "`{tool}` was called with {} (step {step}), and nothing outside is called in a test: add a `[[case.tool]]` with `name = \"{tool}\"` and what it gives",
                        call.arguments
                    ),
                    _ => format!("`{tool}` was called with {} (step {step}), once more than the case says what it gives ({times})", call.arguments),
                });
            }
        }
        let context = CallContext {
            workspace: &self.stage.workspace,
            agent: Some(&self.agent),
            allowed: &self.allowed,
            attachments: &self.files,
            time_left: self.time,
            idempotency_key: &format!("{}:{step}", self.turn),
            heard: Heard::default(),
            asker: None,
            within: Within::default(),
        };
        match self.stage.bench.tools.call(context, call).await {
            Ok(called) => Outcome::Called(called.result),
            Err(error) => Outcome::Failed(Failure::of(&error)),
        }
    }

    /// What the case says that this tool gives next.
    fn stub(&self, tool: &ToolId) -> Option<Stub> {
        let mut stubs = self.stubs.lock();
        stubs.iter_mut().find(|stub| stub.as_ref().is_some_and(|stub| same_tool(&stub.tool, &tool.to_string())))?.take()
    }
}

impl Performer for Actor<'_> {
    async fn perform(&self, step: StepId, effect: &Effect) -> Outcome {
        match effect {
            Effect::Ask(request) => self.ask(step, request).await,
            Effect::Call(call) => self.call(step, call).await,
            // A case begins with an empty memory.
            Effect::Recall(_) => Outcome::Recalled { found: Vec::new() },
            Effect::Remember(_) => Outcome::Remembered,
            Effect::Send(message) => Outcome::Sent { message: message.id },
            Effect::Finish(_) => Outcome::Failed(Failure::new(Code::Internal, "the end of a turn has no outcome")),
        }
    }
}

fn last_said(entry: &ChatMessage) -> String {
    let (who, text) = match entry {
        ChatMessage::User { text } => ("user", text),
        ChatMessage::Assistant { text, .. } => ("assistant", text),
        ChatMessage::Tool { tool, text, .. } => (tool.as_str(), text),
    };
    let text: String = text.chars().take(500).collect();
    format!("\n  {who}: {}", text.trim().replace('\n', "\n  "))
}

/// A line of the script as the answer of a model. Tokens are counted as a model would, roughly: one for four bytes.
fn answer(step: StepId, line: Line, request: &ModelRequest) -> ModelReply {
    let tokens = |bytes: usize| bytes.div_ceil(4) as u64;
    let said = serde_json::to_string(&request.dialogue).map_or(0, |text| text.len());
    let call = |(at, call): (usize, Call)| ToolCall {
        call_id: format!("call_{step}_{at}"),
        tool: model_name(&call.tool),
        arguments: call.arguments,
    };
    let tool_calls: Vec<ToolCall> = line.calls.into_iter().enumerate().map(call).collect();
    let output = line.text.len() + tool_calls.iter().map(|call| call.tool.len() + call.arguments.to_string().len()).sum::<usize>();
    ModelReply {
        stop: if tool_calls.is_empty() { StopReason::End } else { StopReason::ToolCalls },
        text: line.text,
        tool_calls,
        usage: TokenUsage { input: tokens(request.settings.system.len() + said), output: tokens(output) },
        provider: "script".into(),
        model: "script".into(),
        failovers: Vec::new(),
    }
}
