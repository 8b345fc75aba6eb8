//! Guests that ask the host for memory and other tools.

use std::{sync::Arc, time::Duration};

use caxton_sandbox::{Call, Component, Error, HostCalls, Limits, Reuse, Sandbox};
use caxton_types::{Access, Code, Fault as _, MemoryGrant, Permissions, Scope, error::ResourceError, unit::ByteSize};
use parking_lot::Mutex;

use crate::{
    guest::{Asks, asking},
    support::{echo, sandbox, shared},
};

/// Answers every call with what it was asked, and keeps it in mind.
#[derive(Debug, Default)]
struct Above {
    asked: Mutex<Vec<String>>,
    /// Answers nothing.
    is_slow: bool,
}

impl Above {
    async fn hear(&self, asked: String) -> Result<String, String> {
        self.asked.lock().push(asked.clone());
        if self.is_slow {
            std::future::pending::<()>().await;
        }
        if asked.contains("never") { Err(asked) } else { Ok(asked) }
    }
}

#[async_trait::async_trait]
impl HostCalls for Above {
    async fn recall(&self, query: String, limit: u32) -> Result<String, String> {
        self.hear(format!("[\"{}\", {limit}]", query.replace('"', ""))).await
    }

    async fn remember(&self, text: String, scope: String) -> Result<(), String> {
        self.hear(format!("remember {text} for {scope}")).await.map(drop)
    }

    async fn call_tool(&self, name: String, arguments_json: String) -> Result<String, String> {
        self.hear(format!("call {name} with {arguments_json}")).await
    }
}

fn memory() -> Permissions {
    Permissions { memory: vec![MemoryGrant { scope: Scope::Agent, access: Access::Read }], ..Permissions::default() }
}

fn tools() -> Permissions {
    Permissions { tools: vec!["csv-stats/*".parse().unwrap()], ..Permissions::default() }
}

async fn load(asks: Asks<'_>, permissions: &Permissions) -> Result<Component, Error> {
    shared().load_granted("guest", asking("echo", asks), permissions).await
}

fn asked_of(above: &Arc<Above>, arguments: &str) -> Call {
    Call { host: Some(Arc::clone(above) as Arc<dyn HostCalls>), ..echo(arguments) }
}

#[tokio::test]
async fn what_is_granted_is_asked_and_answered() {
    let above = Arc::new(Above::default());
    let check = async |asks: Asks<'_>, permissions: Permissions, arguments: &str, expected: &str| {
        let component = load(asks, &permissions).await.unwrap();
        let called = component.call(asked_of(&above, arguments)).await.unwrap();
        assert_eq!(called.result_json, expected);
        assert_eq!((called.usage.requests, called.denials), (1, vec![]));
    };
    check(Asks::Tool("csv-stats/stats"), tools(), r#"{"a":1}"#, r#"call csv-stats/stats with {"a":1}"#).await;
    check(Asks::Remember("agent"), memory(), r#"{"a":1}"#, r#"{"content":[]}"#).await;
    let found = r#"{"content":[],"structuredContent":{"found":["{a:1}", 10]}}"#;
    check(Asks::Memory, memory(), r#"{"a":1}"#, found).await;
    assert_eq!(above.asked.lock().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_words_for_the_guest() {
    let component = load(Asks::Tool("never/mind"), &tools()).await.unwrap();
    let refused = component.call(asked_of(&Arc::default(), "{}")).await.unwrap_err();
    assert_eq!(refused.to_string(), "call never/mind with {}");
    let unasked = component.call(echo("{}")).await.unwrap_err();
    assert_eq!(unasked.to_string(), "nobody answers that here");
}

#[tokio::test]
async fn what_is_not_granted_is_not_linked() {
    let check = async |asks: Asks<'_>, permissions: Permissions, import: &str, key: &str| {
        let refused = load(asks, &permissions).await.unwrap_err();
        let expected = format!("component `guest` imports caxton:host/{import}@0.1.0, which its permissions do not grant");
        assert_eq!((refused.code(), refused.to_string()), (Code::Denied, expected));
        let hint = refused.hint().unwrap();
        assert!(hint.starts_with(&format!("grant `{key}` in the tool's permissions")), "{hint}");
    };
    check(Asks::Tool("a/b"), Permissions::default(), "tools", "tools").await;
    check(Asks::Tool("a/b"), memory(), "tools", "tools").await;
    check(Asks::Memory, Permissions::default(), "memory", "memory").await;
    check(Asks::Remember("agent"), tools(), "memory", "memory").await;
}

#[tokio::test]
async fn what_is_asked_counts_and_ends_with_its_call() {
    let component = load(Asks::Tool("a/b"), &tools()).await.unwrap();
    let limited = async |above: Arc<Above>, limits: Limits, arguments: &str| {
        component.call(Call { limits, ..asked_of(&above, arguments) }).await.unwrap_err()
    };
    let above = Arc::new(Above::default());
    let error = limited(Arc::clone(&above), Limits { requests: 0, ..Limits::default() }, "{}").await;
    assert!(matches!(error, Error::Limit(ResourceError::RequestLimitExceeded { limit: 0 })), "{error}");
    assert_eq!(above.asked.lock().len(), 0, "nobody was asked");

    let wall = Duration::from_millis(20);
    let slow = Arc::new(Above { is_slow: true, ..Above::default() });
    let error = limited(Arc::clone(&slow), Limits { wall, ..Limits::default() }, "{}").await;
    assert!(matches!(error, Error::Limit(ResourceError::TimeLimitExceeded { .. })), "{error}");
    assert_eq!(Arc::strong_count(&slow), 1, "nothing holds on to it");

    // What it hands over has 114 bytes, the answer a few more.
    let at_most = |host_call| Limits { host_call: ByteSize::new(host_call), ..Limits::default() };
    let arguments = format!("{{\"text\":\"{}\"}}", "x".repeat(100));
    let error = limited(Arc::clone(&above), at_most(120), &arguments).await;
    assert!(error.to_string().starts_with("the answer has 1"), "{error}");
    let error = limited(above, at_most(64), &arguments).await;
    assert!(matches!(error, Error::Limit(ResourceError::HostCallLimitExceeded { limit }) if limit.get() == 64), "{error}");
}

#[tokio::test]
async fn an_instance_that_serves_again_asks_who_calls_now() {
    let component = load(Asks::Tool("a/b"), &tools()).await.unwrap();
    let (first, second) = (Arc::new(Above::default()), Arc::new(Above::default()));
    let call = |above: &Arc<Above>| Call { reuse: Some(Reuse::default()), ..asked_of(above, "{}") };
    component.call(call(&first)).await.unwrap();
    assert_eq!(Arc::strong_count(&first), 1, "the instance that waits has let go of it");
    component.call(call(&second)).await.unwrap();
    assert_eq!((first.asked.lock().len(), second.asked.lock().len()), (1, 1));
}

/// Calls itself once more through the host.
#[derive(Debug)]
struct Nested(Component);

#[async_trait::async_trait]
impl HostCalls for Nested {
    async fn recall(&self, _: String, _: u32) -> Result<String, String> {
        Err("no".to_owned())
    }

    async fn remember(&self, _: String, _: String) -> Result<(), String> {
        Err("no".to_owned())
    }

    async fn call_tool(&self, _: String, arguments_json: String) -> Result<String, String> {
        let inner = Call { host: Some(Arc::new(Above::default())), is_nested: true, ..echo(&arguments_json) };
        self.0.call(inner).await.map(|called| called.result_json).map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn a_call_within_a_call_waits_for_no_slot() {
    let check = async |sandbox: &Sandbox, expected: Result<&str, &str>| {
        let component = sandbox.load_granted("guest", asking("echo", Asks::Tool("a/b")), &tools()).await.unwrap();
        let nested = Arc::new(Nested(component.clone()));
        let called = component.call(Call { host: Some(nested), ..echo("{}") }).await;
        let called = called.map(|called| called.result_json).map_err(|error| error.to_string());
        assert_eq!(called.as_deref().map_err(String::as_str), expected);
    };
    let (one, _folder) = sandbox(|options| options.slots = 1);
    check(&one, Err("all 1 slots are taken and 0 calls wait")).await;
    let (two, _folder) = sandbox(|options| options.slots = 2);
    check(&two, Ok("call a/b with {}")).await;
}
