//! What the bot is saying: sentences and replies that were commanded and not yet answered, in the order in
//! which they are heard.
//!
//! Playout is first in, first out, so only the first of them can be late: its time runs from when the one
//! before it was over. A lost answer never leaves the call waiting.

use std::hash::Hash as _;
use std::sync::Arc;
use std::time::Duration;

use super::abstraction::Fold;
use super::call::Step;
use super::{Effect, Millis, ReplyId, Timer, Timers, UtteranceId};
use crate::audio::SAMPLE_RATE;
use crate::pii::Utterance;

/// Time for the voice to begin and for the answer to come back.
const SAY_BASE: Duration = Duration::from_secs(5);
/// Time for one character: twice the length of slow speech.
const SAY_PER_CHAR: Duration = Duration::from_millis(120);
/// Of a recording.
const SAMPLES_A_MILLISECOND: usize = SAMPLE_RATE as usize / 1_000;
/// A reply is generated and played within this. Longer than any vendor deadline, since it covers playout: a
/// model that talks for two minutes is tiresome, but has not failed.
const REPLY_WITHIN: Duration = Duration::from_secs(180);
/// What was cut is answered within this.
const CUT_WITHIN: Duration = Duration::from_secs(2);

/// Everything that sounds, or is about to.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Speech {
    queue: Vec<Item>,
    /// Since when the first of the queue has been the first.
    first_since: Millis,
    last_utterance: u32,
    last_reply: u32,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Item {
    sound: Sound,
    within: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Sound {
    Sentence {
        id: UtteranceId,
        manner: Manner,
        cut: bool,
    },
    Reply {
        id: ReplyId,
        /// Whether it may still propose intents. One that has led to a transition may not, but its words
        /// are played to their end.
        live: bool,
        /// Whether it has asked for tools, which it can do once.
        consulted: bool,
    },
}

/// How a sentence may end early.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Manner {
    /// It may not.
    Whole,
    /// The caller can talk over it.
    Interruptible,
    /// As `Interruptible`, and nothing but a prompt to a silent caller.
    Prompt,
    /// Said over hold audio; cut when somebody answers.
    Hold,
}

impl Manner {
    fn is_interruptible(self) -> bool {
        matches!(self, Self::Interruptible | Self::Prompt)
    }
}

impl Speech {
    /// Where in the queue a sentence stands, if it does.
    pub(super) fn place_of(&self, utterance: UtteranceId) -> Option<usize> {
        self.sounds().position(|sound| matches!(sound, Sound::Sentence { id, .. } if id == utterance))
    }

    /// A clone in the memory that there is.
    pub(super) fn copy_from(&mut self, other: &Self) {
        let Self { queue, first_since, last_utterance, last_reply } = self;
        queue.clone_from(&other.queue);
        (*first_since, *last_utterance, *last_reply) =
            (other.first_since, other.last_utterance, other.last_reply);
    }

    /// For the explorer: the queue without ids and times.
    pub(super) fn fold(&self, fold: &mut Fold<'_>) {
        let Self { queue, first_since: _, last_utterance: _, last_reply: _ } = self;
        queue.len().hash(fold);
        for Item { sound, within: _ } in queue {
            match sound {
                Sound::Sentence { id: _, manner, cut } => (0_u8, manner, cut).hash(fold),
                Sound::Reply { id: _, live, consulted } => (1_u8, live, consulted).hash(fold),
            }
        }
    }

    /// Whether nothing sounds and nothing is queued.
    pub(super) fn is_silent(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether nothing sounds but sentences of one manner, if anything.
    pub(super) fn is_only(&self, manner: Manner) -> bool {
        self.sounds().all(|sound| matches!(sound, Sound::Sentence { manner: m, .. } if m == manner))
    }

    pub(super) fn has_hold(&self) -> bool {
        self.sounds().any(|sound| matches!(sound, Sound::Sentence { manner: Manner::Hold, .. }))
    }

    pub(super) fn has_reply(&self) -> bool {
        self.sounds().any(|sound| matches!(sound, Sound::Reply { .. }))
    }

    pub(super) fn is_live(&self, reply: ReplyId) -> bool {
        self.sounds().any(|sound| matches!(sound, Sound::Reply { id, live: true, .. } if id == reply))
    }

    /// Whether a reply may ask for tools; from now on it may not.
    pub(super) fn takes_tools(&mut self, reply: ReplyId) -> bool {
        self.queue.iter_mut().any(|item| match &mut item.sound {
            Sound::Reply { id, live: true, consulted } if *id == reply => !std::mem::replace(consulted, true),
            _ => false,
        })
    }

    /// Takes a sentence out because it was answered; false if the answer is stale.
    pub(super) fn said(&mut self, utterance: UtteranceId, now: Millis) -> bool {
        self.remove(now, |sound| matches!(sound, Sound::Sentence { id, .. } if id == utterance)).is_some()
    }

    /// Takes a reply out because it is done; `None` if the answer is stale, else whether it was live.
    pub(super) fn replied(&mut self, reply: ReplyId, now: Millis) -> Option<bool> {
        let sound = self.remove(now, |sound| matches!(sound, Sound::Reply { id, .. } if id == reply))?;
        Some(matches!(sound, Sound::Reply { live: true, .. }))
    }

    /// No reply may propose anything any more.
    pub(super) fn spend_all(&mut self) {
        for item in &mut self.queue {
            if let Sound::Reply { live, .. } = &mut item.sound {
                *live = false;
            }
        }
    }

    /// The reply has led to a transition: it proposes nothing more.
    pub(super) fn spend(&mut self, reply: ReplyId) {
        for item in &mut self.queue {
            if let Sound::Reply { id, live, .. } = &mut item.sound {
                *live &= *id != reply;
            }
        }
    }

    /// Forgets everything: the voice is gone.
    pub(super) fn forget(&mut self) {
        self.queue.clear();
    }

    /// When everything is over at the latest.
    pub(super) fn over_by(&self, now: Millis) -> Millis {
        let all = self.queue.iter().map(|item| item.within).sum();
        if self.queue.is_empty() { now } else { self.first_since.after(all).max(now) }
    }

    /// The deadline of what comes first becomes the timer `Speech` or `Reply`.
    pub(super) fn arm(&self, timers: &mut Timers) {
        let first = self.queue.first().map(|item| (item.sound, self.first_since.after(item.within)));
        let (speech, reply) = match first {
            None => (None, None),
            Some((Sound::Sentence { .. }, at)) => (Some(at), None),
            Some((Sound::Reply { .. }, at)) => (None, Some(at)),
        };
        timers.set(Timer::Speech, speech);
        timers.set(Timer::Reply, reply);
    }

    /// The sentence that comes first, if one does.
    pub(super) fn first_sentence(&self) -> Option<UtteranceId> {
        match self.sounds().next() {
            Some(Sound::Sentence { id, .. }) => Some(id),
            _ => None,
        }
    }

    /// The reply that comes first, if one does.
    pub(super) fn first_reply(&self) -> Option<ReplyId> {
        match self.sounds().next() {
            Some(Sound::Reply { id, .. }) => Some(id),
            _ => None,
        }
    }

    fn sounds(&self) -> impl Iterator<Item = Sound> {
        self.queue.iter().map(|item| item.sound)
    }

    fn push(&mut self, sound: Sound, within: Duration, now: Millis) {
        if self.queue.is_empty() {
            self.first_since = now;
        }
        self.queue.push(Item { sound, within });
    }

    fn remove(&mut self, now: Millis, is: impl Fn(Sound) -> bool) -> Option<Sound> {
        let index = self.sounds().position(is)?;
        if index == 0 {
            self.first_since = now;
        }
        Some(self.queue.remove(index).sound)
    }

    /// Whether something sounds that was not cut yet, and all of it may be.
    fn can_be_cut(&self) -> bool {
        let uncut = |sound: &Sound| !matches!(sound, Sound::Sentence { cut: true, .. });
        let may_be_cut = |sound| match sound {
            Sound::Sentence { manner, .. } => manner.is_interruptible(),
            Sound::Reply { .. } => true,
        };
        self.sounds().any(|sound| uncut(&sound)) && self.sounds().filter(uncut).all(may_be_cut)
    }
}

impl Step<'_> {
    /// Speaks a sentence after whatever is being spoken.
    pub(super) fn say(&mut self, text: Utterance, manner: Manner) -> UtteranceId {
        let within = time_to_say(&text);
        self.sound(text, None, within, manner, false)
    }

    /// [`Step::say`] for what passes the time.
    pub(super) fn say_aside(&mut self, text: Utterance) -> UtteranceId {
        let within = time_to_say(&text);
        self.sound(text, None, within, Manner::Interruptible, true)
    }

    /// Plays a recording after whatever is being spoken; `text` is what it says.
    pub(super) fn play(&mut self, audio: &Arc<str>, text: Utterance, manner: Manner) -> UtteranceId {
        let samples = self.plan.recording(audio).map_or(0, |samples| samples.len());
        let length =
            Duration::from_millis(u64::try_from(samples / SAMPLES_A_MILLISECOND).unwrap_or(u64::MAX));
        self.sound(text, Some(Arc::clone(audio)), SAY_BASE.saturating_add(length), manner, false)
    }

    fn sound(
        &mut self,
        text: Utterance,
        audio: Option<Arc<str>>,
        within: Duration,
        manner: Manner,
        aside: bool,
    ) -> UtteranceId {
        let speech = &mut self.call.speech;
        speech.last_utterance += 1;
        let id = UtteranceId(speech.last_utterance);
        speech.push(Sound::Sentence { id, manner, cut: false }, within, self.now);
        self.emit(Effect::Say {
            utterance: id,
            text,
            audio,
            interruptible: manner.is_interruptible(),
            aside,
        });
        id
    }

    /// A new live reply; an older one must have been cancelled.
    pub(super) fn new_reply(&mut self) -> ReplyId {
        let speech = &mut self.call.speech;
        speech.last_reply += 1;
        let id = ReplyId(speech.last_reply);
        speech.push(Sound::Reply { id, live: true, consulted: false }, REPLY_WITHIN, self.now);
        id
    }

    /// The caller talks over the bot: everything is cut, if all of it may be. Whether it was.
    pub(super) fn barge_in(&mut self) -> bool {
        let can_be_cut = self.call.speech.can_be_cut();
        if can_be_cut {
            self.cut_speech();
        }
        can_be_cut
    }

    /// Cuts everything that sounds. Sentences will say so; replies are over for us at once.
    pub(super) fn cut_speech(&mut self) {
        self.emit(Effect::StopSpeaking);
        let queue = std::mem::take(&mut self.call.speech.queue);
        for Item { sound, .. } in queue {
            match sound {
                Sound::Sentence { id, manner, .. } => {
                    self.call.speech.push(Sound::Sentence { id, manner, cut: true }, CUT_WITHIN, self.now);
                }
                Sound::Reply { id, .. } => self.emit(Effect::CancelReply { reply: id }),
            }
        }
    }

    /// Discards the reply that could still propose something, if there is one.
    pub(super) fn cancel_live_reply(&mut self) {
        let live = |sound| matches!(sound, Sound::Reply { live: true, .. });
        if let Some(Sound::Reply { id, .. }) = self.call.speech.remove(self.now, live) {
            self.emit(Effect::CancelReply { reply: id });
        }
    }
}

/// The longest that saying a text may take.
pub(super) fn time_to_say(text: &Utterance) -> Duration {
    let chars = u32::try_from(text.text().chars().count()).unwrap_or(u32::MAX);
    SAY_BASE.saturating_add(SAY_PER_CHAR.saturating_mul(chars))
}
