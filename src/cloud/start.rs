//! `POST /v1/public/{agent}/start`: one bot on one call.

use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::refusal;
use super::{CloudError, SessionArgs};
use crate::pii::ApiKey;

/// How long starting may be tried; with the room before it, less than the server's own patience.
const START_WITHIN: Duration = Duration::from_secs(8);
/// How long one attempt may take.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(6);
/// How long opening a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// What is waited after each failed attempt; one attempt more than this is made.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_millis(1500),
    Duration::from_secs(3),
];
/// Longest answer that is read.
const LONGEST_ANSWER: usize = 256 * 1024;

/// A client of the start API for one agent.
#[derive(Debug)]
pub struct PipecatCloud {
    http: Client,
    url: Url,
    agent: String,
    key: ApiKey,
}

/// A failed attempt.
struct Failure {
    error: CloudError,
    /// Whether certainly no bot was started: the platform was not reached, or had none to give.
    undone: bool,
}

impl PipecatCloud {
    /// A client for a base URL that ends in `/v1`, an agent's name, and a public key.
    ///
    /// # Errors
    /// [`CloudError::Settings`] if they can never work.
    pub fn new(base_url: &str, agent: &str, key: ApiKey) -> Result<Self, CloudError> {
        let unusable = |why: &str| CloudError::Settings(why.to_owned());
        let mut url = Url::parse(base_url).map_err(|_| unusable("PIPECAT_API_URL is not a URL"))?;
        match url.path_segments_mut() {
            Ok(mut path) => drop(path.pop_if_empty().extend(["public", agent, "start"])),
            Err(()) => return Err(unusable("PIPECAT_API_URL has no host")),
        }
        let http = client(url.scheme() == "https").map_err(|error| unusable(&root_cause(&error)))?;
        Ok(Self { http, url, agent: agent.to_owned(), key })
    }

    /// Starts a bot. Tried again only when certainly none was started: a second bot in the same room would
    /// answer the same caller. Gives the platform's id of the session, for its dashboard and logs.
    ///
    /// # Errors
    /// See [`CloudError`]. When no answer came, or the platform failed, a bot may have been started
    /// nevertheless; without its room it ends at once.
    pub async fn start(&self, args: &SessionArgs) -> Result<Option<String>, CloudError> {
        let deadline = Instant::now() + START_WITHIN;
        let body = json!({"createDailyRoom": false, "body": args.write()});
        let mut pauses = PAUSES.into_iter();
        loop {
            let attempt_by = deadline.min(Instant::now() + ATTEMPT_WITHIN);
            let failure = match timeout_at(attempt_by, self.once(&body)).await {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(failure)) => failure,
                Err(_) => return Err(CloudError::Unreachable("no answer in time".to_owned())),
            };
            let pause = pauses.next().filter(|pause| failure.undone && Instant::now() + *pause < deadline);
            let Some(pause) = pause else { return Err(failure.error) };
            tracing::debug!(error = %failure.error, ?pause, "starting the bot again");
            sleep(pause).await;
        }
    }

    async fn once(&self, body: &Value) -> Result<Option<String>, Failure> {
        let request = self.http.post(self.url.clone()).bearer_auth(self.key.reveal()).json(body);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if answer.len() + chunk.len() > LONGEST_ANSWER {
                return Err(Failure {
                    error: CloudError::Protocol("an answer without end".to_owned()),
                    undone: false,
                });
            }
            answer.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            let error = refusal::meaning(&self.agent, status.as_u16(), &answer);
            let undone = error == CloudError::AtCapacity;
            return Err(Failure { error, undone });
        }
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(|_| Failure { error: CloudError::Protocol("not JSON".to_owned()), undone: false })?;
        Ok(answer.get("sessionId").and_then(Value::as_str).map(str::to_owned))
    }
}

/// A client that follows no redirect, because the key goes with every request.
fn client(tls: bool) -> Result<Client, reqwest::Error> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("a TLS provider was installed before");
    }
    let client = Client::builder()
        .user_agent(concat!("callflow/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WITHIN)
        .redirect(reqwest::redirect::Policy::none());
    // Plain HTTP is for servers of one's own: no proxy stands before them, and no root certificates are needed.
    if tls { client.build() } else { client.no_proxy().tls_certs_only([]).build() }
}

fn unreachable(error: reqwest::Error) -> Failure {
    let undone = error.is_connect();
    Failure { error: CloudError::Unreachable(root_cause(&error.without_url())), undone }
}

/// The innermost cause: reqwest's own text says only that it did not work.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
