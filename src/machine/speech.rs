//! What the bot is saying: sentences and replies that were commanded and not yet answered.
//!
//! Each has a deadline, so a lost answer never leaves the call waiting. Playout is first in, first out:
//! the deadline of a sentence begins where the one before it ends.

use std::time::Duration;

use super::call::Step;
use super::{Effect, Millis, ReplyId, Timer, Timers, UtteranceId};
use crate::pii::Utterance;

/// Time for the voice to begin and for the answer to come back.
const SAY_BASE: Duration = Duration::from_secs(5);
/// Time for one character: twice the length of slow speech.
const SAY_PER_CHAR: Duration = Duration::from_millis(120);
/// A reply is generated and played within this. Longer than any vendor deadline, since it covers playout.
const REPLY_WITHIN: Duration = Duration::from_secs(60);
/// An utterance that was cut is answered within this.
const CUT_WITHIN: Duration = Duration::from_secs(2);

/// Everything that sounds, or is about to.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Speech {
    sentences: Vec<Sentence>,
    replies: Vec<Reply>,
    last_utterance: u32,
    last_reply: u32,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Sentence {
    id: UtteranceId,
    manner: Manner,
    cut: bool,
    deadline: Millis,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Reply {
    id: ReplyId,
    /// Whether it may still propose intents. One that has led to a transition may not, but its words are
    /// played to their end.
    live: bool,
    deadline: Millis,
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
    /// Whether nothing sounds and nothing is queued.
    pub(super) fn is_silent(&self) -> bool {
        self.sentences.is_empty() && self.replies.is_empty()
    }

    /// Whether nothing but prompts to a silent caller sounds.
    pub(super) fn is_silent_but_for_prompts(&self) -> bool {
        self.replies.is_empty() && self.sentences.iter().all(|s| s.manner == Manner::Prompt)
    }

    /// Whether only hold speech sounds, if anything.
    pub(super) fn is_hold_only(&self) -> bool {
        self.replies.is_empty() && self.sentences.iter().all(|s| s.manner == Manner::Hold)
    }

    pub(super) fn has_hold(&self) -> bool {
        self.sentences.iter().any(|s| s.manner == Manner::Hold)
    }

    pub(super) fn is_live(&self, reply: ReplyId) -> bool {
        self.replies.iter().any(|r| r.id == reply && r.live)
    }

    /// When what is being said is over at the latest.
    pub(super) fn ends_by(&self, now: Millis) -> Millis {
        self.sentences.iter().map(|s| s.deadline).max().unwrap_or(now).max(now)
    }

    /// Takes a sentence out because it was answered; false if the answer is stale.
    pub(super) fn said(&mut self, utterance: UtteranceId) -> bool {
        let before = self.sentences.len();
        self.sentences.retain(|s| s.id != utterance);
        self.sentences.len() < before
    }

    /// Takes a reply out because it is done; `None` if the answer is stale, else whether it was live.
    pub(super) fn replied(&mut self, reply: ReplyId) -> Option<bool> {
        let index = self.replies.iter().position(|r| r.id == reply)?;
        Some(self.replies.remove(index).live)
    }

    /// The reply has led to a transition: it proposes nothing more.
    pub(super) fn spend(&mut self, reply: ReplyId) {
        for r in self.replies.iter_mut().filter(|r| r.id == reply) {
            r.live = false;
        }
    }

    /// Forgets everything: the voice is gone.
    pub(super) fn forget(&mut self) {
        self.sentences.clear();
        self.replies.clear();
    }

    /// The earliest deadlines become the timers `Speech` and `Reply`.
    pub(super) fn arm(&self, timers: &mut Timers) {
        timers.set(Timer::Speech, self.sentences.iter().map(|s| s.deadline).min());
        timers.set(Timer::Reply, self.replies.iter().map(|r| r.deadline).min());
    }

    /// The sentence with the earliest deadline.
    pub(super) fn overdue_sentence(&self) -> Option<UtteranceId> {
        self.sentences.iter().min_by_key(|s| s.deadline).map(|s| s.id)
    }

    /// The reply with the earliest deadline.
    pub(super) fn overdue_reply(&self) -> Option<ReplyId> {
        self.replies.iter().min_by_key(|r| r.deadline).map(|r| r.id)
    }

    fn is_whole_pending(&self) -> bool {
        self.sentences.iter().any(|s| !s.manner.is_interruptible() && !s.cut)
    }

    fn is_uncut(&self) -> bool {
        !self.replies.is_empty() || self.sentences.iter().any(|s| !s.cut)
    }
}

impl Step<'_> {
    /// Speaks a sentence after whatever is being spoken.
    pub(super) fn say(&mut self, text: Utterance, manner: Manner) -> UtteranceId {
        let speech = &mut self.call.speech;
        speech.last_utterance += 1;
        let id = UtteranceId(speech.last_utterance);
        let begins = speech.ends_by(self.now);
        let deadline = begins.after(time_to_say(&text));
        speech.sentences.push(Sentence { id, manner, cut: false, deadline });
        self.emit(Effect::Say { utterance: id, text, interruptible: manner.is_interruptible() });
        id
    }

    /// Has the model answer. The id of the command is new; an older live reply must have been cancelled.
    pub(super) fn new_reply(&mut self) -> ReplyId {
        let speech = &mut self.call.speech;
        speech.last_reply += 1;
        let id = ReplyId(speech.last_reply);
        let begins = speech.ends_by(self.now);
        speech.replies.push(Reply { id, live: true, deadline: begins.after(REPLY_WITHIN) });
        id
    }

    /// The caller talks over the bot: everything is cut, if all of it may be. Whether it was.
    pub(super) fn barge_in(&mut self) -> bool {
        if self.call.speech.is_whole_pending() || !self.call.speech.is_uncut() {
            return false;
        }
        self.cut_speech();
        true
    }

    /// Cuts everything that sounds.
    pub(super) fn cut_speech(&mut self) {
        self.emit(Effect::StopSpeaking);
        let answered_by = self.now.after(CUT_WITHIN);
        for sentence in &mut self.call.speech.sentences {
            sentence.cut = true;
            sentence.deadline = answered_by;
        }
        for reply in std::mem::take(&mut self.call.speech.replies) {
            self.emit(Effect::CancelReply { reply: reply.id });
        }
    }

    /// Discards the reply that could still propose something, if there is one.
    pub(super) fn cancel_live_reply(&mut self) {
        let replies = &mut self.call.speech.replies;
        if let Some(index) = replies.iter().position(|r| r.live) {
            let reply = replies.remove(index).id;
            self.emit(Effect::CancelReply { reply });
        }
    }
}

/// The longest that saying a text may take.
pub(super) fn time_to_say(text: &Utterance) -> Duration {
    let chars = u32::try_from(text.text().chars().count()).unwrap_or(u32::MAX);
    SAY_BASE.saturating_add(SAY_PER_CHAR.saturating_mul(chars))
}
