//! Calls that are under way while tools crash beside them.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use caxton_sandbox::{Call, Component, Error, HostCalls, Limits, Options, Sandbox};
use caxton_types::{Permissions, error::ResourceError, unit::ByteSize};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::guest::{Asks, Guest, asking, tool_with};

/// Calls that behave, all of them under way at once.
const CALLS: u32 = 100;
/// Calls of each tool that crashes, and how many of them at once.
const CRASHES: usize = 20;

/// Answers nobody before the test says so, so that all who ask are under way.
#[derive(Debug)]
struct Gate {
    asked: AtomicU32,
    open: Semaphore,
}

#[async_trait::async_trait]
impl HostCalls for Gate {
    async fn recall(&self, _: String, _: u32) -> Result<String, String> {
        Err("nothing is kept".to_owned())
    }

    async fn remember(&self, _: String, _: String) -> Result<(), String> {
        Err("nothing is kept".to_owned())
    }

    async fn call_tool(&self, name: String, arguments_json: String) -> Result<String, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _open = self.open.acquire().await.map_err(|error| error.to_string())?;
        Ok(format!("{name} {arguments_json}"))
    }
}

/// What a tool does when it is called, and how that must end.
type Crash = (&'static str, fn(&Error) -> bool);

const CRASH: [Crash; 5] = [
    ("(unreachable)", |error| matches!(error, Error::Trap(text) if text.contains("unreachable"))),
    ("(i32.div_u (i32.const 1) (i32.const 0))", |error| matches!(error, Error::Trap(text) if text.contains("divide by zero"))),
    ("(i32.load (i32.const -4))", |error| matches!(error, Error::Trap(text) if text.contains("out of bounds"))),
    ("(call $deep)", |error| matches!(error, Error::Trap(text) if text.contains("stack"))),
    ("(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then (unreachable))) (i32.const 0)", |error| {
        matches!(error, Error::Limit(ResourceError::MemoryLimitExceeded { .. }))
    }),
];

async fn crashing(sandbox: &Sandbox, body: &str) -> Component {
    let fields = "(func $deep (result i32) (i32.add (call $deep) (i32.const 1)))";
    sandbox.load("crashing", tool_with(&Guest { body, fields, ..Guest::default() })).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_calls_under_way_do_not_notice_tools_that_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path());
    options.slots = CALLS + 8;
    let sandbox = Sandbox::new(options).unwrap();
    let granted = Permissions { tools: vec!["other/*".parse().unwrap()], ..Permissions::default() };
    let honest = sandbox.load_granted("honest", asking("echo", Asks::Tool("other/tool")), &granted).await.unwrap();
    let gate = Arc::new(Gate { asked: AtomicU32::new(0), open: Semaphore::new(0) });
    let mut under_way = JoinSet::new();
    for number in 0..CALLS {
        let (honest, host) = (honest.clone(), Arc::clone(&gate) as Arc<dyn HostCalls>);
        let arguments = format!("{{\"number\":{number}}}");
        under_way.spawn(async move {
            let called = honest.call(Call { host: Some(host), ..Call::new("echo", arguments.as_str()) }).await;
            (arguments, called)
        });
    }
    while gate.asked.load(Ordering::SeqCst) < CALLS {
        tokio::task::yield_now().await;
    }

    let limits = Limits { memory: ByteSize::mib(1), ..Limits::default() };
    let mut crashes = JoinSet::new();
    for (body, is_expected) in CRASH {
        let component = crashing(&sandbox, body).await;
        for _ in 0..CRASHES {
            let component = component.clone();
            crashes.spawn(async move {
                let error = component.call(Call { limits, ..Call::new("echo", "{}") }).await.unwrap_err();
                assert!(is_expected(&error), "{body}: {error}");
            });
        }
    }
    let mut ended_so = 0;
    while let Some(ended) = crashes.join_next().await {
        ended.unwrap();
        ended_so += 1;
    }
    assert_eq!((ended_so, under_way.len()), (CRASH.len() * CRASHES, CALLS as usize), "all of them are still under way");

    gate.open.add_permits(CALLS as usize);
    let mut answered = 0;
    while let Some(ended) = under_way.join_next().await {
        let (arguments, called) = ended.unwrap();
        assert_eq!(called.unwrap().result_json, format!("other/tool {arguments}"));
        answered += 1;
    }
    assert_eq!(answered, CALLS);
}
