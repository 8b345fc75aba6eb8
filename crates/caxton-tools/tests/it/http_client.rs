//! The built-in HTTP client against a server that says what the test wants.

use crate::support::Bench;
use caxton_tools::{Error, HttpOptions, Options};
use caxton_types::{Code, Fault as _, unit::ByteSize};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

/// Answers one connection with `response` and gives back the request.
async fn stub(response: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = TaskTracker::new().spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 64 * 1024];
        let len = stream.read(&mut request).await.unwrap();
        // A client that has heard enough may hang up first.
        let _ = stream.write_all(response.as_bytes()).await;
        String::from_utf8_lossy(&request[..len]).into_owned()
    });
    (address, served)
}

fn bench(address: SocketAddr, change: impl FnOnce(&mut HttpOptions)) -> Bench {
    let mut http_client = HttpOptions { allowed_private_hosts: vec![address.to_string().into()], ..HttpOptions::default() };
    change(&mut http_client);
    Bench::new(Options { http_client, ..Options::default() })
}

async fn call(bench: &Bench, arguments: Value) -> Result<caxton_tools::Called, Error> {
    bench.call("http_client__request", arguments, &[]).await
}

#[tokio::test]
async fn a_request_goes_out_as_asked_and_its_response_comes_back() {
    let (address, served) =
        stub("HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\nset-cookie: s=1\r\ncontent-length: 5\r\n\r\nhello").await;
    let bench = bench(address, |_| ());
    let arguments = json!({"url": format!("http://{address}/a?b=c"), "method": "POST", "headers": {"X-Order": "17"}, "body": "the order"});
    let called = call(&bench, arguments).await.unwrap();
    let request = served.await.unwrap().to_lowercase();
    assert!(
        request.starts_with("post /a?b=c http/1.1\r\n") && request.contains("x-order: 17") && request.ends_with("the order"),
        "{request}"
    );
    assert_eq!(called.result.structured, Some(json!({"status": 201, "headers": {"content-type": "text/plain"}, "body": "hello"})));
    assert_eq!((called.result.text.as_str(), called.result.is_error), ("HTTP 201 Created\n\nhello", false));
    let metering = called.metering;
    assert_eq!((metering.requests, metering.result), (Some(1), Some("HTTP 201 Created\n\nhello".len() as u64)));
    // Of the request's head what is known before it is written; of the response its headers and its body.
    assert!(metering.sent.unwrap() > "the order".len() as u64 && metering.sent.unwrap() <= request.len() as u64 + 32, "{metering:?}");
    assert_eq!(metering.received, Some("content-type: text/plain\r\nset-cookie: s=1\r\ncontent-length: 5\r\nhello".len() as u64));
}

#[tokio::test]
async fn a_request_that_writes_carries_the_key_of_its_call() {
    let sent = async |method: &str, headers: Value| {
        let (address, served) = stub("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        call(&bench(address, |_| ()), json!({"url": format!("http://{address}/"), "method": method, "headers": headers})).await.unwrap();
        let request = served.await.unwrap();
        let key = request.lines().filter_map(|line| line.split_once(": ")).filter(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"));
        key.map(|(_, key)| key.to_owned()).collect::<Vec<_>>()
    };
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(sent(method, json!({})).await, ["\"trn_1/2\""], "{method}");
    }
    for method in ["GET", "HEAD"] {
        assert!(sent(method, json!({})).await.is_empty(), "{method}");
    }
    assert_eq!(sent("POST", json!({"Idempotency-Key": "\"own\""})).await, ["\"own\""]);
}

#[tokio::test]
async fn a_redirect_is_shown_and_not_followed() {
    let (address, _served) = stub("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
    let bench = bench(address, |_| ());
    let called = call(&bench, json!({"url": format!("http://{address}/")})).await.unwrap();
    assert_eq!(called.result.structured.unwrap()["headers"]["location"], "http://169.254.169.254/");
}

#[tokio::test]
async fn an_error_status_is_an_error_of_the_tool() {
    let (address, _served) = stub("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone").await;
    let bench = bench(address, |_| ());
    assert!(call(&bench, json!({"url": format!("http://{address}/")})).await.unwrap().result.is_error);
}

#[tokio::test]
async fn a_response_beyond_the_bound_is_cut_off() {
    let (address, _served) = stub("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world").await;
    let bench = bench(address, |options| options.response_len_max = ByteSize::new(10));
    let arguments = json!({"url": format!("http://{address}/")});
    let (error, spent) = bench.call_failing("http_client__request", arguments, Duration::from_secs(30)).await;
    assert_eq!((error.code(), error.to_string().as_str()), (Code::Exhausted, "`http_client/request`: the result has more than 10B"));
    assert!(error.hint().unwrap().contains("`tools.http_client.max_response_size`"));
    assert_eq!(spent.requests, Some(1), "what failed is counted too");
}

#[tokio::test]
async fn a_server_that_does_not_answer_meets_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bench = bench(address, |options| options.timeout = Duration::from_millis(50));
    let error = call(&bench, json!({"url": format!("http://{address}/")})).await.unwrap_err();
    assert_eq!(error.code(), Code::Deadline, "{error}");
    assert!(error.hint().unwrap().contains("`tools.http_client.timeout`"));
}

#[tokio::test]
async fn what_is_not_allowed_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bench = Bench::new(Options {
        http_client: HttpOptions { allowed_hosts: vec!["localhost".into()], ..HttpOptions::default() },
        ..Options::default()
    });
    let refused = async |arguments: Value| {
        let error = call(&bench, arguments).await.unwrap_err();
        (error.code(), error.to_string())
    };
    let (code, text) = refused(json!({"url": format!("http://{address}/")})).await;
    assert_eq!((code, text.contains("is not in `tools.http_client.allowed_hosts`")), (Code::Denied, true), "{text}");
    let (code, text) = refused(json!({"url": format!("http://localhost:{}/", address.port())})).await;
    assert_eq!((code, text.contains("resolves to no public address")), (Code::Denied, true), "{text}");
    let (_, text) = refused(json!({"url": "file:///etc/passwd"})).await;
    assert!(text.contains("is not http or https"), "{text}");
    let (_, text) = refused(json!({"url": "http://localhost/", "headers": {"Host": "evil"}})).await;
    assert!(text.contains("the header `Host` is set by the client itself"), "{text}");
    let (_, text) = refused(json!({"uri": "http://localhost/"})).await;
    assert!(text.contains("cannot take these arguments") && text.contains("url"), "{text}");
}

#[tokio::test]
async fn a_tool_outside_the_allowlist_is_denied_whatever_it_is() {
    let bench = Bench::new(Options::default());
    for tool in ["http_client__request", "http_client/request", "no_such__tool"] {
        let error = bench.call_as(&[], tool, json!({}), &[], Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.code(), Code::Denied, "{tool}");
    }
}
