//! A guest's HTTP request, sent.

use std::{
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use caxton_types::Scheme;
use http_body_util::BodyExt as _;
use hyper::{
    Method, Request, Response, Uri,
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::http1,
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, crypto::aws_lc_rs, pki_types::ServerName},
};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, io::TokioIo};

use super::{Egress, Refusal, Target, counted::Counted, rules::own_port};
use crate::account::Account;

/// The key of a tool's permissions that opens hosts.
const KEY: &str = "hosts";

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Io), Error>;

/// Where the `wasi:http` of a guest comes out.
pub(crate) struct Hooks {
    pub(crate) egress: Option<Arc<Egress>>,
    pub(crate) account: Arc<Account>,
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (egress, account) = (self.egress.clone(), Arc::clone(&self.account));
        // Counted here, not where it is sent: a flood of requests must not even become tasks.
        let counted = account.request();
        Box::new(async move {
            match (egress, counted) {
                (Some(egress), Ok(())) => send(&egress, request, options.unwrap_or_default(), account).await,
                (None, _) | (_, Err(_)) => Err(Error::HttpRequestDenied),
            }
        })
    }
}

async fn send(egress: &Egress, mut request: Request<WasiBody>, options: RequestOptions, account: Arc<Account>) -> Sent {
    let (uri, method) = (std::mem::take(request.uri_mut()), request.method().clone());
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        _ => return Err(Error::HttpProtocolError),
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let port = authority.port_u16().unwrap_or_else(|| own_port(scheme));
    let target = Target { scheme: Some(scheme), host: &host, port, method: method.as_str() };
    // A name with a user before it, and a tunnel, lead elsewhere than they seem to.
    if let Some(odd) = odd(authority.as_str(), &method) {
        account.deny(format!("{target}, {odd}"), KEY);
        return Err(Error::HttpRequestDenied);
    }
    let addresses = egress.addresses(&target).await.map_err(|refusal| refused(&refusal, &target, &account))?;
    let within = |wanted: Option<Duration>, most: Duration| wanted.map_or(most, |wanted| wanted.min(most));
    let most = &egress.options;
    let connecting = connect(&addresses, scheme, &host, Arc::clone(&account));
    let (mut sender, connection) =
        timeout(within(options.connect_timeout, most.connect_timeout), connecting).await.map_err(|_| Error::ConnectionTimeout)??;
    let connection = wasmtime_wasi::runtime::spawn(connection);
    // The server is told the path only; scheme and host are for a proxy.
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = Uri::builder().path_and_query(path).build().map_err(|_| Error::HttpRequestUriInvalid)?;
    let response = timeout(within(options.first_byte_timeout, most.first_byte_timeout), sender.send_request(request))
        .await
        .map_err(|_| Error::ConnectionReadTimeout)??;
    let between = within(options.between_bytes_timeout, most.between_bytes_timeout);
    let response = response.map(|body| Paced { body, between, late: Box::pin(sleep(between)) }.boxed_unsync());
    Ok((response, Box::new(connection)))
}

/// What no rule allows, whatever the host.
fn odd(authority: &str, method: &Method) -> Option<&'static str> {
    if method == Method::CONNECT {
        return Some("a tunnel");
    }
    authority.contains('@').then_some("with a user before the host")
}

fn refused(refusal: &Refusal, target: &Target<'_>, account: &Account) -> Error {
    if let Refusal::Unresolved { reason, .. } = refusal {
        tracing::debug!(%target, reason, "a host has no address");
        return Error::DnsError { rcode: Some("the name could not be resolved".to_owned()), info_code: None };
    }
    account.deny(target.to_string(), KEY);
    match refusal {
        Refusal::Private { .. } => Error::DestinationIpProhibited,
        Refusal::NotListed { .. } | Refusal::Denied { .. } | Refusal::Unresolved { .. } => Error::HttpRequestDenied,
    }
}

type Connected = (http1::SendRequest<WasiBody>, Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>);

/// Connects to one of exactly these addresses.
async fn connect(addresses: &[std::net::SocketAddr], scheme: Scheme, host: &str, account: Arc<Account>) -> Result<Connected, Error> {
    let stream = Counted::new(TcpStream::connect(addresses).await.map_err(Error::Connect)?, account);
    match scheme {
        Scheme::Http => speak(stream).await,
        Scheme::Https => {
            let config = TLS.as_ref().map_err(|error| Error::InternalError(Some(error.clone())))?;
            let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
            speak(TlsConnector::from(Arc::clone(config)).connect(name, stream).await.map_err(Error::Tls)?).await
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Connected, Error> {
    let (sender, connection) = http1::Builder::new().handshake(TokioIo::new(stream)).await?;
    Ok((sender, Box::pin(async move { connection.await.map_err(Error::from) })))
}

/// One for all: it holds nothing of any request.
static TLS: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier);
    let failed = |error: rustls::Error| format!("TLS could not be set up: {error}");
    config.map(|config| Arc::new(config.with_no_client_auth())).map_err(failed)
});

/// The body of a response, each piece of which has to come in time.
struct Paced {
    body: Incoming,
    between: Duration,
    late: Pin<Box<Sleep>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let next = Instant::now() + self.between;
            self.late.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        ready!(self.late.as_mut().poll(context));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
