//! Every call of a tool is a span that says which tool, and who called it.

use anyhow::Result;
use caxton_api::CallTool;
use caxton_testkit::{agent, script, server};
use parking_lot::Mutex;
use serde_json::json;
use std::{collections::BTreeMap, fmt, sync::OnceLock};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry,
    util::SubscriberInitExt as _,
};

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Seen {
    name: &'static str,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// Keeps the spans of this process as they begin.
struct Watch(&'static Mutex<Vec<Seen>>);

impl<S: Subscriber> Layer<S> for Watch {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut seen = Seen { name: attributes.metadata().name(), ..Seen::default() };
        attributes.record(&mut seen);
        self.0.lock().push(seen);
    }
}

/// The spans so far that have this name and these fields.
fn spans(name: &str, fields: &[(&str, &str)]) -> Vec<Seen> {
    static SPANS: OnceLock<Mutex<Vec<Seen>>> = OnceLock::new();
    static WATCH: OnceLock<()> = OnceLock::new();
    let spans = SPANS.get_or_init(Mutex::default);
    WATCH.get_or_init(|| registry().with(Watch(spans)).init());
    let fits = |seen: &&Seen| seen.name == name && fields.iter().all(|(key, value)| seen.fields.get(key).is_some_and(|is| is == value));
    spans.lock().iter().filter(fits).cloned().collect()
}

#[tokio::test]
async fn every_call_of_a_tool_is_a_span_with_its_caller() -> Result<()> {
    let call = |by: &'static str, who: &'static str| [("gen_ai.tool.name", "stats_calculator/describe"), (by, who)];
    assert_eq!(spans("execute_tool", &[]), []);
    let model = script().calls("stats_calculator__describe", json!({"numbers": [1, 2, 6]})).says("Three on average.");
    let surveyor = agent("surveyor", "tools = [\"stats_calculator\"]\n");
    let caxton = server().model(&model).agent(surveyor).start().await?;
    caxton.request("surveyor", "How many on average?").await?;
    let [of_turn] = &spans("execute_tool", &[("gen_ai.agent.name", "surveyor")])[..] else { panic!("one call") };
    assert_eq!(of_turn.fields["gen_ai.tool.name"], "stats_calculator__describe");
    assert!(of_turn.fields.contains_key("turn") && of_turn.fields["workspace"] == "default", "{of_turn:?}");

    let arguments = serde_json::from_value(json!({"numbers": [4]}))?;
    caxton.client.call_tool("stats_calculator/describe", &CallTool { arguments, ..CallTool::default() }).await?;
    let [direct] = &spans("execute_tool", &call("caller", "local"))[..] else { panic!("one call") };
    assert_eq!(direct.fields["trace_id"].len(), 32, "{direct:?}");
    caxton.stop().await
}
