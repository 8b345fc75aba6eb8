//! A server behind a URL.

use super::{
    error::Error,
    options::{Options, Url},
};
use reqwest::{
    StatusCode,
    header::{HeaderName, HeaderValue},
    redirect,
};
use rmcp::transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig};
use std::{collections::HashMap, time::Duration};

/// The most redirects of one request.
const REDIRECTS_MAX: usize = 5;
/// How long an unused connection is kept: less than any usual server keeps it (Node's, five seconds). A request that meets the server's close
/// is lost, and a call may not be sent twice.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

pub(super) fn transport(options: &Options, url: &Url) -> Result<StreamableHttpClientTransport<reqwest::Client>, Error> {
    let wrong = |reason: String| Error::Options { server: options.name.clone(), reason };
    let mut headers = HashMap::new();
    for (name, value) in &url.headers {
        let known: HeaderName = name.parse().map_err(|_| wrong(format!("`{name}` is not the name of a header")))?;
        let mut value =
            HeaderValue::from_str(value.reveal()).map_err(|_| wrong(format!("the value of the header `{name}` cannot be sent")))?;
        value.set_sensitive(true);
        headers.insert(known, value);
    }
    let client = reqwest::Client::builder()
        .redirect(same_origin())
        .no_proxy()
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(IDLE_CONNECTION)
        .user_agent(concat!("caxton/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    let mut config =
        StreamableHttpClientTransportConfig::with_uri(&*url.url).custom_headers(headers).max_sse_event_size(options.message_len_max);
    if let Some(bearer) = &url.bearer {
        config = config.auth_header(bearer.reveal());
    }
    Ok(StreamableHttpClientTransport::with_client(client, config))
}

/// Only to the place that the operator named: a redirect elsewhere would take the headers and the token along.
fn same_origin() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let keeps_body = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        if keeps_body && same && attempt.previous().len() <= REDIRECTS_MAX { attempt.follow() } else { attempt.stop() }
    })
}
