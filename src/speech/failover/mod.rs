//! Several providers of one kind behind the trait of one: who fails is replaced in the middle of a turn.
//!
//! Each of [`SttChain`], [`LlmChain`] and [`TtsChain`] holds its members in the order of preference. What a
//! caller was promised is kept: unspoken text is spoken by the next voice, the last seconds of audio are heard
//! by the next recogniser, and the next model goes on where the first one stopped. A [`Health`] for each
//! provider, shared by all calls of a process, keeps calls from waiting for one that is known to be down.
//! Decides nothing about the call: when nobody is left, the failure is told as a single provider tells it.

mod adapt;
mod continued;
mod health;
mod llm;
mod rest;
mod ring;
mod round;
mod stt;
mod tts;

#[cfg(test)]
mod tests;

pub use health::Health;
pub use llm::LlmChain;
pub use stt::SttChain;
pub use tts::TtsChain;

use std::sync::Arc;
use std::time::Duration;

/// A provider as part of a chain.
pub struct Member<P: ?Sized> {
    /// The provider's client.
    pub provider: Arc<P>,
    /// The model it is asked for.
    pub model: Arc<str>,
    /// The voice it is asked for (text to speech only).
    pub voice: Option<Arc<str>>,
    /// How it has done lately, in all calls.
    pub health: Arc<Health>,
}

impl<P: ?Sized> Clone for Member<P> {
    fn clone(&self) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            model: Arc::clone(&self.model),
            voice: self.voice.clone(),
            health: Arc::clone(&self.health),
        }
    }
}

/// From a request to the model to its first word; then from word to word.
const FIRST_TOKEN: Duration = Duration::from_millis(2500);
/// From a text to its first audio, while little is known of a voice.
const FIRST_AUDIO: Duration = Duration::from_millis(1200);
/// All voices together may take so long, if each takes more than it should: as long as one alone may, and less than
/// the call waits.
const ANY_AUDIO: Duration = Duration::from_millis(5500);
/// How long a provider may take to open when another waits behind it.
const OPEN_WITHIN: Duration = Duration::from_millis(1500);
/// How often a stream goes to another provider before one has done something whole; a call is not a carousel.
const MOST_SWITCHES: usize = 6;

/// Those that may be asked, in the order in which they should be: first those that are well. Never empty
/// unless there are none. Asks nobody: whoever has rested is not held to be tried by this.
fn in_order<P: ?Sized>(members: &[Member<P>]) -> Vec<usize> {
    let (well, ill): (Vec<_>, Vec<_>) =
        (0..members.len()).partition(|&index| members[index].health.may_be_asked());
    well.into_iter().chain(ill).collect()
}
