//! One participant as the room keeps it: who it is, what it hears, and what it said that is not played yet.

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::hearing::Hearing;
use super::playout::Playout;
use crate::audio::{FRAME_SAMPLES, Frame};

/// Messages that may wait for a client; a client that lets them pile up is cut off.
pub(super) const CLIENT_QUEUE: usize = 256;
/// Places in that queue that audio leaves to events.
const RESERVED_FOR_EVENTS: usize = 64;
/// Frames that may wait for a phone: a second.
pub(super) const PHONE_QUEUE: usize = 50;

/// A message to a client of the room.
#[derive(Clone, Debug)]
pub(crate) enum ToClient {
    /// An event as JSON text.
    Event(String),
    /// One participant's frame: session id and samples.
    Audio(Bytes),
}

/// A participant.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: Uuid,
    pub(super) user_name: Option<String>,
    pub(super) owner: bool,
    /// Seconds since 1970.
    pub(super) joined_at: f64,
    pub(super) playout: Playout,
    pub(super) ears: Ears,
    pub(super) hearing: Hearing,
}

/// How a participant is reached.
#[derive(Debug)]
pub(super) enum Ears {
    /// A client on a socket. Without a queue it was cut off and is about to leave.
    Client { queue: Option<mpsc::Sender<ToClient>>, microphone: bool, subscribed: bool },
    /// A phone's leg: hears the mix.
    Phone { queue: mpsc::Sender<Frame> },
}

/// A participant as `GET /control/state` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParticipantState {
    /// Its session id; for a phone also its leg's.
    pub session_id: String,
    /// Whether it is a phone's leg rather than a client.
    pub phone: bool,
    /// Whether its token is an owner's.
    pub owner: bool,
    /// Whether others hear it.
    pub heard: bool,
    /// Whether it hears others.
    pub hears: bool,
}

impl Member {
    /// Whether others can hear it.
    pub(super) fn is_heard(&self) -> bool {
        match self.ears {
            Ears::Client { microphone, .. } => microphone,
            Ears::Phone { .. } => true,
        }
    }

    /// Whether it is a phone's leg.
    pub(super) fn is_phone(&self) -> bool {
        matches!(self.ears, Ears::Phone { .. })
    }

    /// Queues an event, if it is a client. A client whose queue is full is cut off: it does not read.
    pub(super) fn tell(&mut self, text: &str) {
        if let Ears::Client { queue, .. } = &mut self.ears
            && let Some(sender) = queue
            && sender.try_send(ToClient::Event(text.to_owned())).is_err()
        {
            *queue = None;
        }
    }

    /// Queues another participant's audio, if it is a client that listens and reads.
    pub(super) fn pass_audio(&self, message: &Bytes) {
        if let Ears::Client { queue: Some(sender), subscribed: true, .. } = &self.ears
            && sender.capacity() > RESERVED_FOR_EVENTS
            && sender.try_send(ToClient::Audio(message.clone())).is_err()
        {
            tracing::debug!("a frame was lost: the client is leaving");
        }
    }

    /// Its state, for inspection.
    pub(super) fn state(&self) -> ParticipantState {
        let (phone, hears) = match self.ears {
            Ears::Client { subscribed, .. } => (false, subscribed),
            Ears::Phone { .. } => (true, true),
        };
        let session_id = self.id.to_string();
        ParticipantState { session_id, phone, owner: self.owner, heard: self.is_heard(), hears }
    }
}

/// The binary message of one participant's frame: 36 bytes of session id, 640 bytes of samples.
pub(super) fn audio_message(id: Uuid, frame: Option<&Frame>) -> Bytes {
    let mut message = id.to_string().into_bytes();
    match frame {
        Some(frame) => message.extend(frame.to_le_bytes()),
        None => message.resize(message.len() + 2 * FRAME_SAMPLES, 0),
    }
    message.into()
}
