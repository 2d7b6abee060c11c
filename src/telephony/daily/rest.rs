//! One authorised JSON request and its answer; retries are `persist`'s.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, Url};
use serde_json::Value;
use tokio::time::Instant;

use super::persist::{Failure, Persistence, REPEATABLE};
use super::refusal;
use crate::pii::ApiKey;
use crate::telephony::TelephonyError;

/// How long opening a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Longest answer that is read.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Daily's REST API at one base URL.
#[derive(Debug)]
pub(super) struct Rest {
    http: Client,
    base: Url,
    key: ApiKey,
}

impl Rest {
    pub(super) fn new(base_url: &str, key: ApiKey) -> Result<Self, TelephonyError> {
        let unusable = |why: String| TelephonyError::Refused(format!("cannot use its base URL: {why}"));
        let base = Url::parse(base_url).map_err(|error| unusable(error.to_string()))?;
        if base.cannot_be_a_base() {
            return Err(unusable("it has no host".to_owned()));
        }
        let http = client(base.scheme() == "https").map_err(|error| unusable(root_cause(&error)))?;
        Ok(Self { http, base, key })
    }

    pub(super) async fn post(
        &self,
        path: &[&str],
        body: &Value,
        persistence: Persistence,
        deadline: Instant,
    ) -> Result<Value, TelephonyError> {
        persistence.keep_trying(deadline, || self.once(Method::POST, path, &[], Some(body))).await
    }

    pub(super) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<Value, TelephonyError> {
        REPEATABLE.keep_trying(deadline, || self.once(Method::GET, path, query, None)).await
    }

    pub(super) async fn put(
        &self,
        path: &[&str],
        body: &Value,
        deadline: Instant,
    ) -> Result<Value, TelephonyError> {
        REPEATABLE.keep_trying(deadline, || self.once(Method::PUT, path, &[], Some(body))).await
    }

    pub(super) async fn delete(&self, path: &[&str], deadline: Instant) -> Result<Value, TelephonyError> {
        REPEATABLE.keep_trying(deadline, || self.once(Method::DELETE, path, &[], None)).await
    }

    async fn once(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let started = Instant::now();
        let url = self.url(path, query);
        let mut request = self.http.request(method.clone(), url).bearer_auth(self.key.reveal());
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let answer = read(&mut response).await?;
        let path = without_secrets(path);
        tracing::debug!(%method, path, status = status.as_u16(), took = ?started.elapsed(), "Daily answered");
        if !status.is_success() {
            let error = refusal::meaning(status.as_u16(), retry_after.as_deref(), &answer);
            return Err(Failure { error, undone: status.as_u16() == 429 });
        }
        if answer.is_empty() {
            // `update-permissions` is documented without an answer.
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|_| Failure {
            error: TelephonyError::Protocol(format!("{path}: not JSON")),
            undone: false,
        })
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

/// The path as it may be logged. A meeting token that is asked about stands in it, or the name of a room, which
/// is all that is needed to join it.
fn without_secrets(path: &[&str]) -> String {
    let mut path = path.to_vec();
    if let ["meeting-tokens" | "rooms", secret, ..] = path.as_mut_slice() {
        *secret = "•••";
    }
    path.join("/")
}

/// A client that follows no redirect, because the key goes with every request.
fn client(tls: bool) -> Result<Client, reqwest::Error> {
    let client = Client::builder()
        .user_agent(concat!("callflow/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WITHIN)
        .redirect(reqwest::redirect::Policy::none());
    if tls {
        install_tls();
        return client.build();
    }
    // Plain HTTP is for servers of one's own: no proxy stands before them, and no root certificates are
    // needed, which a slim container may not have and which take long to read.
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let no_roots =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    match no_roots {
        Ok(config) => {
            let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
            client.no_proxy().tls_backend_preconfigured(config).build()
        }
        Err(_) => client.no_proxy().build(),
    }
}

/// Makes ring the TLS provider of this process; calling it again changes nothing.
fn install_tls() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("a TLS provider was installed before");
    }
}

async fn read(response: &mut reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if answer.len() + chunk.len() > LONGEST_ANSWER {
            let error = TelephonyError::Protocol("an answer without end".to_owned());
            return Err(Failure { error, undone: false });
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn unreachable(error: reqwest::Error) -> Failure {
    let undone = error.is_connect();
    Failure { error: TelephonyError::Unreachable(root_cause(&error.without_url())), undone }
}

/// The innermost cause: reqwest's own text says only that it did not work.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
