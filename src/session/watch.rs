//! What others may see of a running call: its status, and a stream of things worth showing.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::CallRecord;
use crate::machine::LegOutcome;
use crate::pii::Utterance;

/// How a call stands right now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallStatus {
    /// Name of its state; empty before the caller is there.
    pub state: Arc<str>,
    /// The bot is speaking, or about to (queued speech, a reply being generated).
    pub bot_busy: bool,
    /// What the caller says counts.
    pub listening: bool,
    /// A leg to an operator rings.
    pub ringing: bool,
    /// Who picked up was asked whether they take the call, and has heard the question.
    pub asked: bool,
    /// The bot is out and two people talk.
    pub handed_off: bool,
    /// The call is over.
    pub over: bool,
}

/// Something worth showing.
#[derive(Clone, Debug)]
pub enum CallEvent {
    /// The call is in this state now.
    Entered {
        /// Its name.
        state: Arc<str>,
    },
    /// The bot said something, and this much of it was heard.
    BotSaid {
        /// What was to be said.
        text: Utterance,
        /// What was heard.
        heard: Utterance,
    },
    /// The caller's turn as it was understood.
    CallerSaid {
        /// The words.
        text: Utterance,
    },
    /// A target is being dialled.
    Dialing {
        /// Its name in the flow.
        target: Arc<str>,
    },
    /// It rings there.
    Ringing,
    /// It was picked up.
    Answered,
    /// The person called takes the call, having been asked.
    Accepted,
    /// The attempt failed.
    LegFailed {
        /// How.
        outcome: LegOutcome,
        /// The vendor's text.
        raw: String,
        /// What whoever runs the bot can change, if that is known.
        fix: Option<String>,
    },
    /// The bot is out of the conversation.
    BotLeft {
        /// Milliseconds after the answer.
        after_ms: u64,
    },
    /// The call is over.
    Ended(Arc<CallRecord>),
}

/// The session's side of both.
#[derive(Clone, Debug)]
pub struct Watch {
    status: watch::Sender<CallStatus>,
    events: Option<mpsc::Sender<CallEvent>>,
}

impl Watch {
    /// A watch whose events nobody reads.
    #[must_use]
    pub fn silent() -> Self {
        Self { status: watch::Sender::new(CallStatus::default()), events: None }
    }

    /// A watch with its readers.
    #[must_use]
    pub fn new(capacity: usize) -> (Self, watch::Receiver<CallStatus>, mpsc::Receiver<CallEvent>) {
        let (events, receiver) = mpsc::channel(capacity);
        let (status, status_receiver) = watch::channel(CallStatus::default());
        (Self { status, events: Some(events) }, status_receiver, receiver)
    }

    pub(super) fn status(&self, status: CallStatus) {
        self.status.send_if_modified(|old| {
            let changed = *old != status;
            *old = status;
            changed
        });
    }

    pub(super) fn event(&self, event: CallEvent) {
        // A reader that is too slow misses lines of the transcript; it must never hold up a call.
        if let Some(events) = &self.events
            && events.try_send(event).is_err()
        {
            tracing::debug!("a transcript line was dropped: its reader is gone or too slow");
        }
    }
}
