//! What a call of a tool costs through the one door, beside the bare engine calling the same component: `tools.*` rows.
//!
//! The way is the one that a turn's call takes: allowlist, schema, counters, sandbox, reading of the result. What the journal adds is in `turns.*`.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use caxton_sandbox::{Options, Sandbox};
use caxton_tools::{CallContext, Grant, Heard, Limits, Reuse, Tools, Within};
use caxton_types::{AgentName, ToolCall, ToolDefinition, WorkspaceName};
use serde_json::json;

use crate::{
    Failure, Rows,
    floor::Bare,
    guest,
    languages::guest as guest_in,
    measure::{CALLS, CSV_STATS, WARM_UP, cpu_time, micros, per_second, quantiles, runtime},
};

struct Guest<'g> {
    id: &'static str,
    what: &'static str,
    wasm: &'g [u8],
    tool: &'static str,
    arguments: &'static str,
}

struct Door {
    tools: Tools,
    workspace: WorkspaceName,
    agent: AgentName,
    allowed: Vec<ToolDefinition>,
}

impl Door {
    /// Each guest is there twice: with a fresh instance for each call, and with one that stays.
    async fn new(tools: Tools, guests: &[Guest<'_>]) -> Result<Self, Failure> {
        let workspace = WorkspaceName::default();
        let mut loaded = Vec::new();
        for guest in guests {
            for (name, reuse) in [(guest.id.to_owned(), None), (format!("{}-warm", guest.id), Some(Reuse::default()))] {
                let grant = Grant { limits: Limits::default(), attachments: false, permissions: Arc::default(), reuse };
                loaded.push(tools.load(&name, guest.wasm.to_vec(), grant).await?);
            }
        }
        tools.install(&workspace, loaded);
        Ok(Self { allowed: tools.available(&workspace), agent: "bench".parse()?, workspace, tools })
    }

    /// How many bytes came back, as a result or as the reason why there is none.
    async fn call(&self, call: &ToolCall) -> usize {
        let context = CallContext {
            workspace: &self.workspace,
            agent: Some(&self.agent),
            allowed: &self.allowed,
            attachments: &[],
            time_left: Duration::from_secs(30),
            idempotency_key: "trn_bench/1",
            heard: Heard::default(),
            asker: None,
            within: Within::default(),
        };
        match self.tools.call(context, call).await {
            Ok(called) => called.result.text.len(),
            Err(error) => error.to_string().len(),
        }
    }
}

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    let runtime = runtime()?;
    let folder = tempfile::tempdir()?;
    let echo = guest::tool_with(&guest::Guest { pages: 64, ..guest::Guest::default() });
    let tools = Tools::new(Sandbox::new(Options::new(folder.path().join("scratch")))?, caxton_tools::Options::default())?;
    // What the guest answers with: the arguments, which are a result too.
    let text = r#"{"content":[]}"#;
    let missing = r#"{"file":"data.csv","operation":"mean","column":"value"}"#;
    let c = guest_in("c")?;
    if c.is_none() {
        Rows::remark("a tool in C is not measured: `cargo xtask bench tools` builds it")?;
    }
    let mut guests = vec![
        Guest { id: "echo", what: "WAT echo", wasm: &echo, tool: "echo", arguments: text },
        Guest { id: "csv", what: "Rust guest", wasm: CSV_STATS, tool: "stats", arguments: missing },
    ];
    guests.extend(c.as_deref().map(|wasm| Guest { id: "c", what: "C guest", wasm, tool: "hello", arguments: r#"{"name":"Ada"}"# }));
    runtime.block_on(async {
        let door = Door::new(tools, &guests).await?;
        for guest in &guests {
            beside(rows, &door, guest).await?;
        }
        rate(rows, &door, "echo__echo", text).await
    })
}

/// A fresh instance each, and then one for all, turn about with the floor.
async fn beside(rows: &Rows, door: &Door, guest: &Guest<'_>) -> Result<(), Failure> {
    let Guest { id, what, tool, arguments, .. } = *guest;
    let bare = Bare::new(guest.wasm)?;
    let call = |server: String| {
        let arguments = serde_json::from_str(arguments)?;
        Ok::<_, Failure>(ToolCall { call_id: "c1".into(), tool: format!("{server}__{tool}"), arguments })
    };
    let (fresh, warm) = (call(id.to_owned())?, call(format!("{id}-warm"))?);
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut live = bare.warm().await?;
    for round in 0..WARM_UP + CALLS {
        let mut spent = [Duration::ZERO; 4];
        let begun = Instant::now();
        black_box(door.call(&fresh).await);
        spent[0] = begun.elapsed();
        let begun = Instant::now();
        black_box(bare.call(tool, arguments).await?);
        spent[1] = begun.elapsed();
        let begun = Instant::now();
        black_box(door.call(&warm).await);
        spent[2] = begun.elapsed();
        let begun = Instant::now();
        black_box(live.call(tool, arguments).await?);
        spent[3] = begun.elapsed();
        if round >= WARM_UP {
            times.iter_mut().zip(spent).for_each(|(all, one)| all.push(one));
        }
    }
    let [(fresh, fresh_p99), (bare_fresh, _), (warm, warm_p99), (bare_warm, _)] = times.map(quantiles);
    for (way, how, ours, p99, floor) in
        [("fresh", "a fresh instance", fresh, fresh_p99, bare_fresh), ("warm", "an instance that is there", warm, warm_p99, bare_warm)]
    {
        rows.print(&json!({"id": format!("tools.call_{way}_{id}"), "what": format!("{what}: the whole tool path, {how}"), "unit": "us",
            "better": "lower", "ours": micros(ours), "p99": micros(p99), "floor": micros(floor), "floor_name": "bare wasmtime with empty WASI",
            "goal": 2.0 * micros(floor), "met": ours <= 2 * floor}))?;
    }
    Ok(())
}

/// As many calls as one busy core makes; what other processes take of it does not count.
async fn rate(rows: &Rows, door: &Door, tool: &str, arguments: &str) -> Result<(), Failure> {
    let call = ToolCall { call_id: "c1".into(), tool: tool.into(), arguments: serde_json::from_str(arguments)? };
    let (begun, calls) = (cpu_time(), 8 * CALLS);
    for _ in 0..calls {
        black_box(door.call(&call).await);
    }
    let rate = per_second(calls, cpu_time().saturating_sub(begun));
    rows.print(
        &json!({"id": "tools.calls", "what": "WAT echo: calls a second of processor time through the whole tool path", "unit": "1/s",
        "better": "higher", "ours": rate.round(), "goal": 100_000, "met": rate >= 100_000.0}),
    )
}
