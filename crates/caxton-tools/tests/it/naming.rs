//! Names of tools whose server is not there.

use crate::support::Bench;
use caxton_mcp::client::{self, Place, Program};
use caxton_tools::{Error, Options, RemoteOptions, RemoteState};
use caxton_types::{Code, Fault as _, WorkspaceName};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

fn gone(name: &str) -> RemoteOptions {
    let place = Place::Program(Program { command: "no-such-program".into(), args: vec![], env: vec![], cwd: None });
    RemoteOptions { labels: vec!["orders".into()], ..RemoteOptions::new(client::Options::new(name, place)) }
}

#[tokio::test]
async fn a_name_of_several_tools_is_answered_with_them() {
    let bench = Bench::new(Options::default());
    let error = bench.tools.named(&WorkspaceName::default(), "csv_parser").unwrap_err();
    let expected = "`csv_parser` means 2 tools, and one was asked for: `data_reader/profile`, `data_reader/read`";
    assert_eq!((error.code(), &*error.to_string()), (Code::NotFound, expected));
    assert_eq!(error.hint().unwrap(), "name one of them, as in `data_reader/profile`");
    let error = bench.tools.named(&WorkspaceName::default(), "file_system").unwrap_err();
    assert!(error.to_string().ends_with("`file_system/stat`, 1 more"), "{error}");
}

#[tokio::test]
async fn a_name_of_a_server_that_is_not_there_is_answered_with_why_not() {
    let bench = Bench::new(Options { remotes: vec![gone("desk"), gone("csv-parser")], ..Options::default() });
    let named = |name: &str| bench.tools.named(&WorkspaceName::default(), name);
    let early = named("desk/order").unwrap_err();
    assert_eq!((early.code(), &*early.to_string()), (Code::Unavailable, "MCP server `desk` is not there: it is not connected yet"));

    let stop = CancellationToken::new();
    let running = TaskTracker::new().spawn(bench.tools.clone().run_remotes(stop.clone()));
    while bench.tools.remotes().iter().any(|remote| !matches!(remote.state, RemoteState::Down { .. })) {
        tokio::task::yield_now().await;
    }
    let since = bench.tools.remotes().into_iter().find(|remote| &*remote.name == "desk").unwrap().since;
    for name in ["desk/order", "desk__order", "desk"] {
        let error = named(name).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("MCP server `desk` is not there: ") && text.contains("`no-such-program` could not be started"), "{text}");
        assert!(text.ends_with(&format!("(since {since})")), "{text}");
        assert!(error.code() == Code::Unavailable && error.hint().unwrap().contains("tried again by itself"), "{error}");
        assert!(bench.tools.standing_named(&WorkspaceName::default(), name).is_err());
    }
    assert!(matches!(named("orders"), Err(Error::RemoteDown { .. })));
    // What one server cannot do now, no other does under its name.
    assert!(matches!(named("csv-parser/read"), Err(Error::RemoteDown { server, .. }) if &*server == "csv-parser"));
    assert_eq!(named("csv_parser/read").unwrap().id.to_string(), "data_reader/read");
    let unknown = named("dask/order").unwrap_err();
    assert!(matches!(unknown, Error::Unknown { .. }), "{unknown}");
    stop.cancel();
    running.await.unwrap();
}
