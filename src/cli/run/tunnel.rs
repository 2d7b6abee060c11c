//! `--tunnel`: a public URL for the webhook server of a laptop, through ngrok.
//!
//! Only in builds with the feature `tunnel`. Others say so, and how to do without.

#[cfg(feature = "tunnel")]
mod ngrok;

#[cfg(feature = "tunnel")]
pub(super) use self::ngrok::Tunnel;

/// Why there is no tunnel. Each has its fix in the text.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// This program was built without it.
    #[error(
        "this callflow was built without tunnels: build it with `cargo build --features tunnel`, or run \
         `ngrok http {port}` beside it and give its URL with --public-url"
    )]
    NotBuilt {
        /// Of the webhook server.
        port: u16,
    },
    /// ngrok gives tunnels to account holders only.
    #[error(
        "NGROK_AUTHTOKEN is not set: copy it from dashboard.ngrok.com (Your Authtoken) into .env, or use another \
         tunnel and give its URL with --public-url"
    )]
    NoToken,
    /// The token is refused, or the service cannot be reached.
    #[error("ngrok gives no tunnel: {0}; look at NGROK_AUTHTOKEN and at the network")]
    Refused(String),
    /// The name is not ours, or in use.
    #[error(
        "ngrok does not give that name: {0}; `--tunnel-domain` is a domain of your ngrok account (dashboard.ngrok.com, Domains)"
    )]
    Name(String),
    /// Nobody answers.
    #[error("ngrok does not answer within {seconds} seconds; look at the network, or use --public-url")]
    Silent {
        /// How long was waited.
        seconds: u64,
    },
}

/// Stands in for the tunnel in builds without it.
#[cfg(not(feature = "tunnel"))]
pub(super) struct Tunnel(std::convert::Infallible);

#[cfg(not(feature = "tunnel"))]
impl Tunnel {
    pub(super) async fn open(
        local: &str,
        _domain: Option<&str>,
        _env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, TunnelError> {
        let port = reqwest::Url::parse(local).ok().and_then(|url| url.port()).unwrap_or_default();
        Err(TunnelError::NotBuilt { port })
    }

    pub(super) fn url(&self) -> &str {
        match self.0 {}
    }

    pub(super) async fn close(self) {
        match self.0 {}
    }
}

#[cfg(test)]
#[cfg(not(feature = "tunnel"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_build_without_tunnels_says_what_to_do_instead() {
        let opened = Tunnel::open("http://127.0.0.1:7860", None, &|_| None).await;
        let text = opened.err().unwrap().to_string();
        assert!(text.contains("--features tunnel") && text.contains("ngrok http 7860"), "{text}");
    }
}
