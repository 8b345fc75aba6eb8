//! Tools without a server around them.

use caxton_sandbox::Sandbox;
use caxton_tools::{Attachment, CallContext, Called, Error, Heard, Notice, Options, Tools, Within};
use caxton_types::{AgentName, Metering, ToolCall, ToolDefinition, WorkspaceName};
use parking_lot::Mutex;
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Bench {
    pub(crate) tools: Tools,
    pub(crate) dir: TempDir,
    agent: AgentName,
}

impl Bench {
    pub(crate) fn new(options: Options) -> Self {
        Self::in_sandbox(options, |_| ())
    }

    pub(crate) fn in_sandbox(options: Options, change: impl FnOnce(&mut caxton_sandbox::Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut sandbox = caxton_sandbox::Options { slots: 4, ..caxton_sandbox::Options::new(dir.path().join("scratch")) };
        change(&mut sandbox);
        let tools = Tools::new(Sandbox::new(sandbox).unwrap(), options).unwrap();
        Self { tools, dir, agent: "analyst".parse().unwrap() }
    }

    /// Calls as an agent that may call everything there is.
    pub(crate) async fn call(&self, tool: &str, arguments: Value, attachments: &[Attachment]) -> Result<Called, Error> {
        let allowed = self.tools.available(&WorkspaceName::default());
        self.call_as(&allowed, tool, arguments, attachments, Duration::from_secs(30)).await
    }

    pub(crate) async fn call_as(
        &self,
        allowed: &[ToolDefinition],
        tool: &str,
        arguments: Value,
        attachments: &[Attachment],
        time_left: Duration,
    ) -> Result<Called, Error> {
        self.call_heard(allowed, tool, arguments, (attachments, time_left), Heard::default()).await
    }

    /// What a call that fails says, and what it took.
    pub(crate) async fn call_failing(&self, tool: &str, arguments: Value, time_left: Duration) -> (Error, Metering) {
        let spent = Mutex::new(None);
        let hear = |notice: Notice| {
            if let Notice::Spent(metering) = notice {
                *spent.lock() = Some(metering);
            }
        };
        let allowed = self.tools.available(&WorkspaceName::default());
        let called = self.call_heard(&allowed, tool, arguments, (&[], time_left), Heard(Some(&hear))).await;
        (called.unwrap_err(), spent.into_inner().unwrap())
    }

    pub(crate) async fn call_heard(
        &self,
        allowed: &[ToolDefinition],
        tool: &str,
        arguments: Value,
        (attachments, time_left): (&[Attachment], Duration),
        heard: Heard<'_>,
    ) -> Result<Called, Error> {
        let call = ToolCall { call_id: "c1".into(), tool: tool.into(), arguments };
        let workspace = WorkspaceName::default();
        let context = CallContext {
            workspace: &workspace,
            agent: Some(&self.agent),
            allowed,
            attachments,
            time_left,
            idempotency_key: "trn_1/2",
            heard,
            asker: None,
            within: Within::default(),
        };
        self.tools.call(context, &call).await
    }
}
