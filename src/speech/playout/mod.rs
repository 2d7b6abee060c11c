//! What the caller hears: utterances in order, one frame every 20 ms, and an account of how much of each
//! was really handed out. "Said" means heard.
//!
//! No clock and no I/O: whoever owns a [`Playout`] asks for a frame every 20 ms and passes on what the
//! voice gives. What to say and when to cut is not decided here.

mod heard;
mod hold;
mod line;
mod queue;
mod seam;
#[cfg(test)]
mod tests;

pub use queue::Playout;

use std::time::Duration;

use super::ContextId;
use crate::pii::Utterance;

/// How audio is played out, and what may be held at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutSettings {
    /// Length of the fade when speech is cut.
    pub fade: Duration,
    /// Audio that must be there before a context starts, or goes on after it ran dry, unless there will be no
    /// more: a voice that stutters over the network is worse than one that is a little late.
    pub lead: Duration,
    /// Frames between handing out and hearing (a transport's own buffer): events come so much later.
    pub downstream_frames: u64,
    /// Audio that one context may hold unplayed; with more it fails, and what it holds is played.
    pub longest_audio: Duration,
    /// Contexts that may be open at once; one more fails at once.
    pub most_contexts: usize,
}

impl Default for PlayoutSettings {
    fn default() -> Self {
        Self {
            fade: Duration::from_millis(15),
            lead: Duration::from_millis(40),
            downstream_frames: 0,
            longest_audio: Duration::from_secs(120),
            most_contexts: 32,
        }
    }
}

/// What became of a context. Of each that was begun there is at most one `Started` and exactly one `Finished`.
#[derive(Clone, Debug, PartialEq)]
pub enum PlayoutEvent {
    /// The caller hears its first sample.
    Started {
        /// Which.
        context: ContextId,
    },
    /// It is over: heard to its end, cut, or failed.
    Finished {
        /// Which.
        context: ContextId,
        /// What the caller heard of it.
        heard: Heard,
    },
}

/// How much of an utterance the caller heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The beginning of the text that was heard, up to a word edge.
    pub text: Utterance,
    /// Whether that was all of it.
    pub all: bool,
}
