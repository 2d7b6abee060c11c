//! The tunnel through the ngrok crate (github ngrok/ngrok-rust), with ring for TLS.
//!
//! The crate reconnects by itself; what is bounded here is the wait for the first connection and for the end.

use std::time::Duration;

use ngrok::Session;
use ngrok::config::ForwarderBuilder;
use ngrok::forwarder::Forwarder;
use ngrok::session::SessionBuilder;
use ngrok::tunnel::{EndpointInfo, HttpTunnel, TunnelCloser};
use reqwest::Url;
use tokio::time::timeout;

use super::TunnelError;
use crate::pii::ApiKey;

/// The variable of ngrok's token, as ngrok's own programs name it.
const TOKEN: &str = "NGROK_AUTHTOKEN";
/// How long each of the two steps, connecting and asking for a URL, may take.
const WITHIN: Duration = Duration::from_secs(15);
/// How long saying goodbye may take.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

/// An open tunnel. It ends when it is dropped.
pub(in crate::cli::run) struct Tunnel {
    session: Session,
    forwarder: Forwarder<HttpTunnel>,
}

impl Tunnel {
    /// Opens a tunnel to a server of this machine. `env` looks the token up.
    pub(in crate::cli::run) async fn open(
        local: &str,
        domain: Option<&str>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, TunnelError> {
        open(&builder(&token(env)?), local, domain).await
    }

    /// The public URL, without a slash at the end.
    pub(in crate::cli::run) fn url(&self) -> &str {
        self.forwarder.url().trim_end_matches('/')
    }

    /// Tells ngrok that the tunnel ends. It ends without that as well.
    pub(in crate::cli::run) async fn close(mut self) {
        let goodbye = async {
            self.forwarder.close().await?;
            self.session.close().await
        };
        match timeout(GOODBYE_WITHIN, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "ngrok did not take our goodbye"),
            Err(_) => tracing::debug!("ngrok did not answer our goodbye"),
        }
    }
}

fn token(env: &dyn Fn(&str) -> Option<String>) -> Result<ApiKey, TunnelError> {
    let token = env(TOKEN).map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
    token.map(ApiKey::new).ok_or(TunnelError::NoToken)
}

fn builder(token: &ApiKey) -> SessionBuilder {
    let mut builder = Session::builder();
    builder.authtoken(token.reveal()).client_info("callflow", env!("CARGO_PKG_VERSION"), None::<String>);
    builder
}

async fn open(builder: &SessionBuilder, local: &str, domain: Option<&str>) -> Result<Tunnel, TunnelError> {
    let refused = |error: &dyn std::error::Error| TunnelError::Refused(with_causes(error));
    let silent = |_| TunnelError::Silent { seconds: WITHIN.as_secs() };
    let local = Url::parse(local).map_err(|error| refused(&error))?;
    let session = timeout(WITHIN, builder.connect()).await.map_err(silent)?;
    let session = session.map_err(|error| refused(&error))?;
    let mut endpoint = session.http_endpoint();
    if let Some(domain) = domain {
        endpoint.domain(domain);
    }
    let forwarder = timeout(WITHIN, endpoint.listen_and_forward(local)).await.map_err(silent)?;
    let forwarder = forwarder.map_err(|error| match domain {
        Some(_) => TunnelError::Name(with_causes(&error)),
        None => refused(&error),
    })?;
    Ok(Tunnel { session, forwarder })
}

/// The error and what is behind it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[cfg(feature = "tunnel-tests")]
mod tests;
