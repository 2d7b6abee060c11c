//! Tries the webhook as Daily would reach it: the test ping, which server answers, and whether it has our secret.
//!
//! Nothing that is sent can start a call: the ping is a test, and the signed body has no call in it. If no
//! server runs here, one is put up for the time of the trial, so that a tunnel can be tried before the first
//! run; it takes no calls.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Client;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::super::subject::Subject;
use super::{http, local};
use crate::cli::doctor::unix_now;
use crate::server::{Calls, Server, ServerOptions, StartBot, StartError, Started};
use crate::telephony::DialIn;
use crate::telephony::daily::webhook::{SIGNATURE_HEADER, TIMESTAMP_HEADER, Verifier};

/// What came of it; all `None` without a public URL.
#[derive(Debug, Default)]
pub(in crate::cli::doctor) struct WebhookFacts {
    /// How the test ping was answered: the status, or why it was not.
    pub(in crate::cli::doctor) ping: Option<Result<u16, String>>,
    /// Which callflow server answers under the public URL.
    pub(in crate::cli::doctor) instance: Option<String>,
    /// Which callflow server answers at the port on this machine.
    pub(in crate::cli::doctor) local_instance: Option<String>,
    /// Whether that one was put up for the trial.
    pub(in crate::cli::doctor) stand_in: bool,
    /// The status of an empty request without a signature.
    pub(in crate::cli::doctor) unsigned: Option<u16>,
    /// The status of the same with our signature, if we have a secret.
    pub(in crate::cli::doctor) signed: Option<u16>,
}

pub(in crate::cli::doctor) async fn try_it(subject: &Subject) -> WebhookFacts {
    let Some(public_url) = &subject.survey.public_url else { return WebhookFacts::default() };
    let mut facts = WebhookFacts::default();
    let mut here = local::health(subject.survey.listen).await;
    // Held until the trial is over.
    let mut stand_in = None;
    if here.is_none() && subject.survey.listen.port() != 0 {
        stand_in = put_up(subject).await;
        here = local::health(subject.survey.listen).await;
    }
    facts.stand_in = stand_in.is_some();
    facts.local_instance = here.flatten();

    let start = format!("{public_url}/start");
    let client = match http::client(&start) {
        Ok(client) => client,
        Err(why) => return WebhookFacts { ping: Some(Err(why)), ..facts },
    };
    let ping = http::send(client.post(&start).json(&json!({"Test": "test"}))).await;
    facts.ping = Some(ping.map(|answer| answer.status));
    if let Ok(answer) = http::send(client.get(format!("{public_url}/health"))).await {
        facts.instance = answer.instance;
    }
    if facts.instance.is_some() {
        facts.unsigned = empty(&client, &start, None).await;
        let secret = subject.survey.webhook_secret.as_ref();
        if let Some(verifier) = secret.and_then(|secret| Verifier::new(secret).ok()) {
            facts.signed = empty(&client, &start, Some(&verifier)).await;
        }
    }
    drop(stand_in);
    facts
}

/// The status of a request without any call in it.
async fn empty(client: &Client, start: &str, verifier: Option<&Verifier>) -> Option<u16> {
    const BODY: &str = "{}";
    let mut request = client.post(start).header("content-type", "application/json").body(BODY);
    if let Some(verifier) = verifier {
        let timestamp = format!("{}000", unix_now());
        let signature = verifier.sign(&timestamp, BODY.as_bytes());
        request = request.header(SIGNATURE_HEADER, signature).header(TIMESTAMP_HEADER, timestamp);
    }
    http::send(request).await.ok().map(|answer| answer.status)
}

/// A server at the webhook's port that answers tests and takes no calls.
async fn put_up(subject: &Subject) -> Option<AbortOnDropHandle<()>> {
    let options = ServerOptions {
        webhook_secret: subject.survey.webhook_secret.clone(),
        is_public: true,
        ..ServerOptions::new(subject.survey.listen)
    };
    // Why it cannot be had is what another check tells.
    let server = Server::bind(options, Arc::new(NoCalls)).await.ok()?;
    Some(AbortOnDropHandle::new(tokio::spawn(server.run(CancellationToken::new()))))
}

/// Takes no calls.
pub(in crate::cli::doctor) struct NoCalls;

impl Calls for NoCalls {
    fn start(&self, _dial_in: DialIn) -> BoxFuture<'_, Result<Started, StartError>> {
        async { Err(StartError::Draining) }.boxed()
    }

    fn start_bot(&self, _body: StartBot) -> BoxFuture<'_, Result<Started, StartError>> {
        async { Err(StartError::Draining) }.boxed()
    }

    fn live(&self) -> usize {
        0
    }
}
