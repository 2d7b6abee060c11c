//! Voice activity: when somebody begins to speak and when they stop.
//!
//! A small neural network (the `earshot` crate) says how much a window of 16 ms sounds like speech. It alone
//! is not enough on a telephone: it takes line noise, keypad tones, ringback and busy for speech, and keeps
//! its opinion for 100 ms after a sound has ended. So speech here is what the network takes for speech *and*
//! is voiced somewhere, is not a tone, and is not far below the level of the voice that is speaking.
//!
//! No transcripts, no turns: those are built on this.

mod detector;
#[cfg(test)]
pub(crate) mod sounds;
#[cfg(test)]
mod speech_tests;
#[cfg(test)]
mod tests;
mod tones;
mod voicing;

pub use detector::Vad;

use std::time::Duration;

/// When speech is taken to begin and to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VadSettings {
    /// The network's score (0 to 1) from which a window may begin speech.
    pub start_score: f32,
    /// The score from which a window continues speech that has begun; not above `start_score`.
    pub stay_score: f32,
    /// How long speech must last to count; one bad window in it is forgiven.
    pub onset: Duration,
    /// How long silence must last for speech to have stopped.
    pub stop: Duration,
}

impl Default for VadSettings {
    fn default() -> Self {
        Self {
            start_score: 0.4,
            stay_score: 0.3,
            onset: Duration::from_millis(100),
            stop: Duration::from_millis(200),
        }
    }
}

/// A change of voice activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VadEvent {
    /// Somebody has been speaking for the onset time.
    SpeechStarted,
    /// Nobody has been speaking for the stop time.
    SpeechStopped,
}
