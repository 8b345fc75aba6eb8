//! Finding a server, agreeing with it, and noticing that it is gone.

use super::world::{connect, program, serve};
use caxton_mcp::client::{Call, Client, Era, Error, Hidden, KEPT_VARIABLES, Options, Place, Program, Url};
use caxton_types::{Code, Fault as _};
use rmcp::model::{ContentBlock, ResourceContents};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};
use tokio_util::task::TaskTracker;

#[tokio::test]
async fn both_eras_are_spoken_over_http_and_over_pipes() {
    let served = serve().await;
    for (era, protocol) in [(Era::Newest, "2026-07-28"), (Era::Stateless, "2026-07-28"), (Era::Sessions, "2025-11-25")] {
        for options in [served.options(era), Options { era, ..program() }] {
            let client = connect(&options).await;
            let about = client.about();
            assert_eq!((about.name.as_str(), about.protocol.as_str()), ("scripted", protocol));
            assert_eq!(about.instructions.as_deref(), Some("Be kind."));
            let tools = client.tools().await.unwrap();
            assert_eq!(tools.len(), 9, "all pages are read");
            assert_eq!((tools[0].name.as_str(), tools[0].description.as_str()), ("echo", "does `echo`"));
            assert_eq!(client.resources().await.unwrap().entries[0].uri, "note://1");
            assert!(client.resource_templates().await.unwrap().entries.is_empty());
            let read = client.read("note://1").await.unwrap();
            assert_eq!(read.contents, [ResourceContents::text("a note", "note://1")]);
            assert_eq!(client.prompts().await.unwrap().entries[0].name, "greet");
            let written = client.prompt("greet", serde_json::Map::new()).await.unwrap();
            assert_eq!(written.messages[0].content, ContentBlock::text("Greet for greet."));
            client.close().await;
        }
    }
    let headers = served.server.state().headers.lock().clone();
    for (name, value) in [("x-of-ours", "yes"), ("authorization", "Bearer a-token")] {
        assert!(headers.iter().any(|header| *header == (name.into(), value.into())), "{name}");
    }
}

#[tokio::test]
async fn a_list_is_read_up_to_its_bound() {
    let served = serve().await;
    let client = connect(&Options { entries_max: 5, ..served.options(Era::Newest) }).await;
    assert_eq!(client.tools().await.unwrap_err().to_string(), "MCP server `scripted` lists more than 5 tools");
}

#[tokio::test]
async fn a_program_that_dies_is_noticed_with_its_last_words() {
    let client = connect(&program()).await;
    let crash = Call { tool: "crash", arguments: &json!({}), meta: &[], time_max: Duration::from_secs(20), asker: None };
    let (called, ended) = tokio::join!(client.call(&crash), client.ended());
    assert!(called.unwrap_err().is_of_connection());
    assert_eq!(ended.to_string(), "MCP server `scripted` closed the connection; it said: out of cheese");
}

#[tokio::test]
async fn what_a_program_started_ends_with_it() {
    let dir = std::env::temp_dir().join(format!("caxton-mcp-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let Place::Program(server) = program().place else { unreachable!() };
    let script = ["-c", "sleep 1000 & echo $! > pid; exec \"$@\"", "sh", &*server.command];
    let args = script.into_iter().map(Into::into).chain(server.args).collect();
    let wrapped = Program { command: "sh".into(), args, env: server.env, cwd: Some(dir.clone()) };
    let options = Options { place: Place::Program(wrapped), ..program() };
    for is_closed in [true, false] {
        let client = connect(&options).await;
        let pid = std::fs::read_to_string(dir.join("pid")).unwrap();
        let alive = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "));
        assert!(alive());
        if is_closed {
            client.close().await;
        } else {
            drop(client);
        }
        while alive() {
            tokio::task::yield_now().await;
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn a_program_gets_the_variables_it_is_given_and_of_ours_those_that_are_kept() {
    let file = std::env::temp_dir().join(format!("caxton-mcp-{}-environment", std::process::id()));
    let Place::Program(server) = program().place else { unreachable!() };
    let script = ["-c", "env -0 > \"$REPORT\"; exec \"$@\"", "sh", &*server.command];
    let args = script.into_iter().map(Into::into).chain(server.args).collect();
    let report = ("REPORT".into(), Hidden::new(file.to_str().unwrap()));
    let given: Vec<_> = server.env.into_iter().chain([report, ("LC_ALL".into(), Hidden::new("C"))]).collect();
    let mut expected: BTreeMap<_, _> =
        KEPT_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
    assert!(
        expected.contains_key("PATH") && std::env::var_os("CARGO_MANIFEST_DIR").is_some(),
        "there is something to keep, and something not to"
    );
    expected.extend(
        [("REPORT", file.to_str().unwrap()), ("LC_ALL", "C"), ("CAXTON_MCP_SCRIPTED", "1")]
            .map(|(name, value)| (name.into(), value.into())),
    );
    let reporting = Program { command: "sh".into(), args, env: given, cwd: None };
    let client = connect(&Options { place: Place::Program(reporting), ..program() }).await;
    client.close().await;
    let told = std::fs::read_to_string(&file).unwrap();
    let mut told: BTreeMap<String, String> =
        told.split_terminator('\0').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect();
    // What a shell makes by itself.
    told.retain(|name, _| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&&**name));
    assert_eq!(told, expected, "what is given wins over what is kept");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_says_why() {
    let tasks = TaskTracker::new();
    let program = |command: &str, args: &[&str]| {
        Place::Program(Program { command: command.into(), args: args.iter().map(|arg| (*arg).into()).collect(), env: vec![], cwd: None })
    };
    let error = Client::connect(&Options::new("a", program("no-such-program", &[])), &tasks).await.err().unwrap();
    assert!(matches!(error, Error::Start { .. }));
    assert_eq!(error.hint().unwrap(), "check that `no-such-program` is installed and in PATH, or give its whole path");
    let error = Client::connect(&Options::new("b", program("sh", &["-c", "echo no key >&2; exit 1"])), &tasks).await.err().unwrap();
    assert_eq!(error.to_string(), "MCP server `b` could not be connected: it closed the connection; it said: no key");
    let error = Client::connect(&Options::new("e", program("true", &[])), &tasks).await.err().unwrap();
    assert_eq!(error.to_string(), "MCP server `e` could not be connected: it closed the connection");
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = Url { url: format!("http://{free}/mcp").into(), headers: vec![], bearer: None };
    let error = Client::connect(&Options::new("c", Place::Url(url)), &tasks).await.err().unwrap();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.to_string().starts_with("MCP server `c` could not be connected: "), "{error}");
    assert!(!error.to_string().contains("Transport"), "no names of the library: {error}");
    let silent = Options { connect_timeout: Duration::from_millis(100), ..Options::new("d", program("sleep", &["1000"])) };
    let error = Client::connect(&silent, &tasks).await.err().unwrap();
    assert_eq!(error.to_string(), "MCP server `d` did not answer within 100ms");
    tasks.close();
    tasks.wait().await;
}
