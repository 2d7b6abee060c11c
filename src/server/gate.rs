//! Who may ask this server for what.
//!
//! A webhook is believed if it is signed, once there is a secret to verify it with. A bot in a given room is
//! started for holders of the token, and without one only for programs of this machine. Whoever is not
//! known to be one of these is a stranger: with no secret set a stranger's webhook is taken, because Daily
//! could have sent it, but the answer keeps the room to itself, and there is a limit to how many are taken.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};

use super::rate::Rate;
use super::reply::Reply;
use super::{ServerOptions, WallClock};
use crate::access::{AccessToken, is_from_web_page, is_local, sole_header};
use crate::telephony::daily::webhook::{
    SIGNATURE_HEADER, SecretError, SignatureError, TIMESTAMP_HEADER, Verifier,
};

/// The gate of one server.
pub(super) struct Gate {
    verifier: Option<Verifier>,
    token: Option<AccessToken>,
    /// Requests may come from other machines.
    exposed: bool,
    clock: WallClock,
    known: Rate,
    strangers: Rate,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// Somebody with the secret or the token, or a program of this machine.
    Known,
    /// Nobody knows.
    Stranger,
}

/// Why somebody is sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("requests of web pages are not taken")]
    WebPage,
    #[error("this needs `Authorization: Bearer` with the value of CALLFLOW_API_TOKEN")]
    NoToken,
    #[error("this is for programs of the same machine only; set CALLFLOW_API_TOKEN to open it to others")]
    Closed,
    #[error("the body must be of type application/json")]
    NotJson,
    #[error("too many requests; CALLFLOW_REQUESTS_PER_SECOND allows no more")]
    TooMany { again_in: Duration },
}

impl Gate {
    pub(super) fn new(options: &ServerOptions) -> Result<Self, SecretError> {
        let verifier = options.webhook_secret.as_ref().map(Verifier::new).transpose()?;
        // Whoever has a secret for webhooks lets them in from outside, perhaps by a tunnel of their own.
        let exposed = options.is_public || verifier.is_some() || !options.listen.ip().is_loopback();
        Ok(Self {
            verifier,
            token: options.api_token.as_ref().map(AccessToken::new),
            exposed,
            clock: options.clock.clone(),
            known: Rate::new(options.requests_per_second),
            strangers: Rate::new(options.requests_per_second),
        })
    }

    /// Whether a webhook is believed.
    pub(super) fn webhook(&self, headers: &HeaderMap, body: &[u8]) -> Result<Asker, Denied> {
        self.count(self.sender(headers, body))
    }

    /// A test of the webhook, which starts nothing and need not be signed: Daily may send it before it knows
    /// the secret.
    pub(super) fn ping(&self) -> Result<(), Denied> {
        self.count(Ok(Asker::Stranger)).map(drop)
    }

    /// Whether somebody may control this server.
    pub(super) fn control(&self, headers: &HeaderMap) -> Result<(), Denied> {
        self.count(self.controller(headers)).map(drop)
    }

    fn sender(&self, headers: &HeaderMap, body: &[u8]) -> Result<Asker, Denied> {
        if let Some(verifier) = &self.verifier {
            let header = |name| sole_header(headers, name);
            verifier.verify(header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER), body, (self.clock)())?;
            return Ok(Asker::Known);
        }
        if self.has_token(headers) || (!self.exposed && is_local(headers)) {
            return Ok(Asker::Known);
        }
        if is_from_web_page(headers) { Err(Denied::WebPage) } else { Ok(Asker::Stranger) }
    }

    fn controller(&self, headers: &HeaderMap) -> Result<Asker, Denied> {
        if self.token.is_some() {
            return if self.has_token(headers) { Ok(Asker::Known) } else { Err(Denied::NoToken) };
        }
        if self.exposed || !is_local(headers) {
            return Err(Denied::Closed);
        }
        // What a web page can send without asking first is of another type.
        let content = sole_header(headers, header::CONTENT_TYPE).and_then(|value| value.split(';').next());
        match content {
            Some(kind) if kind.trim().eq_ignore_ascii_case("application/json") => Ok(Asker::Known),
            _ => Err(Denied::NotJson),
        }
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        self.token.as_ref().is_some_and(|token| token.is_presented(headers))
    }

    /// Strangers, and whoever is sent away, cannot use up what those who are known need.
    fn count(&self, asker: Result<Asker, Denied>) -> Result<Asker, Denied> {
        let rate = if asker == Ok(Asker::Known) { &self.known } else { &self.strangers };
        rate.admit().map_err(|again_in| Denied::TooMany { again_in })?;
        if let Err(denied) = asker {
            tracing::warn!(%denied, "a request was sent away");
        }
        asker
    }
}

impl From<Denied> for Reply {
    fn from(denied: Denied) -> Self {
        let status = match denied {
            Denied::Signature(SignatureError::Missing) | Denied::NoToken => StatusCode::UNAUTHORIZED,
            Denied::Signature(_) | Denied::WebPage | Denied::Closed => StatusCode::FORBIDDEN,
            Denied::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Denied::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        };
        let reply = Self::error(status, &denied.to_string());
        match denied {
            Denied::TooMany { again_in } => reply.retry_after(again_in),
            Denied::NoToken => reply.challenge(),
            _ => reply,
        }
    }
}
