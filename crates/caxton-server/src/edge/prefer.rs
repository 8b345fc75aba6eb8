//! The `Prefer` header (RFC 7240), as far as it asks to wait.

use super::Fail;
use axum::http::HeaderMap;
use std::time::Duration;

/// The longest that anybody waits for a reply.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(2);

/// How long the client prefers to wait for a reply; longer than the bound means the bound, as the RFC allows.
pub(crate) fn wait_of(headers: &HeaderMap) -> Result<Option<Duration>, Fail> {
    for value in headers.get_all(caxton_api::header::PREFER) {
        let Ok(text) = value.to_str() else { continue };
        for preference in text.split([',', ';']) {
            let Some((name, seconds)) = preference.split_once('=') else { continue };
            if name.trim().eq_ignore_ascii_case("wait") {
                let seconds = seconds.trim().trim_matches('"').parse::<u64>();
                let seconds = seconds.map_err(|_| Fail::invalid("`Prefer: wait=N` takes a whole number of seconds"))?;
                return Ok(Some(Duration::from_secs(seconds).min(WAIT_MAX)));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn waiting_is_read_among_other_preferences_and_bounded() {
        let check = |text: &'static str, seconds: Option<u64>| {
            let headers = HeaderMap::from_iter([("prefer".parse().unwrap(), HeaderValue::from_static(text))]);
            assert_eq!(wait_of(&headers).unwrap(), seconds.map(Duration::from_secs), "{text}");
        };
        check("wait=5", Some(5));
        check("respond-async, wait = \"7\"", Some(7));
        check("return=minimal; WAIT=3", Some(3));
        check("wait=999999", Some(120));
        check("respond-async", None);
        let bad = HeaderMap::from_iter([("prefer".parse().unwrap(), HeaderValue::from_static("wait=soon"))]);
        assert!(wait_of(&bad).is_err());
    }
}
