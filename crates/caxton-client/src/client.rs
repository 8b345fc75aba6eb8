//! One server, one workspace.

use crate::Error;
use caxton_api::{Page, Problem};
use caxton_types::{Code, WorkspaceName};
use reqwest::{Method, RequestBuilder, Response, Url, header};
use serde::{Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an ordinary request may take: a little more than the server gives it.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(35);
/// How long an upload may take.
pub(crate) const UPLOAD_TIMEOUT: Duration = Duration::from_mins(5);
/// The largest error that is read.
const PROBLEM_LEN_MAX: usize = 1 << 20;

/// A client of one workspace of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<Url>,
    workspace: WorkspaceName,
}

impl Client {
    /// A client of the workspace `default` of the server at this address, such as `http://127.0.0.1:8080`.
    pub fn new(base: &str) -> Result<Self, Error> {
        let address = || Error::Address { url: base.chars().take(200).collect() };
        let url: Url = base.parse().map_err(|_| address())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.cannot_be_a_base() {
            return Err(address());
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("caxton/", env!("CARGO_PKG_VERSION")))
            // A server on the loopback interface must not be looked for behind a proxy.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| address())?;
        Ok(Self { http, base: Arc::new(url), workspace: WorkspaceName::default() })
    }

    /// A client of another workspace of the same server.
    pub fn in_workspace(&self, workspace: WorkspaceName) -> Self {
        Self { workspace, ..self.clone() }
    }

    /// The server's address, without a `/` at its end.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The workspace that requests go to.
    pub fn workspace(&self) -> &WorkspaceName {
        &self.workspace
    }

    /// A request for what belongs to the server.
    pub(crate) fn at_server(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = Url::clone(&self.base);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        self.http.request(method, url).timeout(REQUEST_TIMEOUT)
    }

    /// A request for what belongs to the workspace.
    pub(crate) fn at(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let scope = ["api", "v1", "workspaces", self.workspace.as_str()];
        self.at_server(method, &[&scope, segments].concat())
    }

    /// Sends, and refuses what is no success.
    pub(crate) async fn send_request(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = self.respond(request).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    /// Sends, and takes whatever comes back.
    pub(crate) async fn respond(&self, request: RequestBuilder) -> Result<Response, Error> {
        request.send().await.map_err(|source| self.failure(source, REQUEST_TIMEOUT))
    }

    pub(crate) fn failure(&self, source: reqwest::Error, waited: Duration) -> Error {
        let url = self.base().to_owned();
        if source.is_connect() {
            Error::Unreachable { url, source: source.without_url() }
        } else if source.is_timeout() {
            Error::Timeout { url, waited }
        } else {
            Error::Broken { url, source: source.without_url() }
        }
    }

    pub(crate) fn odd(&self, reason: impl Into<String>) -> Error {
        Error::Protocol { url: self.base().to_owned(), reason: reason.into() }
    }

    pub(crate) async fn refusal(&self, mut response: Response) -> Error {
        let status = response.status().as_u16();
        let is_problem =
            response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(Problem::MEDIA_TYPE.as_bytes()));
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            if body.len() + chunk.len() > PROBLEM_LEN_MAX {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        match serde_json::from_slice(&body) {
            Ok(problem) if is_problem => Error::Problem(problem),
            // A `HEAD` has no body to say more.
            _ if body.is_empty() => {
                Error::Problem(Box::new(Problem::new(Code::from_http(status), format!("the server answered {status}"))))
            }
            _ => self.odd(format!("it answered {status} without a problem document")),
        }
    }

    /// Sends, and reads the answer as JSON.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let response = self.send_request(request).await?;
        self.read(response).await
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, Error> {
        let bytes = response.bytes().await.map_err(|source| self.failure(source, REQUEST_TIMEOUT))?;
        serde_json::from_slice(&bytes).map_err(|error| self.odd(error.to_string()))
    }

    /// Sends, and takes the answer as it is written.
    pub(crate) async fn text(&self, request: RequestBuilder) -> Result<String, Error> {
        self.send_request(request).await?.text().await.map_err(|source| self.failure(source, REQUEST_TIMEOUT))
    }

    /// Asks with this query.
    pub(crate) async fn query<T: DeserializeOwned>(&self, segments: &[&str], query: &impl Serialize) -> Result<T, Error> {
        self.fetch(self.at(Method::GET, segments).query(query)).await
    }

    /// One page after the other, until there is no more or there are so many.
    pub(crate) async fn pages<T: DeserializeOwned>(
        &self,
        what: &str,
        query: Vec<(&'static str, String)>,
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        let (mut all, mut after) = (Vec::new(), None);
        while all.len() < limit {
            let mut query = query.clone();
            query.push(("limit", (limit - all.len()).min(1000).to_string()));
            query.extend(after.take().map(|after| ("after", after)));
            let page: Page<T> = self.query(&[what], &query).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(all)
    }
}
