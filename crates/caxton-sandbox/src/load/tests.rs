use std::time::Duration;

use caxton_types::{Code, Fault as _};

use super::*;
use crate::Options;

#[path = "../../tests/it/guest.rs"]
#[allow(dead_code, reason = "the tests outside use more of it")]
mod guest;

/// Enough of a component to be let in to the compiler.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

#[tokio::test]
async fn so_many_wait_for_the_compiler_and_what_was_compiled_waits_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path().join("calls"));
    options.compiled_dir = Some(folder.path().join("compiled"));
    let sandbox = Sandbox::new(options).unwrap();
    let echo = guest::tool(guest::ECHO);
    sandbox.load("echo", echo.clone()).await.unwrap();

    let turn = Arc::clone(&sandbox.0.compiles).acquire_owned().await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..COMPILES_WAITING_MAX {
        let sandbox = sandbox.clone();
        waiting.spawn(async move { sandbox.load("empty", EMPTY).await });
    }
    while sandbox.code().waiting < COMPILES_WAITING_MAX {
        tokio::task::yield_now().await;
    }
    let refused = sandbox.load("one-more", EMPTY).await.unwrap_err();
    assert_eq!(refused.to_string(), "component `one-more` was not compiled: 64 others wait for that");
    assert_eq!((refused.code(), refused.hint().is_some()), (Code::Exhausted, true));
    let kept = tokio::time::timeout(Duration::from_mins(1), sandbox.load("echo", echo)).await;
    kept.expect("it waited for the compiler").unwrap();

    drop(turn);
    while let Some(load) = waiting.join_next().await {
        assert!(matches!(load.unwrap(), Err(Error::NotATool { .. })));
    }
    assert_eq!(sandbox.code().waiting, 0);
}
