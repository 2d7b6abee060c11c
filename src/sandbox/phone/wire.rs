//! The phones' messages as JSON: Twilio Media Streams' names, and three of our own.
//!
//! Shared by the network's side and by [`Phone`](super::Phone): the protocol is ours, and the tests speak
//! it literally. See `docs/sandbox-protocol.md`, section "The phones".

use serde::{Deserialize, Serialize};

/// A message, in either direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Message {
    /// First from the phone.
    Connected { protocol: String, version: String },
    /// Second from the phone: what it wants.
    #[serde(rename_all = "camelCase")]
    Start { sequence_number: String, stream_sid: String, start: Start },
    /// 20 ms of audio.
    #[serde(rename_all = "camelCase")]
    Media { stream_sid: String, media: Media },
    /// A key.
    #[serde(rename_all = "camelCase")]
    Dtmf { stream_sid: String, dtmf: Dtmf },
    /// From a ringing phone: picked up.
    #[serde(rename_all = "camelCase")]
    Answer { stream_sid: String },
    /// From a ringing phone: not picked up.
    #[serde(rename_all = "camelCase")]
    Reject { stream_sid: String, reason: RejectReason },
    /// To a waiting phone.
    #[serde(rename_all = "camelCase")]
    Ringing { stream_sid: String, from: String },
    /// To a caller: the network took the call.
    #[serde(rename_all = "camelCase")]
    Answered { stream_sid: String },
    /// The end of a call, from either side.
    #[serde(rename_all = "camelCase")]
    Stop {
        stream_sid: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Twilio's, to a phone: forget what has not been played.
    #[serde(rename_all = "camelCase")]
    Clear { stream_sid: String },
    /// Twilio's, to a phone: to be sent back when everything before it has been played.
    #[serde(rename_all = "camelCase")]
    Mark { stream_sid: String, mark: Mark },
}

/// The body of `start`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    pub(super) stream_sid: String,
    pub(super) call_sid: String,
    pub(super) custom_parameters: Purpose,
    pub(super) media_format: MediaFormat,
}

/// What a phone is for: one call, or waiting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Purpose {
    /// Waits for its number to be dialled.
    Wait { number: String },
    /// Places a call; without `from` the number is withheld.
    Call {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        to: String,
    },
}

/// Twilio's media format; there is only one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MediaFormat {
    pub(super) encoding: String,
    pub(super) sample_rate: u32,
    pub(super) channels: u8,
}

impl MediaFormat {
    /// 8 kHz µ-law, mono.
    pub(super) fn ulaw() -> Self {
        Self { encoding: "audio/x-mulaw".to_owned(), sample_rate: 8_000, channels: 1 }
    }
}

/// The body of `media`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Media {
    /// Base64 of µ-law bytes.
    pub(super) payload: String,
}

/// The body of `dtmf`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Dtmf {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) track: Option<String>,
    pub(super) digit: char,
}

/// The body of `mark`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) name: String,
}

/// Why a ringing phone is not picked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RejectReason {
    /// In another call.
    Busy,
    /// Not wanted.
    Rejected,
    /// Out of reach.
    Unreachable,
}
