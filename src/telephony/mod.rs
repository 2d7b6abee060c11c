//! The phone side: a telephony vendor's control plane, its rooms, and its events.
//!
//! No call logic: nothing here knows a flow or a state. Daily is the vendor; the sandbox's room is the
//! stand-in for its media, which cannot be redirected.

mod by_client;
pub mod daily;
mod dial_limits;
mod leg_refusal;
pub(crate) mod prose;
pub mod ws_room;
mod zones;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use by_client::ByClient;
pub use by_client::{LegCommand, LegOrder};
pub use dial_limits::{DialLimits, DialRefusal};

use crate::audio::Frame;
use crate::pii::{Address, ApiKey, PhoneNumber};

pub use leg_refusal::LegRefusal;

/// The control plane: rooms, tokens, forwarding, dial-out. Every method is bounded in time.
pub trait Telephony: Send + Sync {
    /// Creates a room with SIP dial-in and dial-out, and an owner token for it.
    fn create_room(&self, request: RoomRequest) -> BoxFuture<'_, Result<Room, TelephonyError>>;
    /// Deletes a room; a room that is gone already counts as deleted.
    fn delete_room<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), TelephonyError>>;
    /// Forwards the held caller into the room (`pinlessCallUpdate`), once the room said it is ready.
    fn forward_caller<'a>(
        &'a self,
        dial_in: &'a DialIn,
        sip_uri: &'a str,
    ) -> BoxFuture<'a, Result<(), TelephonyError>>;
    /// Starts a new leg into the room.
    fn start_dial_out<'a>(
        &'a self,
        room: &'a str,
        request: &'a DialOut,
    ) -> BoxFuture<'a, Result<LegId, TelephonyError>>;
    /// Stops a leg; one that is gone already counts as stopped.
    fn stop_dial_out<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
    ) -> BoxFuture<'a, Result<(), TelephonyError>>;
    /// Sends keys to a leg.
    fn send_dtmf<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
        tones: &'a str,
    ) -> BoxFuture<'a, Result<(), TelephonyError>>;
    /// Decides whom participants of a room hear, all of them in one step. What is not named stays as it is.
    fn set_hearing<'a>(
        &'a self,
        room: &'a str,
        hearing: &'a [Hearing],
    ) -> BoxFuture<'a, Result<(), TelephonyError>>;
    /// Moves the caller's leg out of the room (`sipCallTransfer`).
    fn sip_transfer<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
        to: &'a DialOut,
    ) -> BoxFuture<'a, Result<(), TelephonyError>>;
    /// Sends the caller's leg elsewhere (SIP REFER).
    fn sip_refer<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
        to: &'a Address,
    ) -> BoxFuture<'a, Result<(), TelephonyError>>;
}

/// What a room is for.
#[derive(Clone, Debug)]
pub struct RoomRequest {
    /// Shown as the SIP display name; "unknown" if withheld.
    pub caller: Option<PhoneNumber>,
    /// How long the room may live. Its participants are ejected then.
    pub lifetime: Duration,
    /// The current time, in seconds since 1970: the vendor wants an absolute expiry.
    pub now: i64,
}

/// A room that was created.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its name, the key of all later requests.
    pub name: String,
    /// Where to join.
    pub url: String,
    /// An owner token.
    pub token: ApiKey,
    /// Where callers are forwarded to, with `sip:`; the `dialin-ready` event repeats it.
    pub sip_endpoint: Option<String>,
    /// When it ends and everybody is put out, in seconds since 1970, if that is known.
    pub expires_at: Option<i64>,
}

/// A call that the vendor holds for us: the body of the dial-in webhook. Prints without the SIP headers, which
/// may name people.
#[derive(Clone, PartialEq, Eq)]
pub struct DialIn {
    /// The vendor's id of the call.
    pub call_id: String,
    /// The vendor's domain of the call.
    pub call_domain: String,
    /// The caller, if not withheld.
    pub from: Option<PhoneNumber>,
    /// The number called.
    pub to: Option<PhoneNumber>,
    /// SIP headers of an interconnect call, as received.
    pub sip_headers: serde_json::Map<String, serde_json::Value>,
}

impl fmt::Debug for DialIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, call_domain, from, to, sip_headers } = self;
        f.debug_struct("DialIn")
            .field("call_id", call_id)
            .field("call_domain", call_domain)
            .field("from", from)
            .field("to", to)
            .field("sip_headers", &sip_headers.len())
            .finish()
    }
}

/// A leg to be started.
#[derive(Clone, Debug)]
pub struct DialOut {
    /// Whom.
    pub to: Address,
    /// Shown to the person called.
    pub display_name: Option<Arc<str>>,
    /// Id of a purchased number.
    pub caller_id: Option<Arc<str>>,
    /// Keys sent after the answer; `w` before them is half a second of pause.
    pub extension: Option<Arc<str>>,
    /// Hears nobody from its first moment on. Only a client in the room can say so when it dials
    /// ([`LegCommand::Start`]); over REST the leg is told as soon as it is there.
    pub deaf: bool,
}

/// Whom one participant hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// Who.
    pub listener: LegId,
    /// Whether everybody is heard who is not among `but`.
    pub others: bool,
    /// Whether these are heard, whoever else is.
    pub but: Vec<(LegId, bool)>,
}

/// The vendor's session id of one leg; also the leg's participant id in the room.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LegId(pub Arc<str>);

impl LegId {
    /// Wraps an id as received.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }
}

/// The media plane: joins rooms.
pub trait RoomClient: Send + Sync {
    /// Joins a room as its owner. Resolves when joined; bounded.
    fn join<'a>(&'a self, room: &'a Room) -> BoxFuture<'a, Result<RoomSession, TelephonyError>>;
}

/// A joined room.
#[derive(Debug)]
pub struct RoomSession {
    /// Our own session id in it, if the room has said it.
    pub own_id: Option<LegId>,
    /// What happens in it. Closed after a last [`RoomEvent::Closed`].
    pub events: mpsc::Receiver<RoomEvent>,
    /// Audio of each subscribed participant. Bounded; the oldest is dropped when full.
    pub audio: mpsc::Receiver<(LegId, Frame)>,
    /// Our own audio and wishes.
    pub commands: mpsc::Sender<RoomCommand>,
    /// Takes commands for legs, if this client is to give them.
    pub legs: Option<mpsc::Sender<LegOrder>>,
    /// The session's task; dropped with it, which leaves the room at once.
    pub task: AbortOnDropHandle<()>,
}

/// What we want of a room.
#[derive(Debug)]
pub enum RoomCommand {
    /// 20 ms of our voice. Sent every 20 ms while the microphone is on.
    Audio(Frame),
    /// Publish or unpublish the microphone.
    Microphone(bool),
    /// Subscribe to everybody's audio, or to nobody's.
    Subscribe(bool),
    /// Leave politely; answered by [`RoomEvent::Closed`].
    Leave,
}

/// What happens in a room. Names and fields are Daily's, no more than Daily tells.
#[derive(Debug, Clone, PartialEq)]
pub enum RoomEvent {
    /// `participant-joined`.
    ParticipantJoined {
        /// Its session id.
        id: LegId,
    },
    /// `participant-left`.
    ParticipantLeft {
        /// Its session id.
        id: LegId,
    },
    /// `dialin-ready`: callers can be forwarded.
    DialinReady {
        /// Where to, as received.
        sip_endpoint: String,
    },
    /// `dialin-connected`: the caller's leg; media may not flow yet.
    DialinConnected {
        /// The leg.
        id: LegId,
    },
    /// `dialin-stopped`.
    DialinStopped {
        /// The leg.
        id: LegId,
    },
    /// `dialin-error`.
    DialinError {
        /// The leg, if known.
        id: Option<LegId>,
        /// The vendor's text.
        message: String,
    },
    /// `dialout-connected`: it rings at the far end; not answered.
    DialoutConnected {
        /// The leg.
        id: LegId,
    },
    /// `dialout-answered`.
    DialoutAnswered {
        /// The leg.
        id: LegId,
    },
    /// `dialout-stopped`: the far end hung up, or we stopped it.
    DialoutStopped {
        /// The leg.
        id: LegId,
    },
    /// `dialout-error`.
    DialoutError {
        /// The leg, if known.
        id: Option<LegId>,
        /// The vendor's text.
        message: String,
    },
    /// `dialout-warning` and `dialin-warning`: logged only.
    Warning {
        /// The vendor's text.
        message: String,
    },
    /// `dtmf-event`.
    Dtmf {
        /// The leg, if known.
        id: Option<LegId>,
        /// The key.
        tone: char,
    },
    /// We are out of the room: left, ejected, expired, or cut off.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Why we are out of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// We left.
    Left,
    /// The room ended or we were ejected.
    Ended,
    /// The connection broke.
    Lost(String),
}

/// Why the telephony vendor did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelephonyError {
    /// It could not be reached, or not within the deadline.
    #[error("cannot reach Daily: {0}")]
    Unreachable(String),
    /// The key is missing, malformed or refused.
    #[error("Daily refused the API key; check DAILY_API_KEY")]
    Unauthorized,
    /// Too many requests.
    #[error("Daily limits our requests")]
    RateLimited {
        /// The vendor's wish.
        retry_after: Option<Duration>,
    },
    /// The call or the room is not there (any more).
    #[error("Daily does not know it (any more): {0}")]
    NotFound(String),
    /// The request was refused.
    #[error("Daily refused: {0}")]
    Refused(String),
    /// A leg is not started or moved; trying again helps in few of the cases.
    #[error("{why} (Daily says: {info})")]
    LegRefused {
        /// What it means, and what to change.
        why: LegRefusal,
        /// Its text.
        info: String,
    },
    /// This server's own limits forbid it; the vendor was not asked.
    #[error(transparent)]
    NotAllowed(#[from] DialRefusal),
    /// The vendor is ill.
    #[error("Daily failed ({status}): {info}")]
    Vendor {
        /// HTTP status.
        status: u16,
        /// Its text.
        info: String,
    },
    /// It answered, but not its protocol.
    #[error("Daily sent something that is not its protocol: {0}")]
    Protocol(String),
}
