//! Daily's control plane over REST: rooms, tokens, forwarding, dial-out, transfer; and its dial-in webhook.
//!
//! Paths, bodies and refusals are those of docs.daily.co/reference/rest-api. Media is not here.

pub mod account;
pub mod core;
mod leg_refusal;
mod names;
mod outcome;
mod persist;
mod refusal;
mod rest;
mod sweep;
pub mod webhook;
mod wire;

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use serde_json::Value;
use tokio::time::Instant;

use super::{DialIn, DialOut, Hearing, LegId, Room, RoomRequest, Telephony, TelephonyError};
use crate::pii::{Address, ApiKey};
use persist::{NOT_REPEATABLE, Persistence, REPEATABLE};
use rest::Rest;

pub use leg_refusal::leg_refusal;
pub use names::ServerMark;
pub use outcome::{InferredOutcome, infer_leg_outcome};
pub use sweep::Sweep;

/// How long creating a room and its token may take together: the caller hears hold music meanwhile.
const CREATE_WITHIN: Duration = Duration::from_secs(10);
/// How long forwarding the caller may be tried. Daily holds a caller for less than two minutes.
const FORWARD_WITHIN: Duration = Duration::from_secs(8);
/// How long the room of a failed token may take to be deleted.
const TIDY_WITHIN: Duration = Duration::from_secs(2);
/// How long any other request may take, retries included.
const COMMAND_WITHIN: Duration = Duration::from_secs(8);

/// A client of Daily's REST API.
#[derive(Debug)]
pub struct Daily {
    rest: Rest,
    server: ServerMark,
}

impl Daily {
    /// A client for a base URL that ends in `/v1`.
    ///
    /// # Errors
    /// [`TelephonyError::Refused`] if the URL or the key cannot be used at all.
    pub fn new(base_url: &str, key: ApiKey) -> Result<Self, TelephonyError> {
        Ok(Self { rest: Rest::new(base_url, key)?, server: ServerMark::unique() })
    }

    /// The same client, whose rooms have the mark of this server.
    #[must_use]
    pub fn of_server(self, server: ServerMark) -> Self {
        Self { server, ..self }
    }

    async fn room_with_token(&self, request: RoomRequest) -> Result<Room, TelephonyError> {
        let deadline = Instant::now() + CREATE_WITHIN;
        let name = self.server.new_room();
        let exp = wire::expiry(&request);
        let body = wire::room(&name, request.caller.as_ref(), exp);
        let answer = self.rest.post(&["rooms"], &body, NOT_REPEATABLE, deadline).await.map_err(explained)?;
        let room: wire::RoomAnswer = wire::read(answer, "the new room")?;

        let body = wire::owner_token(&room.name, exp);
        let token = self.rest.post(&["meeting-tokens"], &body, NOT_REPEATABLE, deadline).await;
        match token.and_then(wire::read_token) {
            Ok(token) => {
                let sip_endpoint = room.sip_endpoint();
                Ok(Room { name: room.name, url: room.url, token, sip_endpoint, expires_at: Some(exp) })
            }
            Err(error) => {
                // A room that nobody can own is of no use; what became of its end is of no interest.
                let deadline = Instant::now() + TIDY_WITHIN;
                if let Err(left_over) = gone_is_fine(self.rest.delete(&["rooms", &room.name], deadline).await)
                {
                    tracing::warn!(room = room.name, %left_over, "a room without a token is left to expire");
                }
                Err(error)
            }
        }
    }

    /// Posts something about a room.
    async fn about_room(
        &self,
        room: &str,
        action: &[&str],
        body: &Value,
        persistence: Persistence,
    ) -> Result<Value, TelephonyError> {
        let path: Vec<&str> = ["rooms", room].iter().chain(action).copied().collect();
        let answer = self.rest.post(&path, body, persistence, Instant::now() + COMMAND_WITHIN).await;
        answer.map_err(explained)
    }
}

impl Telephony for Daily {
    fn create_room(&self, request: RoomRequest) -> BoxFuture<'_, Result<Room, TelephonyError>> {
        self.room_with_token(request).boxed()
    }

    fn delete_room<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), TelephonyError>> {
        let deadline = Instant::now() + COMMAND_WITHIN;
        async move { gone_is_fine(self.rest.delete(&["rooms", name], deadline).await) }.boxed()
    }

    fn forward_caller<'a>(
        &'a self,
        dial_in: &'a DialIn,
        sip_uri: &'a str,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        let deadline = Instant::now() + FORWARD_WITHIN;
        let body = wire::forward(dial_in, sip_uri);
        async move {
            let path = ["dialin", "pinlessCallUpdate"];
            self.rest.post(&path, &body, REPEATABLE, deadline).await.map(drop)
        }
        .boxed()
    }

    fn start_dial_out<'a>(
        &'a self,
        room: &'a str,
        request: &'a DialOut,
    ) -> BoxFuture<'a, Result<LegId, TelephonyError>> {
        let body = wire::dial_out(request);
        async move {
            let answer = self.about_room(room, &["dialOut", "start"], &body, NOT_REPEATABLE).await?;
            wire::read_leg(answer)
        }
        .boxed()
    }

    fn stop_dial_out<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        let body = wire::leg(leg);
        // Stopping twice is harmless, and a leg that goes on ringing is not.
        async move { gone_is_fine(self.about_room(room, &["dialOut", "stop"], &body, REPEATABLE).await) }
            .boxed()
    }

    fn send_dtmf<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
        tones: &'a str,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        let body = wire::dtmf(leg, tones);
        async move { self.about_room(room, &["dialOut", "sendDTMF"], &body, NOT_REPEATABLE).await.map(drop) }
            .boxed()
    }

    fn set_hearing<'a>(
        &'a self,
        room: &'a str,
        hearing: &'a [Hearing],
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        let body = wire::permissions(hearing);
        // The same permissions twice are the same permissions.
        async move { self.about_room(room, &["update-permissions"], &body, REPEATABLE).await.map(drop) }
            .boxed()
    }

    fn sip_transfer<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
        to: &'a DialOut,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        let body = wire::sip_transfer(leg, to);
        async move { self.about_room(room, &["sipCallTransfer"], &body, NOT_REPEATABLE).await.map(drop) }
            .boxed()
    }

    fn sip_refer<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
        to: &'a Address,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        let body = wire::sip_refer(leg, to);
        async move {
            if matches!(to, Address::Phone(_)) {
                return Err(wire::refer_to_a_number());
            }
            self.about_room(room, &["sipRefer"], &body, NOT_REPEATABLE).await.map(drop)
        }
        .boxed()
    }
}

/// A refusal of a room for legs, or of a leg, with what is to be changed.
fn explained(error: TelephonyError) -> TelephonyError {
    match error {
        TelephonyError::Refused(info) => match leg_refusal(&info) {
            Some(why) => TelephonyError::LegRefused { why, info },
            None => TelephonyError::Refused(info),
        },
        other => other,
    }
}

/// What should go and is gone has gone.
fn gone_is_fine(answer: Result<Value, TelephonyError>) -> Result<(), TelephonyError> {
    match answer {
        Ok(_) | Err(TelephonyError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
