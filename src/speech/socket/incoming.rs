//! What arrives on a WebSocket, sorted into messages, ends and nonsense.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use super::{Endpoint, vendor_text};
use crate::speech::SpeechError;

/// This many messages in a row that are not the protocol are no accident.
const MAX_GARBAGE: usize = 10;

/// One frame of an open connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping or a pong, which the library has seen to.
    Nothing,
}

impl Endpoint {
    /// Sorts what a socket gave.
    ///
    /// # Errors
    /// The connection's end: [`SpeechError::Refused`] if the vendor closed it with 1008 (policy violation; a
    /// new connection would end alike), else [`SpeechError::Disconnected`].
    pub fn incoming(&self, message: Option<Result<Message, WsError>>) -> Result<Incoming, SpeechError> {
        match message {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text)),
            Some(Ok(Message::Binary(bytes))) => Ok(Incoming::Binary(bytes)),
            Some(Ok(Message::Close(frame))) => Err(self.closed(frame)),
            Some(Ok(_ping_or_pong)) => Ok(Incoming::Nothing),
            Some(Err(error)) => Err(self.disconnected(error.to_string())),
            None => Err(self.disconnected("it ended without a goodbye")),
        }
    }

    fn closed(&self, frame: Option<CloseFrame>) -> SpeechError {
        let Some(CloseFrame { code, reason }) = frame else {
            return self.disconnected("closed without a code");
        };
        let detail = format!("closed with {}: {}", u16::from(code), vendor_text(&reason));
        match code {
            CloseCode::Policy => SpeechError::Refused { vendor: self.vendor, detail },
            _ => self.disconnected(detail),
        }
    }
}

/// Counts messages that are not the protocol: one is forgiven, many in a row are not.
#[derive(Debug, Default)]
pub struct Garbage {
    in_a_row: usize,
}

impl Garbage {
    /// A message was understood.
    pub fn forget(&mut self) {
        self.in_a_row = 0;
    }

    /// A message was not; `detail` says what was wrong with it, never what was in it.
    ///
    /// # Errors
    /// [`SpeechError::Protocol`] after ten in a row.
    pub fn count(&mut self, vendor: &'static str, detail: String) -> Result<(), SpeechError> {
        tracing::warn!(vendor, %detail, "a vendor sent something unintelligible");
        self.in_a_row += 1;
        if self.in_a_row < MAX_GARBAGE { Ok(()) } else { Err(SpeechError::Protocol { vendor, detail }) }
    }
}
